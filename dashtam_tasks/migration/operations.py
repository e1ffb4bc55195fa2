"""Operations: what a step does to a project's files, said before anything is done.

Paths are relative to the project's folder, with slashes.
"""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dashtam_tasks.files import PRIVATE, PUBLIC

BINARY = "(binary)"


@dataclass(frozen=True, kw_only=True)
class Write:
    """Make a file, or with `rewrites` put other contents into one that is there, which keeps its mode and owner."""

    path: str
    data: bytes
    mode: int = PUBLIC
    rewrites: bool = False

    @property
    def made(self) -> str:
        """The path that is there afterwards."""
        return self.path

    def __str__(self) -> str:
        return f"write {self.path}"


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """What gives a place the contents of another."""

    source: str
    target: str
    mode: int = PRIVATE

    @property
    def made(self) -> str:
        """The path that is there afterwards."""
        return self.target


@dataclass(frozen=True, kw_only=True)
class Move(Transfer):
    """Give a file another name; its bytes and its time stay."""

    def __str__(self) -> str:
        return f"move {self.source} to {self.target}"


@dataclass(frozen=True, kw_only=True)
class Copy(Transfer):
    """Make a file with the contents of another; what it holds is read when it is done, and written down nowhere."""

    def __str__(self) -> str:
        return f"copy {self.source} to {self.target}"


@dataclass(frozen=True, kw_only=True)
class CopyVolume:
    """Make a volume with the data of another, which is only read, after the containers that hold it are removed.

    `source` and `target` are the engine's names. `labels` are those that Compose gives the new volume. `image` is
    that of the service that keeps its data there at `path`, and `is_postgres` whether its rows can be counted.
    """

    source: str
    target: str
    labels: Mapping[str, str]
    service: str
    image: str
    path: str
    is_postgres: bool = False

    @property
    def made(self) -> str:
        """No path: a volume is the engine's."""
        return ""

    def __str__(self) -> str:
        return f"copy volume {self.source} to {self.target}"


FileOperation = Write | Copy | Move
Operation = FileOperation | CopyVolume


def touched(operation: Operation) -> tuple[str, ...]:
    """Return the paths that an operation reads, changes or makes."""
    if isinstance(operation, Write):
        return (operation.path,)
    if isinstance(operation, CopyVolume):
        return ()
    return (operation.source, operation.target)


def diff(operation: Operation, folder: Path) -> str:
    """Return what an operation changes in the project in `folder`, as a unified diff.

    All but writing is one line, and so is what is its owner's alone: nobody is shown what env files and keys hold.
    """
    if not isinstance(operation, Write) or operation.mode == PRIVATE:
        return f"{operation}\n"
    path = folder / operation.path
    before = path.read_bytes() if path.is_file() else b""
    names = (operation.path if path.is_file() else "/dev/null", operation.path)
    return "".join(ended(difflib.unified_diff(lines(before), lines(operation.data), *names)))


def lines(data: bytes) -> list[str]:
    """Return the lines of a text, or one that says that it is none."""
    try:
        return data.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return [BINARY]


def ended(parts: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a diff, with diff's own words where a file has no newline at its end."""
    for part in parts:
        yield part if part.endswith("\n") else f"{part}\n\\ No newline at end of file\n"


def in_the_way(operations: Iterable[Operation], folder: Path) -> tuple[str, ...]:
    """Return the paths that operations would make and that hold something else already.

    A file that is to be written and has these very bytes is not in the way, nor is one that is to be rewritten;
    what stands where a folder is to be is.
    """
    chosen = [one for one in operations if not isinstance(one, CopyVolume)]
    above = (str(path) for one in chosen for path in PurePosixPath(one.made).parents)
    blocked = (path for path in above if os.path.lexists(folder / path) and not (folder / path).is_dir())
    taken = (
        one.made
        for one in chosen
        if os.path.lexists(folder / one.made)
        and not (isinstance(one, Write) and one.rewrites)
        and not is_done(one, folder)
    )
    return tuple(dict.fromkeys((*blocked, *taken)))


def is_done(operation: FileOperation, folder: Path) -> bool:
    """Return whether an operation on files would change nothing any more."""
    if isinstance(operation, Move):
        return (folder / operation.target).is_file() and not (folder / operation.source).exists()
    if isinstance(operation, Copy):
        source, target = folder / operation.source, folder / operation.target
        return source.is_file() and target.is_file() and source.read_bytes() == target.read_bytes()
    path = folder / operation.path
    return path.is_file() and path.read_bytes() == operation.data
