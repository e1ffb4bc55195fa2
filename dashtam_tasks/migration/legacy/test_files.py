"""Whether a test file is an overlay or stands alone: read from its uses, and from whether it resolves alone."""

import enum
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from dashtam_tasks.migration.legacy.resolution import Resolution
from dashtam_tasks.migration.legacy.usage import Use

Found = TypeVar("Found")


class Role(enum.StrEnum):
    """How a test file is meant: over others, by itself, or a person has to say."""

    OVERLAY = "overlay"
    STANDALONE = "standalone"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Sign:
    """One sign, in words, and its place; `role` is what it speaks for, UNDECIDED for either."""

    role: Role
    where: str
    words: str


@dataclass(frozen=True, kw_only=True)
class TestFile:
    """A test file, what it is, and why.

    `overlay` and `standalone` are the files that Compose gets together, in order, if it is the one or the other;
    `env_files` and `project` are what most of the command lines name with it.
    """

    __test__ = False

    file: str
    role: Role
    signs: tuple[Sign, ...]
    overlay: tuple[str, ...]
    standalone: tuple[str, ...]
    env_files: tuple[str, ...] = ()
    project: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """The files that Compose gets together as far as is known: while undecided, those of an overlay."""
        return self.standalone if self.role is Role.STANDALONE else self.overlay


def judge(file: str, *, base: str, uses: Iterable[Use], alone: Resolution) -> TestFile:
    """Return what the test file is, from the `uses` that name it and from how it resolves alone."""
    own = [use for use in uses if file in use.files]
    signs = (*signs_of_use(file, own), sign_of_resolving(file, alone))
    role = verdict(signs, resolves=alone.resolves)
    over = [use.files for use in own if use.files[0] != file]
    first = [use.files for use in own if use.files[0] == file]
    return TestFile(
        file=file,
        role=role,
        signs=signs,
        overlay=most_common(over) or tuple(name for name in (base, file) if name),
        standalone=most_common(first) or (file,),
        env_files=most_common([use.env_files for use in own if use.env_files]) or (),
        project=most_common([use.project for use in own if use.project]) or "",
    )


def signs_of_use(file: str, uses: Iterable[Use]) -> Iterator[Sign]:
    """Yield a sign for each way in which command lines name the file, at its first place."""
    places: dict[tuple[str, ...], list[str]] = {}
    for use in uses:
        places.setdefault(use.files[: use.files.index(file)], []).append(use.where)
    for before, where in places.items():
        words = f"names it after {' and '.join(before)}" if before else "names it first"
        others = len(set(where)) - 1
        more = f" (and {others} more do)" if others else ""
        role = Role.OVERLAY if before else Role.STANDALONE
        yield Sign(role=role, where=where[0], words=f"{words}{more}")


def sign_of_resolving(file: str, alone: Resolution) -> Sign:
    """Return the sign that Compose gives: what does not resolve alone cannot stand alone.

    What does may be either: an overlay that is complete is still an overlay.
    """
    if alone.resolves is None:
        words = f"could not be resolved alone: {alone.problem}"
        return Sign(role=Role.UNDECIDED, where=file, words=words)
    if alone.resolves:
        return Sign(role=Role.UNDECIDED, where=file, words="resolves alone")
    return Sign(role=Role.OVERLAY, where=file, words=f"does not resolve alone: {alone.problem}")


def verdict(signs: Iterable[Sign], *, resolves: bool | None) -> Role:
    """Return what all signs speak for, UNDECIDED where they disagree.

    A file that no command line names and that `resolves` stands alone.
    """
    roles = {sign.role for sign in signs} - {Role.UNDECIDED}
    if not roles:
        return Role.STANDALONE if resolves else Role.UNDECIDED
    return roles.pop() if len(roles) == 1 else Role.UNDECIDED


def most_common(found: list[Found]) -> Found | None:
    """Return what occurs most often, the first of equals; None for nothing."""
    return Counter(found).most_common(1)[0][0] if found else None
