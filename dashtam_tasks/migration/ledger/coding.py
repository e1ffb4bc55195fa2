"""How a plan is written down: JSON with a checksum, names of files quoted, since they may be no UTF-8."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import PurePosixPath
from typing import Any

import msgspec

from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.ledger.changes import Planned, States
from dashtam_tasks.migration.operations import Copy, CopyVolume, Move, Operation, Write
from dashtam_tasks.migration.snapshots import Snapshot, quoted, unquoted

FORMAT = 1
KINDS: dict[str, Callable[..., Operation]] = {one.__name__: one for one in (Write, Copy, Move, CopyVolume)}
NAMES = ("path", "source", "target")


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A step as it is written down."""

    number: str
    remarks: tuple[str, ...]
    rules: tuple[tuple[str, str], ...]
    operations: tuple[dict[str, Any], ...]


class PlanRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as it is written down."""

    id: str
    tool: str
    facts: Facts
    choices: dict[str, str]
    backup: str
    rolling_back: bool
    folders: dict[str, Snapshot]
    steps: tuple[StepRecord, ...]


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A plan's file: the plan's own bytes, and their checksum."""

    format: int
    sha256: str
    plan: msgspec.Raw


def encoded(record: PlanRecord) -> bytes:
    """Return the file of a plan."""
    plan = msgspec.json.encode(record)
    return msgspec.json.encode(Envelope(format=FORMAT, sha256=checksum(plan), plan=msgspec.Raw(plan))) + b"\n"


def checksum(plan: bytes) -> str:
    """Return the checksum of a plan in the present format."""
    return hashlib.sha256(b"%d %b" % (FORMAT, plan)).hexdigest()


def decoded(data: bytes) -> PlanRecord:
    """Return the plan that a file holds; raise ValueError when it is damaged or of another format."""
    envelope = msgspec.json.decode(data, type=Envelope)
    if envelope.format != FORMAT:
        message = f"its format is {envelope.format}, and this version of dashtam-tasks knows {FORMAT}"
        raise ValueError(message)
    if checksum(bytes(envelope.plan)) != envelope.sha256:
        message = "its checksum is wrong"
        raise ValueError(message)
    return msgspec.json.decode(envelope.plan, type=PlanRecord)


def packed(planned: Planned) -> dict[str, Any]:
    """Return an operation as plain data; what is written is named by its SHA-256."""
    one = planned.operation
    values = {each.name: getattr(one, each.name) for each in fields(one)}
    names = {name: quoted(values[name]) for name in NAMES if name in values}
    data = {"data": hashlib.sha256(one.data).hexdigest()} if isinstance(one, Write) else {}
    return {"kind": type(one).__name__, **values, **names, **data, "before": states(planned.before)}


def unpacked(values: Mapping[str, Any], contents: Callable[[str], bytes]) -> Planned:
    """Return an operation from plain data; `contents` returns bytes by their SHA-256.

    Raises ValueError for an operation that cannot be ours.
    """
    kind = KINDS[values["kind"]]
    arguments = {name: value for name, value in values.items() if name not in {"kind", "before", "data"}}
    arguments |= {name: unquoted(values[name]) for name in NAMES if name in values}
    data = {"data": contents(values["data"])} if "data" in values else {}
    before = named(msgspec.convert(values["before"], dict[str, Snapshot]))
    for path in map(PurePosixPath, before):
        if path.is_absolute() or ".." in path.parts:
            message = f"{path} is not in the project"
            raise ValueError(message)
    return Planned(operation=kind(**arguments, **data), before=before)


def states(found: States) -> dict[str, Snapshot]:
    """Return snapshots by quoted paths."""
    return {quoted(path): one for path, one in found.items()}


def named(found: Mapping[str, Snapshot]) -> dict[str, Snapshot]:
    """Return snapshots by the paths that `states` quoted."""
    return {unquoted(path): one for path, one in found.items()}
