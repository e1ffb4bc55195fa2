"""Copying: a volume's data under another name, compared byte by byte and, for PostgreSQL, row by row.

The source is mounted for reading only. What was cut off is removed and begun anew.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from dashtam_tasks import engine
from dashtam_tasks.engine import Container
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.containers import workbench
from dashtam_tasks.migration.containers.workbench import Workbench
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.postgresql import counting, data_directory, serving
from dashtam_tasks.migration.postgresql.counting import Rows
from dashtam_tasks.migration.progress import Progress, amount
from dashtam_tasks.migration.volumes import inspection, proving, records, releasing
from dashtam_tasks.migration.volumes.inspection import COPY_LABEL, ID_LABEL, Volume
from dashtam_tasks.migration.volumes.records import Record
from dashtam_tasks.notifying import Notify


@dataclass(frozen=True, kw_only=True)
class Copied:
    """A whole copy: how many files and bytes it has, and its rows, where it is PostgreSQL's.

    `compared` says whether the rows were counted in the source, too. `stopped` are containers that were stopped,
    `removed` those that were removed, `remarks` what a person should know.
    """

    target: str
    files: int
    size: int
    rows: tuple[Rows, ...] | None = None
    compared: bool = False
    stopped: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def copy(operation: CopyVolume, *, project: Path, notify: Notify) -> Copied:
    """Make a volume with the data of another, and return it when it is whole and on the disk.

    Done before, it is not done again. `project` is the project's folder. Raises DashtamError: UNAVAILABLE when the
    engine or the image is missing, DATA when the source is, or the copy differs from it, CANNOT_CREATE when a
    volume of somebody's own is in the way, BUSY when containers of others hold either, IO when copying fails.
    """
    record = records.read(project, operation.target)
    if record and is_whole(operation, record):
        return copied(record)
    source = inspection.existing(operation.source)
    engine.remove_containers(workbench.abandoned(operation.target))
    clear(operation, record)
    containers = inspection.holders(operation.source)
    releasing.require_own(source, containers, project)
    stopped = releasing.quieten(containers, notify=notify)
    begun = records.write(project, begin(source, operation, record, containers, notify=notify))
    removed = releasing.release(source, project=project, is_database=operation.is_postgres, notify=notify)
    create(operation, begun)
    try:
        whole, remarks = filled(operation, begun, project=project, notify=notify)
    except DashtamError as error:
        # Half a copy may have filled the disk.
        if error.code == ExitCode.IO:
            engine.docker("volume", "rm", operation.target)
        raise
    return replace(copied(records.write(project, whole)), stopped=stopped, removed=removed, remarks=remarks)


def is_complete(operation: CopyVolume, *, project: Path) -> bool:
    """Return whether a volume was copied, all of it, and the copy is still there.

    Raises DashtamError: UNAVAILABLE when no engine answers, DATA when the record of the copy is damaged.
    """
    record = records.read(project, operation.target)
    return record is not None and is_whole(operation, record)


def is_whole(operation: CopyVolume, record: Record) -> bool:
    """Return whether a record is of a whole copy that is still there."""
    return record.is_complete and is_ours(inspection.volume(operation.target), record)


def is_ours(volume: Volume | None, record: Record | None) -> bool:
    """Return whether a volume is the one that a record is of."""
    return bool(volume and record and volume.label(ID_LABEL) == record.id)


def copied(record: Record) -> Copied:
    """Return what a record says of a whole copy."""
    return Copied(
        target=record.target,
        files=record.files,
        size=record.size,
        rows=record.rows,
        compared=record.counted is not None,
    )


def clear(operation: CopyVolume, record: Record | None) -> None:
    """Remove what an earlier run left of the copy.

    Raises DashtamError: CANNOT_CREATE when a volume of that name is not ours, BUSY when a container holds it.
    """
    target = inspection.volume(operation.target)
    if target is None:
        return
    if not is_ours(target, record):
        raise in_the_way(operation.target)
    containers = inspection.holders(operation.target)
    if containers:
        raise releasing.in_use(operation.target, containers)
    engine.docker("volume", "rm", operation.target)


def in_the_way(name: str) -> DashtamError:
    """Return the error that there is a volume of a name already."""
    return DashtamError(
        f"There is a volume {name} already, and this migration did not make it.",
        code=ExitCode.CANNOT_CREATE,
        hint=f"If nobody needs what it holds, remove it (docker volume rm {name}), and run the same command again.",
    )


def begin(
    source: Volume,
    operation: CopyVolume,
    earlier: Record | None,
    containers: Sequence[Container],
    *,
    notify: Notify,
) -> Record:
    """Return the record of a copy that begins, with the source's rows if its server can be asked for them.

    It could before, if an earlier run stopped the very same container.
    """
    record = Record(
        source=operation.source,
        target=operation.target,
        id=secrets.token_hex(16),
        source_labels=source.labels or {},
        source_made=source.created_at,
    )
    container = inspection.server(operation, containers)
    if container:
        notify(f"counting the rows in {operation.source}")
        with inspection.asking(container) as server:
            rows = counting.rows(server)
        return msgspec.structs.replace(record, counted=rows, counted_in=container.id)
    if earlier and not earlier.is_complete and {one.id for one in containers} <= {earlier.counted_in}:
        return msgspec.structs.replace(record, counted=earlier.counted, counted_in=earlier.counted_in)
    return record


def create(operation: CopyVolume, record: Record) -> None:
    """Make the new volume, with Compose's labels and ours; raise DashtamError (CANNOT_CREATE) if one is there."""
    labels = {**operation.labels, COPY_LABEL: operation.source, ID_LABEL: record.id}
    marks = [part for name, value in labels.items() for part in ("--label", f"{name}={value}")]
    engine.docker("volume", "create", *marks, operation.target)
    # The engine may answer with one that was there, such as that of a killed run whose order came late.
    if not is_ours(inspection.volume(operation.target), record):
        raise in_the_way(operation.target)


def filled(
    operation: CopyVolume, begun: Record, *, project: Path, notify: Notify
) -> tuple[Record, tuple[str, ...]]:
    """Copy the data, prove them, and return the record of the whole copy, with remarks."""
    old, new = operation.source, operation.target
    with workbench.opened(operation.image, subject=new, source=old, target=new) as bench:
        record = proving.copied(bench, begun, Progress(subject=operation.target, total=0, notify=notify))
        notify(f"{operation.target}: {record.files} files, {amount(record.size)}, the same as in the source")
        data = data_directory.current(bench) if operation.is_postgres else None
        remarks: tuple[str, ...] = ()
        if data:
            notify(f"{operation.target}: counting rows")
            with serving.served(bench, data) as server:
                record = msgspec.structs.replace(record, rows=counting.rows(server))
                remarks = counting.collations(server)
            require_same_rows(record, project)
            bench.output(*proving.SYNC)
            record = msgspec.structs.replace(record, control=data_directory.control_of(bench, data))
        require_unused(operation, bench)
    return msgspec.structs.replace(record, is_complete=True), remarks


def require_same_rows(record: Record, project: Path) -> None:
    """Raise DashtamError (DATA) when the copy has other rows than were counted in the source.

    The next run goes by the bytes alone, since nobody can count in the source any more.
    """
    changed = counting.changed(record.counted or (), record.rows or ())
    if record.counted is None or not changed:
        return
    records.write(project, msgspec.structs.replace(record, counted=None, counted_in="", rows=None))
    raise DashtamError(
        f"{record.target} has other rows than {record.source} had when they were counted.",
        code=ExitCode.DATA,
        details="\n".join(changed),
        hint="Every byte is the same, so something has written in between. If that is right, run it again.",
    )


def require_unused(operation: CopyVolume, bench: Workbench) -> None:
    """Raise DashtamError (BUSY) when a container came to hold the source or the copy meanwhile."""
    found = inspection.holders(operation.source, operation.target)
    for volume in (operation.source, operation.target):
        others = [one for one in found if volume in one.volumes and one.name.lstrip("/") != bench.name]
        if others:
            raise releasing.in_use(volume, others)
