"""Where a project stands in its migration: which steps are done, and where a crash stopped; nothing is changed."""

import enum
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dashtam_tasks.migration.ledger import guard, journal, saved_plan
from dashtam_tasks.migration.ledger.journal import Event, Record
from dashtam_tasks.migration.ledger.plans import SavedPlan, SavedStep
from dashtam_tasks.migration.steps import outline


class State(enum.StrEnum):
    """Where a step stands; `done` is without its verification, `going back` once any of it is undone."""

    PENDING = "pending"
    UNDER_WAY = "under way"
    DONE = "done"
    VERIFIED = "verified"
    GOING_BACK = "going back"


class Course(enum.StrEnum):
    """Where a migration stands as a whole."""

    NONE = "none"
    APPLYING = "applying"
    APPLIED = "applied"
    ROLLING_BACK = "rolling back"


class StepStanding(msgspec.Struct, frozen=True, kw_only=True):
    """A step: how many of its operations are done, of how many, and how many of these were undone since."""

    number: str
    title: str
    state: State
    done: int
    operations: int
    undone: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A project in its migration; `backup` is its backup's name, and `since` when it began (UTC, ISO 8601).

    `holder` is who works on it now. `stopped` is the operation that was begun and not finished while nobody works
    on it: there a crash or an error stopped. `is_torn` is whether the journal's last record was cut off by it.
    """

    course: Course = Course.NONE
    backup: str = ""
    since: str = ""
    holder: str = ""
    stopped: str = ""
    is_torn: bool = False
    steps: tuple[StepStanding, ...] = ()

    def step(self, number: str) -> StepStanding | None:
        """Return where the step of this number stands, None when it is not of the plan."""
        return next((one for one in self.steps if one.number == number), None)


def of(project: Path) -> Standing:
    """Return where the project in a folder stands.

    Raises DashtamError (DATA) when its plan or its journal is damaged.
    """
    saved = saved_plan.load(project)
    holder = guard.holder_of(project)
    if saved is None:
        return Standing(holder=holder)
    text = journal.read(saved.ledger.journal)
    steps = tuple(step_standing(one, text.records) for one in saved.steps)
    return Standing(
        course=course(saved, steps),
        backup=saved.backup_name,
        since=text.records[0].at if text.records else "",
        holder=holder,
        stopped="" if holder else stopped(saved, text.records),
        is_torn=bool(text.torn),
        steps=steps,
    )


def course(saved: SavedPlan, steps: Sequence[StepStanding]) -> Course:
    """Return where a migration stands by its steps."""
    if saved.is_rolling_back:
        return Course.ROLLING_BACK
    is_applied = all(one.state is State.VERIFIED or not one.operations for one in steps)
    return Course.APPLIED if is_applied else Course.APPLYING


def step_standing(step: SavedStep, records: Sequence[Record]) -> StepStanding:
    """Return where a step stands by what the journal says of it."""
    of_step = [one for one in records if one.step == step.number]
    done = {one.operation for one in of_step if one.event is Event.DONE}
    return StepStanding(
        number=step.number,
        title=outline(step.number).title,
        state=state(step, of_step, len(done)),
        done=len(done),
        operations=len(step.operations),
        undone=len({one.operation for one in of_step if one.event is Event.UNDONE}),
    )


def state(step: SavedStep, records: Sequence[Record], done: int) -> State:
    """Return the state of a step by its records."""
    if any(one.event is Event.UNDONE for one in records):
        return State.GOING_BACK
    if any(one.event is Event.VERIFIED for one in records):
        return State.VERIFIED
    if step.operations and done == len(step.operations):
        return State.DONE
    return State.UNDER_WAY if records else State.PENDING


def stopped(saved: SavedPlan, records: Sequence[Record]) -> str:
    """Return the operation that was begun last and not finished, with its step, empty for none."""
    last = records[-1] if records else None
    if last is None or last.event not in {Event.INTENT, Event.UNDO_INTENT}:
        return ""
    step = saved.step(last.step)
    operation = step.operations[last.operation].operation if step else ""
    doing = "taking back: " if last.event is Event.UNDO_INTENT else ""
    return f"{last.step}, {doing}{operation}"
