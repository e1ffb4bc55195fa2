"""Conditions: what must hold before a migration is begun or goes on, each said before anything is changed."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Severity
from dashtam_tasks.migration import backup, legacy, volumes
from dashtam_tasks.migration.backup import dumps
from dashtam_tasks.migration.backup.clusters import Cluster
from dashtam_tasks.migration.ledger import BACKUPS
from dashtam_tasks.migration.ledger.saved_plan import SavedPlan
from dashtam_tasks.migration.operations import CopyVolume, Operation
from dashtam_tasks.migration.planning import plan
from dashtam_tasks.migration.planning.choices import Choices, Volumes
from dashtam_tasks.migration.planning.plan import Plan
from dashtam_tasks.migration.steps import Step
from dashtam_tasks.notifying import Notify

DUMP_SUFFIXES = frozenset({".dump", ".sql"})


def require_same(saved: SavedPlan, choices: Choices) -> None:
    """Raise DashtamError (USAGE) for a choice that is not the one that the plan under way was made with."""
    for name, value in choices.given().items():
        known = saved.choices.get(name, "")
        if value != known:
            option = f"--{name.replace('_', '-')}"
            planned = f"with {option}={known}" if known else f"without {option}"
            raise DashtamError(
                f"The migration under way was planned {planned}.",
                code=ExitCode.USAGE,
                hint="Go on without that option, or take it back with migrate.rollback and begin anew.",
            )


def require_sound(made: Plan) -> None:
    """Raise DashtamError (DATA) for a plan that is refused, or of which a step is not proven."""
    refused = [f"{one.where}: {one.message} {one.hint}".rstrip() for one in made.refusals]
    unproven = [
        f"step {step.outline.number}: {one} is not on the list of changes"
        for step in made.steps
        for one in step.unproven
    ]
    if not plan.is_sound(made):
        raise DashtamError(
            "This project cannot be migrated as it is.",
            code=ExitCode.DATA,
            details="\n".join((*refused, *unproven)),
            hint="Nothing was changed. `migrate.plan` shows the same, with all that was found.",
        )


def require_known_volumes(made: Plan, choices: Choices) -> None:
    """Raise DashtamError (UNAVAILABLE) when nobody could be asked what data there are to take along."""
    if not are_volumes_known(made, choices):
        raise DashtamError(
            f"Whether development has data to take along is not known: {made.found.engine.problem}",
            code=ExitCode.UNAVAILABLE,
            hint="Nothing was changed. Start the engine and try again; to begin with empty volumes, say "
            "--volumes=none.",
        )


def are_volumes_known(made: Plan, choices: Choices) -> bool:
    """Return whether the data of a project are known, or nobody wants them."""
    named = any(one.model and one.model.volumes for one in made.found.resolutions[:1])
    return made.found.engine.answered or choices.data is Volumes.NONE or not named


def require_copyable(made: Plan, *, notify: Notify) -> None:
    """Tell what there is to know of volumes; raise DashtamError (DATA) when one cannot be copied."""
    copies = tuple(copied(one for step in made.steps for one in step.operations))
    found = volumes.problems(copies, made.found, dumps=dumps_of(made.found.folder, copies)) if copies else ()
    for one in found:
        notify(f"{one.where}: {one.message}")
    wrong = [one for one in found if one.severity is Severity.ERROR]
    if wrong:
        raise DashtamError(
            "\n".join(f"{one.where}: {one.message}" for one in wrong),
            code=ExitCode.DATA,
            hint=" ".join(dict.fromkeys(one.hint for one in wrong)),
        )


def dumps_of(project: Path, copies: Sequence[CopyVolume]) -> dict[str, tuple[Path, ...]]:
    """Return the dumps of databases that lie in a project's `backups/`, by the volume that they may be of.

    Those of its backups say which they are of; a loose one may be of any that PostgreSQL keeps its data in.
    """
    loose = tuple(
        sorted(
            path for path in (project / BACKUPS).glob("*") if path.suffix in DUMP_SUFFIXES and path.is_file()
        )
    )
    kept = [
        (one, dump)
        for one in backup.existing(project)
        for dump in one.dumps
        if dump.database and dump.server_version
    ]
    return {
        copy.source: (
            *(one.dump_file(dump) for one, dump in kept if dump.volume == copy.source),
            *loose,
        )
        for copy in copies
        if copy.is_postgres
    }


def copied(operations: Iterable[Operation]) -> Iterator[CopyVolume]:
    """Yield those operations that copy volumes."""
    return (one for one in operations if isinstance(one, CopyVolume))


def consequences(steps: Sequence[Step]) -> tuple[str, ...]:
    """Return what a person agrees to, beyond files that are written and moved.

    Raises DashtamError (UNAVAILABLE) when a volume is to be copied and no engine answers.
    """
    copies = tuple(copied(one for step in steps for one in step.operations))
    holders = {name for one in copies for name in volumes.holder_names(one.source)}
    return (
        *(one for step in steps for one in step.remarks if one == volumes.NOTHING_KEPT),
        *(f"{one.source} is copied to {one.target}, and stays as it is" for one in copies),
        *(f"container {name} is stopped and removed" for name in sorted(holders)),
    )


def databases(project: Path, *, notify: Notify) -> tuple[Cluster, ...]:
    """Return the PostgreSQL volumes of a project, and say if there is none.

    Raises DashtamError (UNAVAILABLE) when no engine answers.
    """
    found = legacy.survey(project)
    if not found.engine.answered:
        raise DashtamError(
            f"No database can be dumped: {found.engine.problem}",
            code=ExitCode.UNAVAILABLE,
            hint="Nothing was changed. Start the engine, or take a backup of files alone: without --database.",
        )
    clusters = tuple(dumps.clusters(found))
    if not clusters:
        notify("No volume with PostgreSQL's data was found, so that there is nothing to dump.")
    return clusters


def require_copies_current(project: Path, saved: SavedPlan) -> None:
    """Raise DashtamError when what was written to an old volume since it was copied would be left behind.

    BUSY when containers came back to it: copying removed all of them, so what is there now was made since. DATA
    when it was written to and is free again.
    """
    for one in copied(planned.operation for step in saved.steps for planned in step.operations):
        if not volumes.is_complete(one, project=project):
            continue
        holders = volumes.holder_names(one.source)
        if holders:
            raise DashtamError(
                f"{', '.join(holders)} uses {one.source} again, which was copied: what was written since is not in "
                "the copy.",
                code=ExitCode.BUSY,
                hint="migrate.rollback, and then migrate.apply, takes all of it along.",
            )
        if volumes.is_outdated(one, project=project):
            raise DashtamError(
                f"Something has written to {one.source} since it was copied, and that is not in the copy.",
                code=ExitCode.DATA,
                hint="migrate.rollback, and then migrate.apply, takes all of it along.",
            )
