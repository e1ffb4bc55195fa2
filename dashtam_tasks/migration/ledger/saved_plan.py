"""The saved plan: all that a migration will do, frozen before it does any of it.

Contents of files that are written lie beside it by their SHA-256. What an env file holds is never among them: such
files are moved and copied in place.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import msgspec

from dashtam_tasks import __version__
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import durable, ledger
from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.ledger import Ledger, coding
from dashtam_tasks.migration.ledger.changes import foreseen
from dashtam_tasks.migration.ledger.plans import SavedPlan, SavedStep, as_record, from_record, writes
from dashtam_tasks.migration.operations import Operation, touched
from dashtam_tasks.migration.snapshots import Kind, Snapshot
from dashtam_tasks.migration.steps import Step

__all__ = ["ROOT", "SavedPlan", "SavedStep", "extend", "keep", "load", "new_folders", "parents", "save"]

ROOT = "."


def save(
    project: Path, steps: Sequence[Step], facts: Facts, choices: Mapping[str, str], backup_name: str
) -> SavedPlan:
    """Keep a plan in the project's ledger and return it; nothing else is changed.

    Raises DashtamError: USAGE when a plan is there already, CANNOT_CREATE when it cannot be kept, IO when a file
    that it is about cannot be read.
    """
    present = plan_of(project)
    if present:
        raise DashtamError(
            f"{present} is there already: this project is being migrated.",
            code=ExitCode.USAGE,
            hint="Go on with migrate.apply, or take it back with migrate.rollback.",
        )
    refuse_other_filesystem(project, backup_name)
    chosen = [one for step in steps for one in step.operations]
    # Looked at before the ledger is made, which changes the time of the project's folder.
    folders = {**states_of(facts.folders, project), **above(chosen, project)}
    saved = SavedPlan(
        ledger=ledger.of(project),
        id=uuid.uuid4().hex,
        tool_version=__version__,
        facts=facts,
        choices=dict(choices),
        backup_name=backup_name,
        steps=tuple(prepared(steps, project)),
        folders=folders,
    )
    saved.ledger.make()
    keep(saved)
    return saved


def extend(project: Path, saved: SavedPlan, step: Step) -> SavedPlan:
    """Add a step to the end of a saved plan, or put it in place of one of its number, and return the plan.

    Raises DashtamError: CANNOT_CREATE when it cannot be kept, IO when a file that it is about cannot be read.
    """
    others = tuple(one for one in saved.steps if one.number != step.outline.number)
    extended = replace(
        saved,
        steps=(*others, *prepared([step], project)),
        folders={**above(step.operations, project), **saved.folders},
    )
    saved.ledger.make()
    keep(extended)
    return extended


def refuse_other_filesystem(project: Path, backup_name: str) -> None:
    """Raise DashtamError (CANNOT_CREATE) where a file cannot be moved into the backup in one go."""
    backups = project / ledger.BACKUPS / backup_name
    if backups.is_dir() and backups.stat().st_dev != project.stat().st_dev:
        raise DashtamError(
            f"{backups} is on another filesystem than the project.",
            code=ExitCode.CANNOT_CREATE,
            hint=f"Put {ledger.BACKUPS}/ on the project's own: what is taken back is moved there in one go.",
        )


def prepared(steps: Sequence[Step], project: Path) -> Iterator[SavedStep]:
    """Yield steps with what each operation will find."""
    planned = iter(foreseen([one for step in steps for one in step.operations], looking_in(project)))
    for step in steps:
        yield SavedStep(
            number=step.outline.number,
            remarks=step.remarks,
            rules=tuple(dict.fromkeys((one.rule, one.why) for one in step.declared)),
            operations=tuple(next(planned) for _ in step.operations),
        )


def looking_in(project: Path) -> Callable[[str], Snapshot]:
    """Return what looks at paths that are relative to the project's folder."""
    return lambda path: durable.look_at(project / path)


def states_of(paths: Iterable[str], project: Path) -> dict[str, Snapshot]:
    """Return what is at paths now."""
    return {path: durable.look_at(project / path) for path in paths}


def above(chosen: Iterable[Operation], project: Path) -> dict[str, Snapshot]:
    """Return the folders above all paths that operations touch, the project's own included."""
    return states_of(sorted(parents(chosen)), project)


def parents(chosen: Iterable[Operation]) -> set[str]:
    """Return the folders above all paths that operations touch; the project's own always."""
    return {ROOT} | {
        str(parent) for one in chosen for path in touched(one) for parent in PurePosixPath(path).parents
    }


def keep(saved: SavedPlan) -> None:
    """Write a plan whole, its contents first; raise DashtamError (CANNOT_CREATE)."""
    for one in writes(saved):
        path = saved.ledger.contents / hashlib.sha256(one.data).hexdigest()
        if not path.exists():
            saved.ledger.put(path, one.data)
    saved.ledger.put(saved.ledger.plan, coding.encoded(as_record(saved)))


def load(project: Path) -> SavedPlan | None:
    """Return the plan by which the project is being migrated, None when it is not.

    A rollback that was killed at its very last step has the plan in its backup's folder already. Raises
    DashtamError (DATA), naming the file and what to do, when the plan or something it needs is damaged.
    """
    path = plan_of(project)
    return loaded(Ledger(path.parent)) if path else None


def plan_of(project: Path) -> Path | None:
    """Return the file of the plan by which a project is being migrated, if it is."""
    archived = sorted(project.glob(f"{ledger.BACKUPS}/*/{ledger.SET_ASIDE}/{ledger.NAME}*/{ledger.PLAN}"))
    places = (ledger.of(project).plan, *archived)
    return next((one for one in places if one.exists()), None)


def loaded(kept: Ledger) -> SavedPlan:
    """Return the plan that is in a ledger; raise DashtamError (DATA) when it is damaged."""
    try:
        return from_record(coding.decoded(kept.plan.read_bytes()), kept)
    except (OSError, ValueError, LookupError, TypeError, msgspec.MsgspecError) as error:
        raise DashtamError(
            f"{kept.plan} is damaged: {error}",
            code=ExitCode.DATA,
            hint=ledger.by_hand(kept.folder),
        ) from error


def new_folders(saved: SavedPlan) -> tuple[str, ...]:
    """Return the folders that are there only since the plan was saved, those further down first."""
    absent = [path for path, one in saved.folders.items() if one.kind is Kind.ABSENT]
    return tuple(sorted(absent, key=lambda path: path.count("/"), reverse=True))
