"""Change single files so that a crash leaves the old or the new, and no scrap outside a folder of our own.

The order is SQLite's: contents to the disk, then the name, then the folder that holds the name.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import snapshots
from dashtam_tasks.migration.snapshots import Snapshot

Owner = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a file has beside its contents; None leaves what the system gives. `mtime` is in nanoseconds.

    With `is_optional` it is given as far as the system permits.
    """

    mode: int | None = None
    owner: Owner | None = None
    mtime: int | None = None
    is_optional: bool = False


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal into an error that names `path`, also where something is in the way.

    Raises DashtamError: DATA when something is there already, CANNOT_CREATE for all else.
    """
    try:
        with files.explaining(path):
            yield
    except FileExistsError as error:
        raise in_the_way(path) from error


def in_the_way(path: Path) -> DashtamError:
    """Return the error that a path is taken by something which is not ours."""
    return DashtamError(
        f"{path} is there already, and it is not what the migration would make.",
        code=ExitCode.DATA,
        hint="Give it another name or take it away, and run the same command again.",
    )


def changing(path: Path) -> DashtamError:
    """Return the error that a path changes while it is being worked on."""
    return DashtamError(
        f"{snapshots.shown(str(path))} is being changed right now.",
        code=ExitCode.BUSY,
        hint="Save and close it, and run the same command again.",
    )


def look_at(path: Path) -> Snapshot:
    """Return what is at `path`.

    Raises DashtamError (IO) when it cannot be read.
    """
    try:
        return snapshots.of(path)
    except OSError as error:
        raise DashtamError(
            f"{path} cannot be read: {os.strerror(error.errno or 0)}.",
            code=ExitCode.IO,
            hint="Look at its owner and its mode.",
        ) from error


def place(data: bytes, target: Path, *, scratch: Path, look: Look, replacing: bool) -> None:
    """Put a file with `data` at `target`, whole or not at all; what a crash leaves is in the folder `scratch`.

    Raises FileExistsError when something is there that is not to be replaced, OSError.
    """
    name(completed(data, scratch=scratch, look=look), target, replacing=replacing)


def completed(data: bytes, *, scratch: Path, look: Look) -> Path:
    """Return a new file in a scratch folder, complete and on the disk; raise OSError."""
    temporary = scratch / "file"
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, files.PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        dress(descriptor, look)
        os.fsync(descriptor)
    return temporary


def name(temporary: Path, target: Path, *, replacing: bool) -> None:
    """Give what is complete in a scratch folder its place.

    Raises FileExistsError when something is there that is not to be replaced, OSError.
    """
    if replacing:
        temporary.replace(target)
    else:
        # Unlike a rename, a link never replaces what appeared meanwhile.
        os.link(temporary, target, follow_symlinks=False)
        temporary.unlink()
    files.sync_folder(target.parent)


def completed_link(leads_to: str, *, scratch: Path, look: Look) -> Path:
    """Return a new symbolic link in a scratch folder; raise OSError."""
    temporary = scratch / "file"
    temporary.unlink(missing_ok=True)
    os.symlink(leads_to, temporary)  # noqa: PTH211 - a Path would tidy what the link says
    dress_link(temporary, look)
    return temporary


def move(source: Path, target: Path) -> None:
    """Give a file another name, never in place of another file; a crash half-way leaves both names.

    Raises FileExistsError when something else is at `target`, DashtamError (BUSY) when a new file took the place of
    `source` meanwhile, which then has its name alone, OSError.
    """
    if not is_same(source, target):
        os.link(source, target, follow_symlinks=False)
        files.sync_folder(target.parent)
        if not is_same(source, target):
            remove(target)
            raise changing(source)
    remove(source)


def is_same(one: Path, other: Path) -> bool:
    """Return whether two names are of one file, as they are half-way through a move."""
    try:
        return os.path.samestat(one.lstat(), other.lstat())
    except (FileNotFoundError, NotADirectoryError):
        return False


def remove(path: Path) -> None:
    """Remove a file's name; raise OSError."""
    path.unlink()
    files.sync_folder(path.parent)


def settle(path: Path, look: Look) -> None:
    """Give a file its look where it has another one, and write it and its name to the disk; raise OSError."""
    if path.is_symlink():
        dress_link(path, look)
    else:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            dress(descriptor, look)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    files.sync_folder(path.parent)


def dress(descriptor: int, look: Look) -> None:
    """Give an open file its look; the owner first, since a new one clears bits of the mode."""
    present = os.fstat(descriptor)
    if look.owner is not None and look.owner != (present.st_uid, present.st_gid):
        with permitted(look):
            os.fchown(descriptor, *look.owner)
    if look.mode is not None and look.mode != present.st_mode & 0o7777:
        with permitted(look):
            os.fchmod(descriptor, look.mode)
    if look.mtime is not None and look.mtime != present.st_mtime_ns:
        with permitted(look):
            os.utime(descriptor, ns=(present.st_atime_ns, look.mtime))


def dress_link(path: Path, look: Look) -> None:
    """Give a symbolic link its look; Linux has no modes for them."""
    present = path.lstat()
    if look.owner is not None and look.owner != (present.st_uid, present.st_gid):
        with permitted(look):
            os.chown(path, *look.owner, follow_symlinks=False)
    if look.mtime is not None and look.mtime != present.st_mtime_ns:
        with permitted(look):
            os.utime(path, ns=(present.st_atime_ns, look.mtime), follow_symlinks=False)


def permitted(look: Look) -> AbstractContextManager[None]:
    """Return what lets a part of an optional look be, where the system does not permit it."""
    return files.as_permitted() if look.is_optional else nullcontext()


def look_of(snapshot: Snapshot) -> Look:
    """Return the look that a snapshot remembers, to be given as far as the system permits.

    Only root gives files to others, and only a file's owner sets its mode and its time: whoever takes a migration
    back need not be who began it.
    """
    if snapshot.is_foreseen:
        return Look(mode=snapshot.mode or None, is_optional=True)
    owner = snapshot.uid, snapshot.gid
    return Look(mode=snapshot.mode, owner=owner, mtime=snapshot.mtime, is_optional=True)


def make_folders(root: Path, folder: Path, *, owner: Owner | None) -> None:
    """Make the folders from `root` down to `folder` that are missing, each one on the disk.

    Raises DashtamError: DATA when something else is in the way, CANNOT_CREATE.
    """
    missing = [one for one in (folder, *folder.parents) if one.is_relative_to(root) and not one.is_dir()]
    for one in reversed(missing):
        with naming(one):
            one.mkdir(mode=0o755)
            if owner is not None:
                os.chown(one, *owner)
            files.sync_folder(one.parent)
