"""Undo: what taking an operation back means for what is there now, judged by state.

As after the operation, it is undone; as before it, nothing is left to do; anything else is the person's.
"""

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration.ledger.changes import with_look_of
from dashtam_tasks.migration.operations import Copy, FileOperation, Move, Write
from dashtam_tasks.migration.snapshots import ABSENT, Kind, Snapshot, shown

Look = Callable[[str], Snapshot]


class Act(enum.StrEnum):
    """What is done to a path: `describe` sets mode, owner and time of a file that holds the right bytes."""

    RESTORE = "restore"
    MOVE_BACK = "move back"
    REMOVE = "remove"
    DESCRIBE = "describe"
    SET_ASIDE = "set aside"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do at a path; `snapshot` is what is there afterwards, `source` where it is moved back from.

    `found` is what is there, of what is replaced or removed: something else would be the person's.
    """

    act: Act
    path: str
    snapshot: Snapshot = ABSENT
    source: str = ""
    found: Snapshot = ABSENT


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What an operation changed; `is_recorded` is whether the journal says so, or only the plan."""

    operation: FileOperation
    before: Mapping[str, Snapshot]
    after: Mapping[str, Snapshot]
    is_recorded: bool


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What taking an operation back needs, and the paths that the person has changed since."""

    actions: tuple[Action, ...] = ()
    persons: tuple[str, ...] = ()


def judge(effect: Effect, look: Look, *, force: bool) -> Judgement:
    """Return what takes an operation back where `look` returns what is at a path.

    What the person changed stays; with `force` it is set aside first, and then all else is as if it was not there.
    """
    found = {path: look(path) for path in effect.before}
    judged = judged_by_kind(effect, found)
    if not force or not judged.persons:
        return judged
    aside = tuple(Action(act=Act.SET_ASIDE, path=path) for path in judged.persons)
    without = {**found, **dict.fromkeys(judged.persons, ABSENT)}
    return Judgement(actions=(*aside, *judged_by_kind(effect, without).actions))


def judged_by_kind(effect: Effect, found: Mapping[str, Snapshot]) -> Judgement:
    """Return what takes an operation back, by what is found at its paths."""
    operation = effect.operation
    match operation:
        case Move():
            return moved(effect, operation, found[operation.source], found[operation.target])
        case Write() | Copy():
            return made(effect, operation.made, found[operation.made])


def made(effect: Effect, path: str, found: Snapshot) -> Judgement:
    """Return what takes back that a file was written or copied to `path`."""
    before, after = effect.before[path], effect.after[path]
    if found.same_contents(before):
        return Judgement(actions=tuple(described(effect, path, found)))
    if before.kind is Kind.ABSENT and found.same_contents(after):
        return Judgement(actions=(Action(act=Act.REMOVE, path=path, found=found),))
    is_free = found.kind is Kind.ABSENT and effect.is_recorded
    if before.kind is not Kind.ABSENT and (found.same_contents(after) or is_free):
        return Judgement(actions=(Action(act=Act.RESTORE, path=path, snapshot=before, found=found),))
    # Without a record the operation was not done, and what differs has nothing to do with it.
    return Judgement(persons=(path,) if effect.is_recorded else ())


def moved(effect: Effect, operation: Move, source: Snapshot, target: Snapshot) -> Judgement:
    """Return what takes back that a file was moved."""
    original = effect.before[operation.source]
    is_ours = target.kind is not Kind.ABSENT and target.same_contents(effect.after[operation.target])
    if source.kind is not Kind.ABSENT:
        return beside(effect, operation, source, target)
    if is_ours:
        back = Action(act=Act.MOVE_BACK, path=operation.source, source=operation.target, snapshot=original)
        return Judgement(actions=(back,))
    if not effect.is_recorded:
        return unrecorded(effect, operation, target)
    restored = Action(act=Act.RESTORE, path=operation.source, snapshot=original)
    edited = target.kind is not Kind.ABSENT
    return Judgement(actions=(restored,), persons=(operation.target,) if edited else ())


def unrecorded(effect: Effect, operation: Move, target: Snapshot) -> Judgement:
    """Return what takes back a move that only the files tell of; what was moved was edited before or after."""
    original = effect.before[operation.source]
    if original.kind is not Kind.FILE or target.kind is not Kind.FILE:
        return Judgement()
    found = with_look_of(target, original)
    return Judgement(
        actions=(Action(act=Act.MOVE_BACK, path=operation.source, source=operation.target, snapshot=found),)
    )


def beside(effect: Effect, operation: Move, source: Snapshot, target: Snapshot) -> Judgement:
    """Return what takes back a move whose source is there: it was not made, half made, or is the person's again."""
    is_original = source.same_contents(effect.before[operation.source])
    looks = tuple(described(effect, operation.source, source)) if is_original else ()
    if target.kind is Kind.ABSENT:
        return Judgement(actions=looks)
    if target.same_contents(source) and effect.is_recorded:
        # A half-made move, or a copy that the person put back: these bytes stay at the source.
        removed = Action(act=Act.REMOVE, path=operation.target, found=target)
        return Judgement(actions=(removed, *looks))
    if not effect.is_recorded:
        return Judgement()
    if is_original:
        return Judgement(actions=looks, persons=(operation.target,))
    return Judgement(persons=(operation.source, operation.target))


def described(effect: Effect, path: str, found: Snapshot) -> Iterator[Action]:
    """Yield what gives a file with the right bytes back its mode, owner and time, if it lost them."""
    before = effect.before[path]
    if effect.is_recorded and before.kind is not Kind.ABSENT and not before.is_foreseen and found != before:
        yield Action(act=Act.DESCRIBE, path=path, snapshot=before)


def kept(path: str) -> Finding:
    """Return that a file stays as the person changed it."""
    return Finding(
        kind="changed-since",
        where=shown(path),
        message="It was changed since the migration, and stays as it is now.",
        hint="What was there before is in the backup; --force, given at first, sets yours aside instead.",
        severity=Severity.WARNING,
    )
