"""Operations: what a step does to a project's files, said before anything is done.

Paths are relative to the project's folder, with slashes.
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks.files import PRIVATE, PUBLIC

BINARY = "(binary)"


@dataclass(frozen=True, kw_only=True)
class Write:
    """Make a file, or put other contents into one that is there."""

    path: str
    data: bytes
    mode: int = PUBLIC

    @property
    def made(self) -> str:
        """The path that is there afterwards."""
        return self.path

    def __str__(self) -> str:
        return f"write {self.path}"


@dataclass(frozen=True, kw_only=True)
class Move:
    """Give a file another name; its bytes and its time stay."""

    source: str
    target: str
    mode: int = PRIVATE

    @property
    def made(self) -> str:
        """The path that is there afterwards."""
        return self.target

    def __str__(self) -> str:
        return f"move {self.source} to {self.target}"


Operation = Write | Move


def diff(operation: Operation, folder: Path) -> str:
    """Return what an operation changes in the project in `folder`, as a unified diff.

    A move is one line: what is moved are env files, and nobody is shown what they hold.
    """
    if isinstance(operation, Move):
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


def in_the_way(
    operations: Iterable[Operation], folder: Path, *, ours: Iterable[Path] = ()
) -> tuple[str, ...]:
    """Return the paths that operations would make and that hold something else already.

    A file that is to be written and has these very bytes is not in the way, nor is one of `ours`, the files that
    are meant to be rewritten.
    """
    mine = set(ours)
    return tuple(
        one.made
        for one in operations
        if (folder / one.made).exists() and folder / one.made not in mine and not is_done(one, folder)
    )


def is_done(operation: Operation, folder: Path) -> bool:
    """Return whether an operation would change nothing any more."""
    if isinstance(operation, Move):
        return (folder / operation.target).is_file() and not (folder / operation.source).exists()
    path = folder / operation.path
    return path.is_file() and path.read_bytes() == operation.data
