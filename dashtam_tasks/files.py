"""Write files so that nobody ever sees half of one, and nobody else's eyes see a secret."""

import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode

PRIVATE = 0o600
PUBLIC = 0o644
# The second is for a user that the namespace of this process does not have.
UNPERMITTED = (errno.EPERM, errno.EINVAL)


def write_atomically(
    path: Path,
    data: bytes,
    *,
    mode: int,
    owner: tuple[int, int] | None = None,
    exclusive: bool = False,
) -> None:
    """Put `data` at `path`, whole or not at all, with `mode` whatever the umask is.

    `owner` is a uid and a gid. A kill leaves at most a private `<name>.<random>.tmp` beside it; the name starts
    like the file's own, so that what ignores the file in git ignores it too. Raises FileExistsError when
    `exclusive` and something is there already, DashtamError (CANNOT_CREATE) when the file cannot be written.
    """
    with explaining(path), temporary_beside(path) as (descriptor, temporary):
        fill(descriptor, data, mode=mode, owner=owner)
        if exclusive:
            # Unlike a rename, a link never replaces what appeared meanwhile.
            os.link(temporary, path)
        else:
            temporary.replace(path)
        sync_folder(path.parent)


@contextmanager
def explaining(path: Path, *, hint: str = "") -> Iterator[None]:
    """Turn an operating system's refusal into an error that names `path`; `hint` says what else may help."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise DashtamError(
            f"{path} cannot be written: {os.strerror(error.errno or 0)}.",
            code=ExitCode.CANNOT_CREATE,
            hint=f"Look at the owner, the mode and the free space of {path.parent}. {hint}".rstrip(),
        ) from error


@contextmanager
def as_permitted() -> Iterator[None]:
    """Let an owner, a mode or a time be that this user may not set; raise OSError for every other refusal."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNPERMITTED:
            raise


@contextmanager
def temporary_beside(path: Path) -> Iterator[tuple[int, Path]]:
    """Yield a new empty file in the folder of `path`, private and open for writing; it is gone afterwards.

    The caller closes the descriptor, as os.fdopen does.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".tmp")
    try:
        yield descriptor, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def fill(descriptor: int, data: bytes, *, mode: int, owner: tuple[int, int] | None) -> None:
    """Write `data` to the disk and close the file; it gets its mode last, when all of it is there."""
    with os.fdopen(descriptor, "wb") as file:
        present = os.fstat(descriptor)
        if owner is not None and owner != (present.st_uid, present.st_gid):
            os.fchown(descriptor, *owner)
        file.write(data)
        file.flush()
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Write a folder's entries to the disk, so that a rename in it outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process alone, waiting for another that holds it; it does not nest.

    Raises DashtamError (CANNOT_CREATE) when the folder is missing or may not be opened.
    """
    with explaining(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def keep_copy(path: Path, *, suffix: str = "") -> Path:
    """Copy `path` beside itself, private and with its owner, and return the copy's path.

    The copy is `<name>.bak-<UTC time>`; `suffix` stays at the end, for ignore rules that go by it.
    Raises DashtamError (CANNOT_CREATE) when the copy cannot be written.
    """
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    copy = path.with_name(f"{path.name.removesuffix(suffix)}.bak-{moment}{suffix}")
    with explaining(copy):
        present = path.stat()
        data = path.read_bytes()
    owner = (present.st_uid, present.st_gid)
    write_atomically(copy, data, mode=PRIVATE, owner=owner, exclusive=True)
    return copy


def changed_since(path: Path, moment: float) -> bool:
    """Return whether a file, or one below a folder, was written after `moment`, in seconds since the epoch.

    Bytecode that Python keeps beside its sources does not count.
    """
    if path.is_file():
        return path.stat().st_mtime > moment
    return any(
        Path(folder, name).lstat().st_mtime > moment
        for folder, _, names in os.walk(path)
        for name in names
        if not name.endswith(".pyc")
    )


def mode_of(path: Path) -> int:
    """Return the permission bits of `path`."""
    return stat.S_IMODE(path.stat().st_mode)


def is_private(path: Path) -> bool:
    """Return whether nobody but its owner has any access to the file, and the owner no more than 0600."""
    return not mode_of(path) & ~PRIVATE
