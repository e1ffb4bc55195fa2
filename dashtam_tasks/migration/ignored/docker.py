"""What a `.dockerignore` leaves out of a build context, as Docker reads it.

Patterns are those of Go's filepath.Match with `**` for any number of folders; what fits a folder fits all below it,
`!` makes an exception, and the last pattern that fits decides. Git's rules are others.
https://docs.docker.com/build/concepts/context/#dockerignore-files
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from dashtam_tasks.migration.ignored.lines import Judge, Verdict

NAME = ".dockerignore"
BYTE_ORDER_MARK = "\ufeff"
TOKEN = re.compile(r"\*\*/?|\\?.", re.DOTALL)
# Two stars and plain text fit whatever ends so, be it in the middle of a name.
ENDING = re.compile(r"\*\*(?P<text>[^*?\[\]\\/][^*?\[\]\\]*)")
SPECIAL = frozenset(".+()|{}$")


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A pattern of a `.dockerignore`, cleaned as Docker cleans it, with the line that it stands on."""

    line: int
    text: str
    is_exception: bool = False

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The pattern as a regular expression for a whole path; one that Docker refuses fits nothing."""
        try:
            return re.compile(expression(self.text))
        except re.error:
            return re.compile(r"(?!)")

    def fits(self, path: str) -> bool:
        """Return whether the pattern fits a path of the context by itself."""
        return self.expression.fullmatch(path) is not None


def judge_of(name: str) -> Judge:
    """Return what tells what a `.dockerignore` called `name` makes of paths of its context.

    A path is out where both builders leave it out; they read some exceptions differently.
    """

    def judge(data: bytes, paths: Iterable[str]) -> Mapping[str, Verdict]:
        patterns = tuple(read(data))
        return {path: verdict(patterns, path, name) for path in paths}

    return judge


def verdict(patterns: Sequence[Pattern], path: str, name: str) -> Verdict:
    """Return whether patterns leave a path out, and the one that decides it."""
    readings = (by_path(patterns, path), by_walk(patterns, path))
    one = next((one for one in readings if one is None or one.is_exception), readings[0])
    if one is None:
        return Verdict(is_out=False)
    sign = "!" if one.is_exception else ""
    return Verdict(is_out=not one.is_exception, where=f"{name}:{one.line}", pattern=f"{sign}{one.text}")


def by_path(patterns: Sequence[Pattern], path: str) -> Pattern | None:
    """Return the pattern that decides in the classic builder: the last that fits a path or a folder above it.

    It goes into no folder that is out unless an exception begins with its name, and so may leave out more.
    """
    places = (path, *above(path))
    last = None
    for one in patterns:
        is_out = last is not None and not last.is_exception
        if one.is_exception == is_out and any(map(one.fits, places)):
            last = one
    return last


def by_walk(patterns: Sequence[Pattern], path: str) -> Pattern | None:
    """Return the pattern that decides in BuildKit, which asks folder by folder, the outermost first.

    What fitted a folder fits what is in it. But a pattern that would change nothing about a folder is not asked,
    and so does not count for what is in it either.
    """
    inherited = frozenset[Pattern]()
    last = None
    for place in (*reversed(above(path)), path):
        last, fitted = None, set[Pattern]()
        for one in patterns:
            is_out = last is not None and not last.is_exception
            if one in inherited or (one.is_exception == is_out and one.fits(place)):
                last = one
                fitted.add(one)
        inherited = frozenset(fitted)
    return last


def above(path: str) -> tuple[str, ...]:
    """Return the folders above a path, the innermost first, without the context's own."""
    return tuple(str(folder) for folder in PurePosixPath(path).parents if folder.name)


def read(data: bytes) -> Iterator[Pattern]:
    """Yield the patterns of a `.dockerignore`; only what has a `#` at its very beginning is a comment."""
    text = data.decode(errors="surrogateescape").removeprefix(BYTE_ORDER_MARK)
    for number, line in enumerate(text.split("\n"), 1):
        is_exception = line.strip().startswith("!")
        pattern = line.strip().removeprefix("!").strip()
        if pattern and not line.startswith("#"):
            yield Pattern(line=number, text=cleaned(pattern), is_exception=is_exception)


def cleaned(pattern: str) -> str:
    """Return a pattern without what means nothing in a path, and without the slash that it may begin with."""
    plain = posixpath.normpath(f"/{pattern.lstrip('/')}" if pattern.startswith("/") else pattern)
    return plain[1:] if plain.startswith("/") and plain != "/" else plain


def expression(pattern: str) -> str:
    """Return a pattern as the text of a regular expression."""
    if ending := ENDING.fullmatch(pattern):
        return f".*{re.escape(ending['text'])}"
    return "".join(translated(one, pattern) for one in TOKEN.finditer(pattern))


def translated(token: re.Match[str], pattern: str) -> str:
    """Return a part of a pattern as part of a regular expression."""
    text = token[0]
    if text.startswith("**"):
        return ".*" if token.end() == len(pattern) else "(?:.*/)?"
    if text in {"*", "?"}:
        return "[^/]*" if text == "*" else "[^/]"
    if text.startswith("\\"):
        return re.escape(text[1:] or text)
    return re.escape(text) if text in SPECIAL else text
