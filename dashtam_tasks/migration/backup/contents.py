"""The contents of files, copied to where they are safe, with the hash of what was written."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.files import PRIVATE
from dashtam_tasks.migration.snapshots import CHUNK_BYTES, shown

PRIVATE_FOLDER = 0o700


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to let `path` be read into an error that names it."""
    try:
        yield
    except OSError as error:
        raise DashtamError(
            f"{shown(str(path))} cannot be read: {os.strerror(error.errno or 0)}.",
            code=ExitCode.IO,
            hint="Look at its owner and its mode, and at those of the folders above it.",
        ) from error


def chunks(path: Path) -> Iterator[bytes]:
    """Yield the contents of a file; a link is not followed.

    Raises DashtamError (IO) when they cannot be read.
    """
    with reading(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        while True:
            with reading(path):
                chunk = file.read(CHUNK_BYTES)
            if not chunk:
                return
            yield chunk


def copy(source: Path, target: IO[bytes]) -> str:
    """Copy the contents of a file, and return the SHA-256 of what was written, in hexadecimal."""
    digest = hashlib.sha256()
    for chunk in chunks(source):
        target.write(chunk)
        digest.update(chunk)
    target.flush()
    return digest.hexdigest()


def copy_private(source: Path, descriptor: int) -> str:
    """Copy a file's contents to the disk, close what they were written to, and return their SHA-256.

    The file is 0600, whatever the umask is. Raises OSError when it cannot be written.
    """
    with os.fdopen(descriptor, "wb") as target:
        os.fchmod(descriptor, PRIVATE)
        sha256 = copy(source, target)
        os.fsync(descriptor)
    return sha256


def create(path: Path) -> int:
    """Make an empty private file, and return the descriptor that it is open for writing with."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, whatever the umask is."""
    path.mkdir(PRIVATE_FOLDER)
    path.chmod(PRIVATE_FOLDER)
