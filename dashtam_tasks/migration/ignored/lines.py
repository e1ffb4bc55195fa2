"""The lines of an ignore file that are missing, by what they mean; every byte that is there stays."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether an ignore file leaves a path out, and the pattern that decides it: its place and its text."""

    is_out: bool
    where: str = ""
    pattern: str = ""


# What the contents of an ignore file make of paths.
Judge = Callable[[bytes, Iterable[str]], Mapping[str, Verdict]]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Paths that have to be left out, paths that must not be, and lines that see to it, what to try first first."""

    out: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    kept: tuple[str, ...] = ()

    def unmet(self, data: bytes, judge: Judge) -> dict[str, Verdict]:
        """Return what an ignore file with these contents says of the paths that it treats otherwise."""
        told = judge(data, (*self.out, *self.kept))
        return {path: told[path] for path in told if told[path].is_out != (path in self.out)}


@dataclass(frozen=True, kw_only=True)
class Completed:
    """An ignore file's contents with the lines that were missing, and the verdicts that no line could change."""

    data: bytes
    unmet: Mapping[str, Verdict]


def completed(data: bytes, rules: Iterable[Rule], judge: Judge, *, comment: str) -> Completed:
    """Return an ignore file that follows the rules as far as its own lines can; `comment` heads them.

    Lines go to the end, where they win over all others.
    """
    unmet: dict[str, Verdict] = {}
    lines: list[str] = []
    for rule in rules:
        told = {one: rule.unmet(with_lines(data, (*lines, *one)), judge) for one in ((), *rule.lines)}
        best = min(told, key=lambda one: len(told[one]))
        lines += best
        unmet |= told[best]
    return Completed(data=with_lines(data, (comment, *lines)) if lines else data, unmet=unmet)


def with_lines(data: bytes, lines: Iterable[str]) -> bytes:
    """Return contents with lines at their end, in their own line ends."""
    end = line_end(data)
    gap = end if data and not data.endswith(b"\n") else b""
    return data + gap + b"".join(line.encode() + end for line in lines)


def contents(path: Path) -> bytes:
    """Return what an ignore file holds, nothing where there is no file."""
    return path.read_bytes() if path.is_file() else b""


def line_end(data: bytes) -> bytes:
    """Return how the first line of a text ends, a newline where none does."""
    first, newline, _ = data.partition(b"\n")
    return b"\r\n" if newline and first.endswith(b"\r") else b"\n"
