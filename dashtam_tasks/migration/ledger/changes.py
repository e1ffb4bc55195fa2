"""Changes: what is at an operation's paths before it and after it, foreseen when the plan is saved."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from dashtam_tasks.migration import operations
from dashtam_tasks.migration.operations import Copy, CopyVolume, Move, Operation, Write
from dashtam_tasks.migration.snapshots import ABSENT, Kind, Snapshot

States = Mapping[str, Snapshot]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """An operation, with what was at its paths when it was planned or what those before it will have put there.

    A snapshot that was foreseen and not taken has no time, and neither an owner.
    """

    operation: Operation
    before: States


def foreseen(chosen: Iterable[Operation], look: Callable[[str], Snapshot]) -> Iterator[Planned]:
    """Yield operations with what each will find; `look` returns what is at a path now."""
    present: dict[str, Snapshot] = {}
    for one in chosen:
        before = {path: present[path] if path in present else look(path) for path in operations.touched(one)}
        present |= after(one, before)
        yield Planned(operation=one, before=before)


def after(operation: Operation, before: States) -> dict[str, Snapshot]:
    """Return what an operation leaves at its paths, its source if that stays left out; without times and owners."""
    match operation:
        case Write():
            return {operation.path: written(operation, before[operation.path])}
        case Copy():
            source = before[operation.source]
            return {operation.target: replace_look(source, operation.mode)}
        case Move():
            source = before[operation.source]
            mode = source.mode if source.kind is Kind.LINK else operation.mode
            return {operation.source: ABSENT, operation.target: replace_look(source, mode)}
        case CopyVolume():
            return {}


def written(operation: Write, before: Snapshot) -> Snapshot:
    """Return what writing leaves at its path; a file that was there keeps its mode."""
    return Snapshot(
        kind=Kind.FILE,
        sha256=hashlib.sha256(operation.data).hexdigest(),
        size=len(operation.data),
        mode=before.mode if before.kind is Kind.FILE else operation.mode,
    )


def replace_look(snapshot: Snapshot, mode: int) -> Snapshot:
    """Return a snapshot of the same contents in another file."""
    return Snapshot(
        kind=snapshot.kind,
        sha256=snapshot.sha256,
        size=snapshot.size,
        mode=mode,
        target=snapshot.target,
    )


def with_look_of(contents: Snapshot, other: Snapshot) -> Snapshot:
    """Return a snapshot with the mode and the owner of another."""
    return msgspec.structs.replace(contents, mode=other.mode, uid=other.uid, gid=other.gid)
