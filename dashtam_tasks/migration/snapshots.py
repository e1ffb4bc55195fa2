"""Snapshots: what is at a path, exactly enough to tell whether it changed and to put it back."""

import enum
import hashlib
import os
import stat
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

CHUNK_BYTES = 1 << 20
# The time of what was not looked at; no filesystem reaches that far back.
NEVER = -(1 << 63)


class Kind(enum.StrEnum):
    """What can be at a path; `other` is a socket, a pipe or a device."""

    ABSENT = "absent"
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was at a path: `size` in bytes, `mode` the permission bits, `mtime` in nanoseconds since the epoch.

    `sha256` is of a file's contents, and `target` is where a link points, as `quoted` writes it. What was foreseen,
    and not looked at, has no time and no owner.
    """

    kind: Kind
    sha256: str = ""
    size: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime: int = NEVER
    target: str = ""

    @property
    def is_foreseen(self) -> bool:
        """Whether it says what will be at the path, and not what was."""
        return self.mtime == NEVER

    def same_contents(self, other: "Snapshot") -> bool:
        """Return whether both have the same kind and hold the same, whatever their modes, owners and times are."""
        return (self.kind, self.sha256, self.target) == (other.kind, other.sha256, other.target)


ABSENT = Snapshot(kind=Kind.ABSENT)


def of(path: Path) -> Snapshot:
    """Return what is at `path`, which may be nothing; links are not followed.

    Raises OSError for what cannot be looked at.
    """
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    kind = kind_of(found.st_mode)
    is_file = kind is Kind.FILE
    return Snapshot(
        kind=kind,
        sha256=sha256_of(path) if is_file else "",
        size=found.st_size if is_file else 0,
        mode=stat.S_IMODE(found.st_mode),
        uid=found.st_uid,
        gid=found.st_gid,
        mtime=found.st_mtime_ns,
        target=quoted(os.readlink(path)) if kind is Kind.LINK else "",  # noqa: PTH115 - a Path would tidy it
    )


def kind_of(mode: int) -> Kind:
    """Return what a mode of stat(2) says that a path is."""
    kinds = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFLNK: Kind.LINK}
    return kinds.get(stat.S_IFMT(mode), Kind.OTHER)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's contents, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def quoted(name: str) -> str:
    """Return a file's name as the path of a URL has it (RFC 3986), so that JSON can hold it whatever its bytes."""
    return quote_from_bytes(os.fsencode(name))


def shown(name: str) -> str:
    """Return a file's name for people: as it is, or as `quoted` writes it when no terminal could show it."""
    return name if name.isprintable() else quoted(name)


def unquoted(name: str) -> str:
    """Return the file's name that `quoted` wrote."""
    return os.fsdecode(unquote_to_bytes(name))
