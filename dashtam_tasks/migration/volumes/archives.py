"""Archives: the contents of a volume as a tar, and the proof that all of them are in it.

The engine makes it, so that the image needs no tar; it has times to the second.
"""

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from dashtam_tasks import engine
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.containers.executor import written
from dashtam_tasks.migration.containers.workbench import TARGET, Workbench
from dashtam_tasks.migration.volumes.manifest import Hashes, Listing


def save(bench: Workbench, target: IO[bytes], report: Callable[[int], None]) -> None:
    """Write everything in a workbench's TARGET into a file, as a tar.

    Raises DashtamError: IO when it cannot be read, UNAVAILABLE without an engine.
    """
    argv = ["docker", "cp", "--archive", f"{bench.name}:{TARGET}/.", "-"]
    returncode, stderr = written(argv, target, report)
    if returncode:
        engine.version()
        raise DashtamError(
            "The contents of a volume could not be read out.",
            code=ExitCode.IO,
            details=stderr.decode(errors="replace"),
        )


def verify(path: Path, found: Listing, hashes: Hashes) -> int:
    """Return how many entries a tar has; raise DashtamError (DATA) when it is not all that was found."""
    expected = {
        name: facts(name, found, hashes) for name, one in found.items() if not stat.S_ISSOCK(one.mode)
    }
    try:
        with tarfile.open(path, "r:", encoding="utf-8", errors="surrogateescape") as tar:
            entries = {name_of(member): held_by(tar, member) for member in tar}
    except (tarfile.TarError, OSError) as error:
        raise DashtamError(
            f"The tar of a volume cannot be read back: {error}.", code=ExitCode.DATA
        ) from error
    if entries != expected:
        raise DashtamError(
            "The tar of a volume is not what the volume holds.",
            code=ExitCode.DATA,
            hint="Did anything write to it? Run the same command again.",
        )
    return len(entries)


def facts(name: bytes, found: Listing, hashes: Hashes) -> tuple[object, ...]:
    """Return what has to be in the tar of an entry."""
    one = found[name]
    return (stat.S_IMODE(one.mode), one.uid, one.gid, hashes.get(name, ""), one.target)


def name_of(member: tarfile.TarInfo) -> bytes:
    """Return the name of an entry as a listing has it."""
    name = os.fsencode(member.name).rstrip(b"/").removeprefix(b"./")
    return b"./" + name if name not in {b"", b"."} else b"."


def held_by(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    """Return what a tar has of an entry; a hard link is the file that it is another name of."""
    sha256 = ""
    if member.isreg() or member.islnk():
        file = tar.extractfile(member)
        assert file is not None
        with file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    target = os.fsencode(member.linkname) if member.issym() else b""
    # Engines before 23 write the type of a file into its mode, too.
    return (stat.S_IMODE(member.mode), member.uid, member.gid, sha256, target)
