"""Taking back: a copy is removed for a rollback, after what was written to it since is in the backup.

The old volume is not touched; who rolls back starts on it again.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from dashtam_tasks import engine
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.backup.dumps import Keeper
from dashtam_tasks.migration.containers import workbench
from dashtam_tasks.migration.containers.workbench import TARGET, Workbench
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.postgresql import counting, data_directory, serving
from dashtam_tasks.migration.progress import Progress
from dashtam_tasks.migration.volumes import (
    archives,
    copying,
    inspection,
    manifest,
    records,
    releasing,
    restoring,
)
from dashtam_tasks.migration.volumes.records import Record
from dashtam_tasks.notifying import Notify

# What the dump of a volume that is no database is called in the place of one.
CONTENTS = "contents"


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """What became of a copy: whether it was removed, the names of its dumps, and what had changed in it, in words.

    `problem` says why it was not, empty when it was, and `hint` what a person can do.
    """

    target: str
    is_removed: bool
    dumps: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""


def take_back(operation: CopyVolume, *, project: Path, backup_folder: Path, notify: Notify) -> TakenBack:
    """Remove a copy after its changes are dumped into a backup, and return what was done.

    If the old volume is gone, it is made again from the copy first. What cannot be dumped is kept, and so is a
    volume that is not ours. Raises DashtamError: UNAVAILABLE when no engine answers, BUSY when containers of others
    hold the volume, DATA when the record of the copy is damaged, and as copying.copy when the old volume cannot be
    made again; the same call goes on from there.
    """
    target, record = inspection.volume(operation.target), records.read(project, operation.target)
    if target is None:
        return absent(operation, record, project)
    if record is None or not copying.is_ours(target, record):
        return kept(operation, "This migration did not make it.")
    engine.remove_containers(workbench.abandoned(operation.target))
    releasing.release(target, project=project, is_database=operation.is_postgres, notify=notify)
    try:
        back = restoring.due(operation, record, project=project) if record.is_complete else None
    except DashtamError as error:
        return unsaved(operation, error)
    if back:
        notify(f"{back.target} is gone: it is made again from {back.source}")
        copying.copy(back, project=project, notify=notify)
    try:
        dumps, changes = (
            saved(operation, record, backup_folder, notify=notify) if record.is_complete else ((), ())
        )
    except DashtamError as error:
        return unsaved(operation, error)
    records.write(project, msgspec.structs.replace(record, is_going=True))
    engine.docker("volume", "rm", operation.target)
    records.remove(project, operation.target)
    return TakenBack(target=operation.target, is_removed=True, dumps=dumps, changes=changes)


def absent(operation: CopyVolume, record: Record | None, project: Path) -> TakenBack:
    """Return what became of a copy that is not there: we removed it, or somebody did before we could look."""
    if record and record.is_complete and not record.is_going:
        return TakenBack(
            target=operation.target,
            is_removed=False,
            problem=f"It is not there, and neither is what was written to it since {operation.source} was copied.",
            hint="Is this the engine that the project runs on? `docker context ls` tells.",
        )
    records.remove(project, operation.target)
    return TakenBack(target=operation.target, is_removed=True)


def unsaved(operation: CopyVolume, error: DashtamError) -> TakenBack:
    """Return that a copy was kept for an error; raise DashtamError (UNAVAILABLE) when no engine answers."""
    engine.version()
    return kept(operation, "\n".join(filter(None, (error.reason, error.details))))


def kept(operation: CopyVolume, why: str) -> TakenBack:
    """Return that a copy was kept."""
    return TakenBack(
        target=operation.target,
        is_removed=False,
        problem=f"It stays. {why}",
        hint=f"Nothing of it is lost. When nobody needs it: docker volume rm {operation.target}",
    )


def saved(
    operation: CopyVolume, record: Record, backup_folder: Path, *, notify: Notify
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put what was changed in a copy into a backup, and return the names of the dumps, and the changes in words.

    Raises DashtamError when that cannot be done.
    """
    keeper = Keeper(folder=backup_folder, volume=operation.target, service=operation.service, notify=notify)
    with workbench.opened(operation.image, subject=operation.target, target=operation.target) as bench:
        found = data_directory.every(bench, TARGET) if operation.is_postgres else ()
        # Of several, only one would be served.
        data = data_directory.fitting(bench, found) if len(found) == 1 else None
        if data is None:
            return contents_saved(bench, operation, record, keeper)
        if record.control == data_directory.control_of(bench, data):
            return (), ()
        with serving.served(bench, data) as server:
            changes = counting.changed(record.rows or (), counting.rows(server))
            return keeper.keep_databases(server), changes


def contents_saved(
    bench: Workbench, operation: CopyVolume, record: Record, keeper: Keeper
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put the contents of a volume into a backup if they are others than those that were copied."""
    progress = Progress(subject=f"comparing {operation.target}", total=record.size, notify=keeper.notify)
    found, hashes = manifest.taken(bench, TARGET, progress.add)
    if manifest.digest(found, hashes) == record.digest:
        return (), ()
    name = keeper.keep(
        partial(archives.save, bench),
        partial(archives.verify, found=found, hashes=hashes),
        what="the contents",
        database=CONTENTS,
    )
    return (name,), (f"{operation.service} has written to {operation.target} since it was copied",)
