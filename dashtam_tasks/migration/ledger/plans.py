"""A plan as the ledger has it: its records in memory, and as they are written down."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.ledger import Key, Ledger, coding
from dashtam_tasks.migration.ledger.changes import Planned
from dashtam_tasks.migration.ledger.coding import PlanRecord, StepRecord
from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.snapshots import Snapshot


@dataclass(frozen=True, kw_only=True)
class SavedStep:
    """A step with its operations; `rules` are the names and reasons of what it changes on purpose."""

    number: str
    remarks: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]
    operations: tuple[Planned, ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SavedPlan:
    """What was decided for a project, and where it is kept.

    `folders` are those above the files that the steps touch, as they were: an absent one is the migration's.
    `is_rolling_back` is whether a rollback has begun, after which nothing goes forwards any more.
    """

    ledger: Ledger
    id: str
    tool_version: str
    facts: Facts
    choices: Mapping[str, str]
    backup_name: str
    steps: tuple[SavedStep, ...]
    folders: Mapping[str, Snapshot]
    is_rolling_back: bool = False

    def step(self, number: str) -> SavedStep | None:
        """Return the step of this number, None when it is not of this plan."""
        return next((one for one in self.steps if one.number == number), None)

    def keyed(self) -> list[tuple[Key, Planned]]:
        """Return every operation with the key that the journal has for it, in order."""
        return [
            ((one.number, index), each) for one in self.steps for index, each in enumerate(one.operations)
        ]


def writes(saved: SavedPlan) -> Iterator[Write]:
    """Yield every operation of a plan that has contents of its own."""
    for step in saved.steps:
        for one in step.operations:
            if isinstance(one.operation, Write):
                yield one.operation


def as_record(saved: SavedPlan) -> PlanRecord:
    """Return a plan as it is written down."""
    return PlanRecord(
        id=saved.id,
        tool=saved.tool_version,
        facts=saved.facts,
        choices=dict(saved.choices),
        backup=saved.backup_name,
        rolling_back=saved.is_rolling_back,
        folders=coding.states(saved.folders),
        steps=tuple(
            StepRecord(
                number=one.number,
                remarks=one.remarks,
                rules=one.rules,
                operations=tuple(map(coding.packed, one.operations)),
            )
            for one in saved.steps
        ),
    )


def from_record(record: PlanRecord, kept: Ledger) -> SavedPlan:
    """Return a plan from what was written down; raise ValueError or OSError for what cannot be right."""

    def contents(sha256: str) -> bytes:
        data = (kept.contents / sha256).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            message = f"{kept.contents / sha256} does not hold what its name says"
            raise ValueError(message)
        return data

    return SavedPlan(
        ledger=kept,
        id=record.id,
        tool_version=record.tool,
        facts=record.facts,
        choices=record.choices,
        backup_name=record.backup,
        steps=tuple(
            SavedStep(
                number=one.number,
                remarks=one.remarks,
                rules=one.rules,
                operations=tuple(coding.unpacked(each, contents) for each in one.operations),
            )
            for one in record.steps
        ),
        folders=coding.named(record.folders),
        is_rolling_back=record.rolling_back,
    )
