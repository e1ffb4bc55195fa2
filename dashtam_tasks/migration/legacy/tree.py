"""The files of a project's folder: their names, and their text."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from dashtam_tasks.errors import DashtamError, ExitCode

# What tools put there, or others wrote: nobody's own files, and far too many.
PRUNED = frozenset(
    ".git .hg .svn .tox .nox .venv venv __pycache__ node_modules bower_components vendor site-packages"
    " .mypy_cache .ruff_cache .pytest_cache .terraform .gradle backups".split()
)
MAX_DEPTH = 6
MAX_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A folder and the names of what lies in it, relative to it, parts joined by slashes.

    `names` has links and what cannot be read too; `unreadable` names folders that could not be looked into.
    """

    folder: Path
    names: tuple[str, ...]
    unreadable: tuple[str, ...] = ()

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The files that can be read as text, links to such included."""
        return tuple(name for name in self.names if is_text_file(self.folder / name))

    def matching(self, fits: Callable[[PurePosixPath], bool]) -> tuple[str, ...]:
        """Return the files whose path fits."""
        return tuple(name for name in self.files if fits(PurePosixPath(name)))

    def text(self, name: str) -> str:
        """Return the text of a file, its line ends as newlines; bytes that are not UTF-8 are replaced."""
        return (self.folder / name).read_bytes().decode(errors="replace").replace("\r\n", "\n")

    def lines(self, name: str) -> list[str]:
        """Return the lines of a file; only a newline ends one, as editors count them."""
        return self.text(name).split("\n")

    def locate(self, path: str, *, folders: Iterable[str]) -> str:
        """Return the name of the file that `path` means, looked for in `folders` one after the other.

        One that is nowhere there is the only file with that base name, or else what it would be in the first.
        """
        candidates = [self.relative(path, folder) for folder in folders]
        for name in candidates:
            if (self.folder / name).exists():
                return name
        alike = [name for name in self.files if PurePosixPath(name).name == PurePosixPath(path).name]
        return alike[0] if len(alike) == 1 else candidates[0]

    def relative(self, path: str, folder: str) -> str:
        """Return the name of what `path`, written in `folder`, means."""
        absolute = os.path.normpath(self.folder / folder / path)
        return Path(os.path.relpath(absolute, self.folder)).as_posix()


def read(folder: Path) -> Tree:
    """Return what lies in `folder`, but for what tools put there; links are not followed.

    Raises DashtamError: USAGE when it is no folder, IO when it cannot be read.
    """
    if not folder.is_dir():
        raise DashtamError(f"{folder} is not a folder.", code=ExitCode.USAGE)
    unreadable: list[OSError] = []
    names = tuple(sorted(found_below(folder, unreadable.append)))
    for error in unreadable:
        if error.filename == str(folder):
            raise DashtamError(
                f"{folder} cannot be read: {os.strerror(error.errno or 0)}.",
                code=ExitCode.IO,
                hint="Look at its owner and its mode.",
            ) from error
    refused = tuple(Path(error.filename).relative_to(folder).as_posix() for error in unreadable)
    return Tree(folder=folder, names=names, unreadable=refused)


def found_below(folder: Path, refused: Callable[[OSError], object]) -> Iterator[str]:
    """Yield the name of each file below `folder`; what refuses to be listed is told to `refused`."""
    for place, folders, names in os.walk(folder, onerror=refused):
        here = Path(place).relative_to(folder)
        linked = [name for name in folders if Path(place, name).is_symlink()]
        yield from ((here / name).as_posix() for name in (*names, *linked))
        deep = len(here.parts) >= MAX_DEPTH
        folders[:] = [] if deep else sorted(name for name in folders if is_own(Path(place, name)))


def is_own(folder: Path) -> bool:
    """Return whether a folder holds a project's own files."""
    return folder.name not in PRUNED and not (folder / "pyvenv.cfg").exists()


def is_text_file(path: Path) -> bool:
    """Return whether `path` is a file, no pipe, that can be read and is not too long for what people write."""
    return path.is_file() and os.access(path, os.R_OK) and path.stat().st_size <= MAX_BYTES
