"""Take a backup, which has another name until all of it is on the disk: no part is ever taken for the whole."""

import itertools
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import snapshots
from dashtam_tasks.migration.backup import contents, manifest, records
from dashtam_tasks.migration.backup.home import IGNORE_FILE, at_home
from dashtam_tasks.migration.backup.manifest import Manifest
from dashtam_tasks.migration.backup.records import DUMPS, KEPT, MANIFEST, NAME, PREFIX, SUFFIX, Backup
from dashtam_tasks.migration.ledger import BACKUPS
from dashtam_tasks.migration.snapshots import Kind, Snapshot, quoted, shown

# What a file takes beyond its contents: the rest of its last block, and its entry in the manifest.
BYTES_PER_FILE = 8 << 10
# As tempfile makes names.
LEFT = re.compile(rf"(?:{NAME.pattern}|{re.escape(IGNORE_FILE)})\.\w{{8}}{re.escape(SUFFIX)}")

Found = Mapping[str, Snapshot]


def take(project: Path, paths: Iterable[str], *, today: date, reason: str = "") -> Backup:
    """Save what is at `paths`, relative to `project`, and return the backup, which is whole and on the disk.

    Of a link its target is saved, of a folder that it is there, of nothing that there is nothing. `reason` stands
    in the manifest. On failure everything is as before. Raises DashtamError: DATA for a path that leads out of the
    project and for what is neither file nor folder nor link, IO for what cannot be read, BUSY for a file that
    changes meanwhile, CANNOT_CREATE when there is no space or the project's folder may not be written to.
    """
    names = sorted({within(path) for path in paths})
    found = {name: looked_at(project, name) for name in names}
    require_space(project, found)
    with (
        files.explaining(project / BACKUPS),
        at_home(project) as backups,
        files.locked(backups),
    ):
        sweep(backups)
        folder = free_name(backups, today)
        with building(folder) as temporary:
            fill(temporary, project, found, reason=reason)
            temporary.rename(folder)
        files.sync_folder(backups)
        files.sync_folder(project)
    return records.read(folder)


def within(path: str) -> str:
    """Return a path in its one form; raise DashtamError (DATA) when it leads out of the project."""
    plain = PurePosixPath(path)
    if plain.is_absolute() or ".." in plain.parts:
        raise DashtamError(
            f"{shown(path)} is not in the project, and only what is can be saved.", code=ExitCode.DATA
        )
    return str(plain)


def looked_at(project: Path, name: str) -> Snapshot:
    """Return what is at a path; raise DashtamError for what cannot be read (IO) or saved (DATA)."""
    with contents.reading(project / name):
        snapshot = snapshots.of(project / name)
    if snapshot.kind is Kind.OTHER:
        raise DashtamError(
            f"{shown(name)} is a socket, a pipe or a device, and cannot be saved.",
            code=ExitCode.DATA,
            hint="Stop what made it, or remove it.",
        )
    return snapshot


def require_space(project: Path, found: Found) -> None:
    """Raise DashtamError (CANNOT_CREATE) when the disk has no room for the backup."""
    needed = sum(one.size + BYTES_PER_FILE for one in found.values())
    with contents.reading(project):
        free = shutil.disk_usage(project).free
    if free < needed:
        raise DashtamError(
            f"The backup takes up to {needed:,} bytes, and {project} has {free:,} bytes free.",
            code=ExitCode.CANNOT_CREATE,
            hint="Make room on that disk, and try again.",
        )


def sweep(backups: Path) -> None:
    """Remove what killed runs left; no other run is at work, since one migration at a time is let in."""
    for left in filter(lambda one: LEFT.fullmatch(one.name), list(backups.iterdir())):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def free_name(backups: Path, today: date) -> Path:
    """Return the first name for a backup of this day that nothing has."""
    first = f"{PREFIX}{today:%Y%m%d}"
    names = itertools.chain([first], (f"{first}-{number}" for number in itertools.count(2)))
    return next(backups / name for name in names if not os.path.lexists(backups / name))


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yield a new private folder beside `folder`; unless it was renamed, it is gone afterwards."""
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}.", suffix=SUFFIX))
    try:
        temporary.chmod(contents.PRIVATE_FOLDER)
        yield temporary
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)


def fill(folder: Path, project: Path, found: Found, *, reason: str) -> None:
    """Put a whole backup into an empty folder, the manifest last, and all of it onto the disk."""
    saved = {name: one for name, one in found.items() if one.kind is Kind.FILE}
    folders = sorted(folders_of(saved))
    for name in folders:
        contents.make_folder(folder / name)
    for name, snapshot in saved.items():
        save(project, name, snapshot, folder / records.stored_at(name, snapshot))
    for name, snapshot in found.items():
        # A folder's time changes with what is made in it, and we make some.
        if snapshot.kind in {Kind.FILE, Kind.LINK} and looked_at(project, name) != snapshot:
            raise changed(name)
    data = manifest.encode(described(project, found, reason=reason))
    files.fill(contents.create(folder / MANIFEST), data, mode=files.PRIVATE, owner=None)
    for name in (*reversed(folders), "."):
        files.sync_folder(folder / name)


def folders_of(saved: Found) -> set[str]:
    """Return the folders that a backup of these files has."""
    places = (PurePosixPath(records.stored_at(name, one)) for name, one in saved.items())
    return {str(folder) for place in places for folder in place.parents} - {"."} | {KEPT, DUMPS}


def save(project: Path, name: str, snapshot: Snapshot, target: Path) -> None:
    """Copy a file's contents; raise DashtamError (BUSY) when they are no longer what was found."""
    if target.exists():
        # Kept by its hash: another file holds the very same.
        return
    if contents.copy_private(project / name, contents.create(target)) != snapshot.sha256:
        raise changed(name)


def changed(name: str) -> DashtamError:
    """Return the error that says that a file does not keep still."""
    return DashtamError(
        f"{shown(name)} changed while it was saved.",
        code=ExitCode.BUSY,
        hint="Close what writes to it, and try again.",
    )


def described(project: Path, found: Found, *, reason: str) -> Manifest:
    """Return the manifest of a backup that is taken now."""
    return Manifest(
        taken=datetime.now(UTC),
        reason=reason,
        entries={quoted(name): one for name, one in found.items()},
        hard_links=dict(hard_links(project, found)),
    )


def hard_links(project: Path, found: Found) -> Iterator[tuple[str, int]]:
    """Yield each file that has more names than one, as it stands in the manifest, and how many it has."""
    for name in found:
        with contents.reading(project / name):
            if found[name].kind is Kind.FILE:
                status = (project / name).lstat()
                if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
                    yield quoted(name), status.st_nlink
