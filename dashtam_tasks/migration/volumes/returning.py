"""Taking back: a copy is removed for a rollback, after what was written to it since is in the backup.

The old volume is not touched; who rolls back starts on it again.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from dashtam_tasks import engine, files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.backup import add_dump
from dashtam_tasks.migration.backup import records as backups
from dashtam_tasks.migration.backup.records import Backup
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.volumes import (
    archives,
    counting,
    inspection,
    manifest,
    records,
    releasing,
    serving,
    workbench,
)
from dashtam_tasks.migration.volumes.copying import is_ours
from dashtam_tasks.migration.volumes.progress import Progress
from dashtam_tasks.migration.volumes.records import Record
from dashtam_tasks.migration.volumes.serving import Server
from dashtam_tasks.migration.volumes.workbench import TARGET, Workbench
from dashtam_tasks.notifying import Notify

# What the dump of a volume that is no database is called in the place of one.
CONTENTS = "contents"
TEMPLATES = frozenset({"template0", "template1"})
END_OF_SCRIPT = b"-- PostgreSQL database cluster dump complete"


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """What became of a copy: whether it is gone, the names of its dumps, and what had changed in it, in words.

    `problem` says why it was kept, empty when it was not.
    """

    target: str
    is_removed: bool
    dumps: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    problem: str = ""


def take_back(operation: CopyVolume, *, project: Path, backup_folder: Path, notify: Notify) -> TakenBack:
    """Remove a copy after its changes are dumped into a backup, and return what was done.

    What cannot be dumped is kept, and so is a volume that is not ours. Raises DashtamError: UNAVAILABLE when no
    engine answers, BUSY when containers of others hold the volume, DATA when the record of the copy is damaged.
    """
    target, record = inspection.volume(operation.target), records.read(project, operation.target)
    if target is None:
        records.remove(project, operation.target)
        return TakenBack(target=operation.target, is_removed=True)
    if record is None or not is_ours(target, record):
        return kept(operation, "This migration did not make it.")
    engine.remove_containers(workbench.abandoned(operation.target))
    releasing.release(target, project=project, is_database=operation.is_postgres, notify=notify)
    try:
        dumps, changes = (
            saved(operation, record, backup_folder, notify=notify) if record.is_complete else ((), ())
        )
    except DashtamError as error:
        engine.version()
        return kept(operation, "\n".join(filter(None, (error.reason, error.details))))
    engine.docker("volume", "rm", operation.target)
    records.remove(project, operation.target)
    return TakenBack(target=operation.target, is_removed=True, dumps=dumps, changes=changes)


def kept(operation: CopyVolume, why: str) -> TakenBack:
    """Return that a copy was kept."""
    return TakenBack(
        target=operation.target, is_removed=False, problem=f"The volume {operation.target} was kept. {why}"
    )


def saved(
    operation: CopyVolume, record: Record, backup_folder: Path, *, notify: Notify
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put what was changed in a copy into a backup, and return the names of the dumps, and the changes in words.

    Raises DashtamError when that cannot be done.
    """
    with workbench.opened(operation.image, subject=operation.target, target=operation.target) as bench:
        cluster = serving.current(bench) if operation.is_postgres else None
        if cluster is None:
            return contents_saved(bench, operation, record, sound(backup_folder), notify=notify)
        if record.control == serving.control_of(bench, cluster):
            return (), ()
        keeper = Keeper(
            operation=operation, folder=backup_folder, version=serving.major(bench), notify=notify
        )
        with serving.served(bench, cluster) as server:
            changes = counting.changed(record.rows or (), counting.rows(server.ask))
            return tuple(database_dumps(server, keeper)), changes


def sound(folder: Path) -> Backup:
    """Return the backup in a folder; raise DashtamError (DATA) when it is damaged."""
    backup = backups.read(folder)
    if backup.problem:
        raise DashtamError(f"The backup {folder} cannot take a dump. {backup.problem}", code=ExitCode.DATA)
    return backup


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """Puts dumps of one volume into a backup; `version` is that of the server, empty where there is none."""

    operation: CopyVolume
    folder: Path
    notify: Notify
    version: str = ""

    def keep(
        self,
        database: str,
        write: Callable[[IO[bytes], Callable[[int], None]], None],
        verify: Callable[[Path], int],
    ) -> str:
        """Put what `write` writes into the backup when `verify` has counted its objects, and return its name.

        Until then it is beside the backup, private. Raises DashtamError.
        """
        backup = sound(self.folder)
        subject = f"dumping {self.operation.target} {database}".rstrip()
        progress = Progress(subject=subject, total=0, notify=self.notify)
        self.notify(subject)
        with files.temporary_beside(backup.folder) as (descriptor, temporary):
            with files.explaining(temporary), os.fdopen(descriptor, "wb") as file:
                write(file, progress.add)
            objects = verify(temporary)
            made = add_dump(
                backup,
                temporary,
                volume=self.operation.target,
                service=self.operation.service,
                database=database,
                objects=objects,
                server_version=self.version,
            )
        return made.dumps[-1].name


def database_dumps(server: Server, keeper: Keeper) -> Iterator[str]:
    """Dump the roles and every database of a server, and yield the dumps' names."""
    yield keeper.keep("", server.dump_globals, statements)
    for database in counting.databases(server.ask):
        if database not in TEMPLATES:
            yield keeper.keep(database, partial(server.dump, database), partial(listed, server))


def listed(server: Server, path: Path) -> int:
    """Return how many objects pg_restore lists of a dump; raise DashtamError (IO) when it cannot read it."""
    with path.open("rb") as file:
        text = server.bench.read_from(file, "pg_restore", "--list")
    return sum(1 for line in text.splitlines() if line.strip() and not line.startswith(b";"))


def statements(path: Path) -> int:
    """Return how many statements a script of roles has; raise DashtamError (DATA) when its end is missing."""
    text = path.read_bytes()
    if END_OF_SCRIPT not in text:
        raise DashtamError("The dump of the roles has no end.", code=ExitCode.DATA)
    return sum(1 for line in text.splitlines() if line.endswith(b";"))


def contents_saved(
    bench: Workbench, operation: CopyVolume, record: Record, backup: Backup, *, notify: Notify
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Put the contents of a volume into a backup if they are others than those that were copied."""
    progress = Progress(subject=f"comparing {operation.target}", total=record.size, notify=notify)
    found, hashes = manifest.taken(bench, TARGET, progress.add)
    if manifest.digest(found, hashes) == record.digest:
        return (), ()
    keeper = Keeper(operation=operation, folder=backup.folder, notify=notify)
    name = keeper.keep(
        CONTENTS, partial(archives.save, bench), lambda path: archives.verify(path, found, hashes)
    )
    return (name,), (f"{operation.service} has written to {operation.target} since it was copied",)
