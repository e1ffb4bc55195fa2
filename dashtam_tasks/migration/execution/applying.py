"""Apply a saved plan: its steps in order, each followed by its verification; again, it goes on where it stopped."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.boxes import Box, Outcome
from dashtam_tasks.migration.execution import performing, site
from dashtam_tasks.migration.execution.site import Site, Volumes
from dashtam_tasks.migration.ledger import journal, saved_plan
from dashtam_tasks.migration.ledger.journal import Event
from dashtam_tasks.migration.ledger.plans import SavedPlan, SavedStep
from dashtam_tasks.migration.steps import Step
from dashtam_tasks.notifying import Notify

Verify = Callable[[str], Sequence[Box]]


@dataclass(frozen=True, kw_only=True)
class Applied:
    """A step that was worked on: the operations that were done now, and how its verification ended."""

    number: str
    operations: tuple[str, ...]
    boxes: tuple[Box, ...]

    @property
    def is_verified(self) -> bool:
        """Whether no box failed."""
        return all(one.outcome is not Outcome.FAILED for one in self.boxes)


def apply(
    project: Path,
    saved: SavedPlan,
    *,
    steps: Collection[str],
    verify: Verify,
    notify: Notify,
    volumes: Volumes | None = None,
) -> tuple[Applied, ...]:
    """Take those of `steps` that are not done and verified, in the plan's order, and return them.

    The last one is the first that was not verified, if any. Steps that are done and verified are left out, and not
    a byte of them is touched. Raises DashtamError: USAGE for a step that is not of the plan or lacks an earlier
    one, DATA when a rollback has begun, when the journal is damaged or a person's change is in the way, and what
    performing an operation raises; the same call goes on from there.
    """
    refuse_rollback(saved)
    here = site.opened(project, saved, volumes=volumes, notify=notify)
    refuse_unknown(saved, steps)
    verified = here.journal.is_verified
    refuse_gaps({one.number: bool(one.operations) and not verified(one.number) for one in saved.steps}, steps)
    todo = (one for one in saved.steps if one.number in steps and not here.journal.is_verified(one.number))
    return tuple(until_unverified(taken(here, one, verify) for one in todo))


def refuse_rollback(saved: SavedPlan) -> None:
    """Raise DashtamError (DATA) when a migration is being taken back."""
    if saved.is_rolling_back:
        raise DashtamError(
            "This migration is being taken back: it only goes on backwards.",
            code=ExitCode.DATA,
            hint="Finish that with migrate.rollback; then migrate.apply starts afresh.",
        )


def refuse_unknown(saved: SavedPlan, steps: Collection[str]) -> None:
    """Raise DashtamError (USAGE) for the number of a step that the plan does not have."""
    known = {one.number for one in saved.steps}
    unknown = sorted(set(steps) - known)
    if unknown:
        raise DashtamError(
            f"The plan has no step {', '.join(unknown)}.",
            code=ExitCode.USAGE,
            hint=f"It has {', '.join(sorted(known))}.",
        )


def refuse_gaps(due: Mapping[str, bool], chosen: Collection[str]) -> None:
    """Raise DashtamError (USAGE) for a chosen step while one before it is due and not chosen.

    `due` says of each step of a plan, in their order, whether it changes something and is not done and verified.
    """
    missing = ""
    for number, is_due in due.items():
        if number in chosen and missing:
            raise DashtamError(
                f"Step {number} needs step {missing}, which is not done and verified.",
                code=ExitCode.USAGE,
                hint=f"Take it first: migrate.apply --step {missing}, or --until {number}.",
            )
        if is_due and number not in chosen:
            missing = missing or number


def taken(here: Site, step: SavedStep, verify: Verify) -> Applied:
    """Perform what is left of a step, verify it and return it; raise DashtamError."""
    done = tuple(performed(here, step))
    boxes = tuple(verify(step.number))
    applied = Applied(number=step.number, operations=done, boxes=boxes)
    if applied.is_verified:
        here.journal.append(Event.VERIFIED, step=step.number)
    return applied


def performed(here: Site, step: SavedStep) -> Iterator[str]:
    """Perform the operations of a step that are not done, and yield each as a person reads it."""
    for index, planned in enumerate(step.operations):
        key = (step.number, index)
        if not here.journal.has(Event.DONE, key):
            performing.perform(here, key, planned)
            yield str(planned.operation)


def until_unverified(applied: Iterator[Applied]) -> Iterator[Applied]:
    """Yield steps up to the first that was not verified."""
    for one in applied:
        yield one
        if not one.is_verified:
            return


def extend(project: Path, saved: SavedPlan, step: Step) -> SavedPlan:
    """Add a step that was decided later, such as cleanup's, to a saved plan on the disk, and return the plan.

    A step of that number that was begun stays as it was decided first. Raises DashtamError: DATA when a rollback
    has begun or the journal is damaged, CANNOT_CREATE, IO.
    """
    refuse_rollback(saved)
    records = journal.read(saved.ledger.journal).records
    if saved.step(step.outline.number) and any(one.step == step.outline.number for one in records):
        return saved
    return saved_plan.extend(project, saved, step)
