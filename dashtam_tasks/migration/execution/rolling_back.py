"""Roll a migration back, from wherever it stands: what it did is undone in reverse, what a person did stays.

A rollback that was cut short is finished by another one; until then nothing goes forwards.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding
from dashtam_tasks.migration import backup, durable, ledger
from dashtam_tasks.migration.backup import records
from dashtam_tasks.migration.execution import clearing, putting_back, site
from dashtam_tasks.migration.execution.course import Course, RolledBack, in_the_end, undo_all, was_dumped
from dashtam_tasks.migration.execution.site import Site, Volumes
from dashtam_tasks.migration.ledger import saved_plan
from dashtam_tasks.migration.ledger.journal import Event
from dashtam_tasks.migration.ledger.plans import SavedPlan
from dashtam_tasks.migration.ledger.saved_plan import ROOT
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.snapshots import Kind, Snapshot
from dashtam_tasks.notifying import Notify

__all__ = ["RolledBack", "roll_back"]

ROLLED_BACK = "rolled-back.json"


def roll_back(
    project: Path,
    saved: SavedPlan,
    *,
    force: bool,
    dry_run: bool,
    notify: Notify,
    volumes: Volumes | None = None,
) -> RolledBack:
    """Take a migration back and return what that meant; with `dry_run` nothing is changed.

    Files that the person changed since stay and are named; `force` sets them aside in the backup. Raises
    DashtamError: DATA when the backup or the journal is damaged, before anything is changed; CANNOT_CREATE, IO, and
    what volumes raise. Whatever it raises, the same call goes on from there.
    """
    if is_archived(project, saved):
        return RolledBack() if dry_run else RolledBack(kept=finish(project, saved))
    refuse_damaged(site.backup_of(project, saved))
    if dry_run:
        return rehearsed(project, saved, force=force, notify=notify, volumes=volumes)
    here = site.opened(project, saved, volumes=volumes, notify=notify)
    here = replace(here, saved=begun(here))
    course = Course(site=here, force=force, dry_run=False)
    undo_all(course)
    clearing.clear_all(course)
    put_times_back(course)
    here.journal.append(Event.ROLLED_BACK)
    told = dict.fromkeys((*course.result.told, *dumped(here)))
    course.result = replace(course.result, kept=(*course.result.kept, *put_away(here)), told=tuple(told))
    return in_the_end(course.result)


def dumped(here: Site) -> Iterator[str]:
    """Yield where each dump of a copied volume is, also those of a run that was cut short."""
    operations = (one.operation for _, one in here.saved.keyed())
    volumes = {one.target for one in operations if isinstance(one, CopyVolume)}
    for dump in records.read(here.backup.folder).dumps:
        if dump.volume in volumes:
            yield was_dumped(dump.volume, here.backup.dump_file(dump))


def rehearsed(
    project: Path, saved: SavedPlan, *, force: bool, notify: Notify, volumes: Volumes | None
) -> RolledBack:
    """Return what a rollback would do, by thinking it through."""
    here = site.looked_at(project, saved, volumes=volumes, notify=notify)
    course = Course(site=here, force=force, dry_run=True)
    undo_all(course)
    clearing.clear_all(course)
    return in_the_end(course.result)


def refuse_damaged(found: backup.Backup) -> None:
    """Raise DashtamError (DATA) for a backup that is not sound."""
    findings = backup.verified(found)
    if findings:
        raise DashtamError(
            f"The backup {found.name} is damaged, and nothing was taken back.",
            code=ExitCode.DATA,
            hint="`migrate.backups --verify` names what is wrong. Put it right, and try again.",
            details="\n".join(f"{one.where}: {one.message}" for one in findings),
        )


def begun(here: Site) -> SavedPlan:
    """Write down that from here on it only goes back, and return the plan that says so."""
    saved = here.saved
    if not saved.is_rolling_back:
        saved = replace(saved, is_rolling_back=True)
        saved_plan.keep(saved)
    if not any(one.event is Event.ROLLBACK_BEGUN for one in here.journal.records):
        here.journal.append(Event.ROLLBACK_BEGUN)
    return saved


def put_times_back(course: Course) -> None:
    """Give the folders in which something was changed the times that they had; raise DashtamError."""
    here = course.site
    chosen = (one.operation for _, one in here.saved.keyed())
    for path in saved_plan.parents(chosen) - {ROOT}:
        before = here.backup.entries.get(path, here.saved.folders[path])
        if before.kind is Kind.FOLDER and here.look(path).kind is Kind.FOLDER:
            for finding in time_put_back(here.project, path, before):
                course.keep(finding)


def time_put_back(project: Path, path: str, before: Snapshot) -> Iterator[Finding]:
    """Give a folder the time that it had, and yield that it could not be, if so; raise DashtamError."""
    backup.put_back_times(project / path, before)
    found = durable.look_at(project / path)
    finding = putting_back.unlike(path, found, msgspec.structs.replace(found, mtime=before.mtime))
    if finding:
        yield finding


def put_away(here: Site) -> tuple[Finding, ...]:
    """Move the ledger into the backup in one go, and finish, as that says; raise DashtamError (CANNOT_CREATE)."""
    for folder in (here.ledger.scratch, here.ledger.originals):
        with durable.naming(folder):
            for one in folder.iterdir():
                one.unlink()
    target = putting_back.set_aside(here, ledger.NAME)
    return finish(here.project, replace(here.saved, ledger=ledger.Ledger(target)))


def is_archived(project: Path, saved: SavedPlan) -> bool:
    """Return whether a rollback has got as far as moving its ledger away."""
    return saved.ledger.folder.resolve() != ledger.of(project).folder.resolve()


def finish(project: Path, saved: SavedPlan) -> tuple[Finding, ...]:
    """Do what is left when the ledger is in the backup: the time of the project's folder, and the plan's end.

    Returns what could not be put back of the folder's time.
    """
    before = site.backup_of(project, saved).entries.get(ROOT, saved.folders[ROOT])
    missed = tuple(time_put_back(project, ROOT, before))
    with durable.naming(saved.ledger.plan):
        saved.ledger.plan.rename(saved.ledger.folder / ROLLED_BACK)
        files.sync_folder(saved.ledger.folder)
    return missed
