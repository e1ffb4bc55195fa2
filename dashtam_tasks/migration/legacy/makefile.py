"""A Makefile as its author reads it: targets, what they need, what they run, what they are for.

No make is needed. What only make can know (included files, functions, conditions) is said and left as written.
"""

from dataclasses import dataclass

# GNU make takes the first of these.
NAMES = ("GNUmakefile", "makefile", "Makefile")


@dataclass(frozen=True, kw_only=True)
class RecipeLine:
    """One command of a recipe: as it is written, and with the Makefile's variables in it.

    A variable that the Makefile does not set, and a function, stay as `${NAME}` and `$(function ...)`.
    """

    line: int
    raw: str
    expanded: str

    @property
    def command(self) -> str:
        """What the shell gets: without make's own `@`, `-` and `+`."""
        return self.expanded.lstrip("@-+ \t")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A target: what has to be made before it, and the commands that make it."""

    name: str
    line: int
    prerequisites: tuple[str, ...] = ()
    recipe: tuple[RecipeLine, ...] = ()
    help: str = ""
    is_phony: bool = False

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for every target that fits."""
        return "%" in self.name


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable as the Makefile sets it, with the variables in its value replaced."""

    name: str
    line: int
    value: str
    exported: bool = False


@dataclass(frozen=True, kw_only=True)
class Unread:
    """A place that this reader leaves as it is, and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Makefile:
    """What a Makefile says; `targets` in its order, each once."""

    file: str
    targets: tuple[Target, ...]
    variables: tuple[Variable, ...] = ()
    unread: tuple[Unread, ...] = ()

    def target(self, name: str) -> Target | None:
        """Return the target called `name`, else the pattern that fits it, None without either."""
        named = [one for one in self.targets if one.name == name]
        fitting = [one for one in self.targets if one.is_pattern and fits(one.name, name)]
        return next(iter(named + fitting), None)

    def needed(self, name: str) -> tuple[Target, ...]:
        """Return the targets that are made before `name`, the first first, each once."""
        order: dict[str, Target] = {}
        self.gather(name, order, path=())
        return tuple(one for one in order.values() if one != self.target(name))

    def gather(self, name: str, order: dict[str, Target], *, path: tuple[str, ...]) -> None:
        """Put a target behind all that it needs; what needs itself is left out, as make does."""
        target = self.target(name)
        if target is None or target.name in path:
            return
        for one in target.prerequisites:
            self.gather(one, order, path=(*path, target.name))
        order.setdefault(target.name, target)


def fits(pattern: str, name: str) -> bool:
    """Return whether a target's name fits a pattern: its `%` stands for one character or more."""
    before, _, after = pattern.partition("%")
    return name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)
