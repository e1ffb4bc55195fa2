"""Clear away the folders that a migration has made, when all that it did in them is undone."""

from pathlib import PurePosixPath

from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration.backup.contents import reading
from dashtam_tasks.migration.execution import undoing
from dashtam_tasks.migration.execution.course import Course
from dashtam_tasks.migration.execution.undoing import Act, Action
from dashtam_tasks.migration.ledger import saved_plan
from dashtam_tasks.migration.snapshots import Kind, shown


def clear_all(course: Course) -> None:
    """Clear every folder that is there only since the migration, those further down first; raise DashtamError."""
    for folder in saved_plan.new_folders(course.site.saved):
        clear(course, folder)


def clear(course: Course, folder: str) -> None:
    """Remove a folder that is there only since the migration, or set it aside with what is in it.

    One that the migration is known to fill (facts.folders), such as that of reports, is set aside; one in which
    the person has files, and one in which a file stays, stays.
    """
    here = course.site
    path = here.project / folder
    present = course.look(folder)
    if present.kind is Kind.ABSENT:
        return
    if present.kind is not Kind.FOLDER:
        take_away(course, folder)
        return
    with reading(path):
        left = [course.look(f"{folder}/{one.name}") for one in path.iterdir()]
    if all(one.kind is Kind.ABSENT for one in left):
        course.act(("", 0), Action(act=Act.REMOVE, path=folder, found=present))
    elif folder in here.saved.facts.folders and not holds_kept(course, folder):
        course.act(("", 0), Action(act=Act.SET_ASIDE, path=folder))
    else:
        course.keep(filled(folder))


def take_away(course: Course, path: str) -> None:
    """Leave what the person has put in place of a folder of the migration, or set it aside when told to."""
    if course.force:
        course.act(("", 0), Action(act=Act.SET_ASIDE, path=path))
    else:
        course.keep(undoing.kept(path))


def holds_kept(course: Course, folder: str) -> bool:
    """Return whether a file that stays is in a folder."""
    return any(PurePosixPath(one.where).is_relative_to(shown(folder)) for one in course.result.kept)


def filled(folder: str) -> Finding:
    """Return that a folder stays, since it holds more than the migration made."""
    return Finding(
        kind="folder-in-use",
        where=shown(folder),
        message="It holds files that are not the migration's, and stays.",
        severity=Severity.WARNING,
    )
