"""The journal: what was begun and what was done, each record on the disk before anything goes on.

A line is a number, a record in JSON, and a checksum that covers the line before it too: no record can be changed,
dropped or swapped unseen. Only the last line may be torn, since that is what a crash leaves. Records that were lost
at the end do no harm: whoever reads them compares files with what they should be, and goes by that.
"""

import enum
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import durable, ledger
from dashtam_tasks.migration.ledger import Key, Ledger, coding
from dashtam_tasks.migration.ledger.changes import States
from dashtam_tasks.migration.snapshots import Snapshot, quoted


class Event(enum.StrEnum):
    """What a record is about."""

    BEGUN = "begun"
    INTENT = "intent"
    DONE = "done"
    VERIFIED = "verified"
    ROLLBACK_BEGUN = "rollback begun"
    UNDO_INTENT = "undo intent"
    UNDONE = "undone"
    SET_ASIDE = "set aside"
    ROLLED_BACK = "rolled back"


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of the journal; `at` is UTC in ISO 8601.

    `step` and `operation`, counted from 0 in its step, say which one; `before` and `after` are its paths' states,
    and `old` says where contents that it takes away are, in words of the ledger. `path` was set aside as `target`.
    """

    event: Event
    at: str
    plan: str = ""
    step: str = ""
    operation: int = 0
    before: dict[str, Snapshot] = {}
    after: dict[str, Snapshot] = {}
    old: dict[str, str] = {}
    path: str = ""
    target: str = ""

    @property
    def key(self) -> Key:
        """The operation that the record is about."""
        return self.step, self.operation


@dataclass(frozen=True, kw_only=True)
class Text:
    """What a journal's file holds: its records, how many bytes they take, and the bytes of a torn last line."""

    records: tuple[Record, ...]
    size: int
    torn: bytes
    last: str


@dataclass
class Journal:
    """A journal that is open for appending."""

    path: Path
    records: list[Record] = field(default_factory=list)
    last: str = ""

    def append(self, event: Event, *, path: str = "", target: str = "", **values: object) -> Record:
        """Write a record to the disk and return it; raise DashtamError (CANNOT_CREATE)."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        fields = {**values, "path": quoted(path), "target": quoted(target)}
        record = Record(event=event, at=at, **fields)  # type: ignore[arg-type]
        line, checksum = lined(record, len(self.records), self.last)
        with durable.naming(self.path), self.path.open("ab", buffering=0) as file:
            write_all(file.fileno(), line)
            os.fsync(file.fileno())
        self.records.append(record)
        self.last = checksum
        return record

    def intend(self, event: Event, key: Key, *, before: States, after: States, old: dict[str, str]) -> None:
        """Write down what is about to be done or undone; raise DashtamError (CANNOT_CREATE)."""
        self.append(
            event,
            step=key[0],
            operation=key[1],
            before=coding.states(before),
            after=coding.states(after),
            old=old,
        )

    def finish(self, event: Event, key: Key) -> None:
        """Write down that an operation was done or undone; raise DashtamError (CANNOT_CREATE)."""
        self.append(event, step=key[0], operation=key[1])

    def latest(self, event: Event, key: Key) -> Record | None:
        """Return the last record of an event about an operation."""
        return next((one for one in reversed(self.records) if one.event is event and one.key == key), None)

    def has(self, event: Event, key: Key) -> bool:
        """Return whether an event about an operation was recorded."""
        return self.latest(event, key) is not None

    def is_verified(self, step: str) -> bool:
        """Return whether a step was verified."""
        return any(one.event is Event.VERIFIED and one.step == step for one in self.records)


def opened(kept: Ledger, *, plan: str) -> tuple[Journal, bool]:
    """Return the journal of the plan with this id, made where it is missing, and whether a torn line was cut off.

    Raises DashtamError: DATA when it is damaged or another plan's, CANNOT_CREATE.
    """
    if not kept.journal.exists():
        kept.put(kept.journal, b"")
    text = read(kept.journal)
    refuse_others(text, plan, kept.journal)
    with durable.naming(kept.journal):
        if text.torn:
            os.truncate(kept.journal, text.size)
        # What a killed process wrote may not be on the disk yet, and from here on we go by it.
        durable.settle(kept.journal, durable.Look())
    journal = Journal(kept.journal, list(text.records), text.last)
    if not journal.records:
        journal.append(Event.BEGUN, plan=plan)
    return journal, bool(text.torn)


def refuse_others(text: Text, plan: str, path: Path) -> None:
    """Raise DashtamError (DATA) for the journal of another plan."""
    if text.records and text.records[0].plan != plan:
        raise damaged(path, "it is of another plan than plan.json beside it")


def read(path: Path) -> Text:
    """Return what a journal holds, and change nothing; one that is missing holds nothing.

    Raises DashtamError (DATA), naming the line, for damage that no crash leaves.
    """
    try:
        return parsed(path.read_bytes(), path)
    except FileNotFoundError:
        return parsed(b"", path)


def parsed(data: bytes, path: Path) -> Text:
    """Return what the bytes of a journal at `path` hold; raise DashtamError (DATA) as `read` does."""
    records: list[Record] = []
    last, size = "", 0
    for line in lines(data):
        try:
            record, last = checked(line, len(records), last)
        except (ValueError, msgspec.MsgspecError) as error:
            if size + len(line) < len(data):
                raise damaged(path, f"line {len(records) + 1} {error}") from error
            break
        records.append(record)
        size += len(line)
    return Text(records=tuple(records), size=size, torn=data[size:], last=last)


def lines(data: bytes) -> Iterator[bytes]:
    """Yield lines with their newlines, the last one as it is."""
    *whole, rest = data.split(b"\n")
    yield from (line + b"\n" for line in whole)
    if rest:
        yield rest


def damaged(path: Path, why: str) -> DashtamError:
    """Return the error that a journal cannot be gone by."""
    return DashtamError(
        f"{path} is damaged: {why}. Nothing was done.",
        code=ExitCode.DATA,
        hint=ledger.by_hand(path.parent),
    )


def lined(record: Record, number: int, previous: str) -> tuple[bytes, str]:
    """Return a record's line and its checksum, which covers that of the line before."""
    body = b"%d %b" % (number, msgspec.json.encode(record))
    checksum = checksum_of(body, previous)
    return b"%b %b\n" % (body, checksum.encode()), checksum


def checksum_of(body: bytes, previous: str) -> str:
    """Return the checksum of a line without it."""
    return hashlib.sha256(previous.encode() + b" " + body).hexdigest()


def checked(line: bytes, number: int, previous: str) -> tuple[Record, str]:
    """Return the record of a line and its checksum; raise ValueError for a line that cannot be it."""
    body, _, rest = line.rpartition(b" ")
    checksum = checksum_of(body, previous)
    if rest != checksum.encode() + b"\n":
        message = "does not fit its checksum"
        raise ValueError(message)
    found, _, record = body.partition(b" ")
    if found != b"%d" % number:
        message = f"should be number {number}"
        raise ValueError(message)
    return msgspec.json.decode(record, type=Record), checksum


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however much the system takes at a time; raise OSError."""
    while data:
        data = data[os.write(descriptor, data) :]
