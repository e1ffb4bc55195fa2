"""Add to a backup what turns up after it was taken: contents, by their hash, and dumps of databases.

What is not finished is beside the backup, never in it, so that a kill leaves it sound.
"""

import os
import re
from pathlib import Path

import msgspec

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import snapshots
from dashtam_tasks.migration.backup import contents, manifest, records
from dashtam_tasks.migration.backup.manifest import Dump
from dashtam_tasks.migration.backup.records import DUMPS, KEPT, MANIFEST, Backup
from dashtam_tasks.migration.ledger import BACKUPS

SHA256 = re.compile(r"[0-9a-f]{64}")
# Of the hash in a dump's name; and of the rest, so that the name fits into a folder (NAME_MAX, 255 bytes).
HASH_DIGITS, LABEL_BYTES = 16, 200


def keep(backup: Backup, path: Path) -> str:
    """Save the contents of a file in a backup, and return their SHA-256, in hexadecimal.

    Raises DashtamError: IO when the file cannot be read, CANNOT_CREATE when its contents cannot be saved.
    """
    folder = backup.folder / KEPT
    with files.explaining(folder), files.temporary_beside(backup.folder) as (descriptor, temporary):
        sha256 = contents.copy_private(path, descriptor)
        temporary.replace(folder / sha256)
        files.sync_folder(folder)
    return sha256


def kept(backup: Backup, sha256: str) -> Path:
    """Return where a backup has the contents with this hash; raise DashtamError (DATA) when it has none."""
    path = backup.folder / KEPT / sha256
    if not SHA256.fullmatch(sha256) or not path.is_file():
        raise DashtamError(
            f"{BACKUPS}/{backup.name}/{KEPT}/{sha256} is missing.",
            code=ExitCode.DATA,
            hint="`migrate.backups` lists and verifies the backups.",
        )
    return path


def add_dump(
    backup: Backup,
    file: Path,
    *,
    volume: str,
    service: str,
    database: str = "",
    objects: int,
    server_version: str,
) -> Backup:
    """Move a finished dump into a backup, and return the backup with it.

    `file` has to be on the backup's own file system: `files.temporary_beside(backup.folder)` makes one there.
    Without a `database` it is the server's roles and tablespaces, as text; without a `server_version` it is what
    lies in a volume, as a tar archive. Raises DashtamError: DATA when
    the backup's manifest is damaged, CANNOT_CREATE when the dump cannot be added.
    """
    with files.explaining(backup.folder / DUMPS):
        secure(file)
        sha256, size = snapshots.sha256_of(file), file.stat().st_size
        dump = Dump(
            name=name_of(volume, database, sha256, server_version),
            volume=volume,
            service=service,
            database=database,
            size=size,
            sha256=sha256,
            objects=objects,
            server_version=server_version,
        )
        with files.locked(backup.folder):
            file.replace(backup.folder / DUMPS / dump.name)
            files.sync_folder(backup.folder / DUMPS)
            return registered(backup, dump)


def secure(file: Path) -> None:
    """Make a file private, and put it onto the disk."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, files.PRIVATE)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def name_of(volume: str, database: str, sha256: str, server_version: str) -> str:
    """Return a dump's name, which says what it is of, and by its hash that it is whole."""
    label = f"{volume}.{snapshots.quoted(database).replace('/', '%2F')}" if database else f"{volume}.globals"
    suffix = "tar" if not server_version else "dump" if database else "sql"
    return f"{label[:LABEL_BYTES]}.{sha256[:HASH_DIGITS]}.{suffix}"


def registered(backup: Backup, dump: Dump) -> Backup:
    """Write a dump into the manifest, and return the backup as it is then."""
    path = backup.folder / MANIFEST
    try:
        present = manifest.decode(path.read_bytes())
    except ValueError as error:
        raise DashtamError(
            f"{BACKUPS}/{backup.name}/{MANIFEST} is damaged, and no dump was added: {error}.",
            code=ExitCode.DATA,
            hint="Take another backup: migrate.backup",
        ) from error
    dumps = (*(one for one in present.dumps if one.name != dump.name), dump)
    data = manifest.encode(msgspec.structs.replace(present, dumps=dumps))
    with files.temporary_beside(backup.folder) as (descriptor, temporary):
        files.fill(descriptor, data, mode=files.PRIVATE, owner=None)
        temporary.replace(path)
        files.sync_folder(backup.folder)
    return records.read(backup.folder)
