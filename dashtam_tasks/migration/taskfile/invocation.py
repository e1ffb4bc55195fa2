"""Invocations: tasks of ours as a person types them, and how several become fewer."""

import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

# What a person gives in place of a variable or of a pattern's stem; the word stands for it on a command line.
PLACEHOLDER = re.compile(r"\$(?:\{(?P<name>[A-Za-z_]\w*)\}|(?P<plain>[A-Za-z_]\w*)|(?P<stem>\*))")
STEM = "NAME"


class UnfitError(Exception):
    """No task of ours does what a recipe does; the message says what it is about, as a phrase."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A task with its options and the arguments behind `--`; `notes` are what it does otherwise than the recipe.

    `services` are those that an `up` starts, none for all; with `prepares` it is there for the database alone, and
    with `checks` it only has to be healthy.
    """

    task: str
    options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    prepares: bool = False
    checks: bool = False
    notes: tuple[str, ...] = ()

    @property
    def environment(self) -> str:
        """The environment that the task is about, empty for none."""
        return self.task.partition(".")[0] if "." in self.task else ""

    @property
    def is_up(self) -> bool:
        """Whether it only starts services."""
        return self.task.endswith(".up")

    @property
    def words(self) -> tuple[str, ...]:
        """The words behind `inv`."""
        chosen = tuple(part for one in self.services for part in ("--service", one))
        behind = ("--", *self.arguments) if self.arguments else ()
        return (self.task, *self.options, *chosen, *behind)

    @property
    def is_fixed(self) -> bool:
        """Whether it needs nothing from the person who calls it."""
        return not any("$" in one for one in self.words)

    @property
    def goes_with_down(self) -> bool:
        """Whether a `down` before it has done it already."""
        return self.task == GONE_WITH_DOWN.task

    def noting(self, *notes: str) -> "Invocation":
        """Return the invocation with more to say about it."""
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *notes))))


# A mark for what goes with a `down`, such as a network that is removed by its name.
GONE_WITH_DOWN = Invocation(task="(network)")

Reduce = Callable[[tuple[str, ...], str], tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Invocations one after the other, as `inv one two` runs them, up to the first that fails."""

    parts: tuple[Invocation, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def command(self) -> str:
        """The command line, with a word in capitals for what the caller gives."""
        words = ("inv", *(word for one in self.parts for word in one.words))
        return " ".join(shown(word) for word in words)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What it does otherwise than the recipe."""
        return tuple(dict.fromkeys((*self.notes, *(note for one in self.parts for note in one.notes))))


def shown(word: str) -> str:
    """Return a word as a shell takes it, its placeholders as words in capitals."""
    plain = PLACEHOLDER.sub(lambda found: found["name"] or found["plain"] or STEM, word)
    if "$" in plain:
        raise UnfitError(f"`{word}` is more than a name that the caller gives")
    return shlex.quote(plain)


def chained(parts: Iterable[Invocation], *, needed_by: Reduce) -> Chain:
    """Return a chain of what is left when neighbours are taken together.

    `needed_by` returns services without those that others of them start anyway. Raises UnfitError for a chain that
    no command line can have.
    """
    chain: list[Invocation] = []
    for one in parts:
        chain[-1:] = joined(chain[-1], one) if chain else [one]
    chain = cleaned(chain)
    refuse_rest(chain)
    return Chain(
        parts=tuple(
            replace(one, services=needed_by(one.services, one.environment)) if one.is_up else one
            for one in chain
        )
    )


def joined(before: Invocation, one: Invocation) -> list[Invocation]:
    """Return what does what two invocations do, one after the other: two, or a single one."""
    if before == one or (one.goes_with_down and before.task.endswith(".down")):
        return [before]
    if before.is_up and one.environment == before.environment:
        if is_suite(one):
            # A suite brings what it needs, in images that are there.
            return [*builds(before), one]
        if one.is_up:
            return [together(before, one)]
    if is_suite(before) and one.task == "test.down":
        note = "the services are removed after a failure too"
        return [replace(before, options=(*before.options, "--down")).noting(note)]
    return [before, one]


def refuse_rest(chain: list[Invocation]) -> None:
    """Raise UnfitError for what no other invocation of a chain stands for, and for what cannot be chained."""
    if any(one.goes_with_down for one in chain):
        raise UnfitError("it removes a network by its old name")
    if len({one.words for one in chain}) < len(chain):
        # Invoke runs the same task once.
        raise UnfitError("it does the same thing twice")
    if any(one.checks for one in chain):
        raise UnfitError("it only looks whether a service is ready")
    if any(one.arguments for one in chain[:-1]):
        raise UnfitError("a command in a container is followed by others")
    if not chain:
        raise UnfitError("it does nothing that a task does")


def builds(one: Invocation) -> tuple[Invocation, ...]:
    """Return the task that builds the images which an `up` builds, none where it builds none."""
    chosen = tuple(part for name in one.services for part in ("--service", name))
    made = Invocation(task=f"{one.environment}.build", options=chosen)
    return (made,) if "--build" in one.options else ()


def is_suite(one: Invocation) -> bool:
    """Return whether a task runs tests in the test environment."""
    own = set("up down restart build rebuild logs status shell exec run db-shell redis-cli".split())
    return one.environment == "test" and one.task.partition(".")[2] not in own


def together(one: Invocation, other: Invocation) -> Invocation:
    """Return the `up` that does what two do, one after the other."""
    if one.checks or other.checks:
        return other if one.checks else one
    if one.prepares or other.prepares:
        return (other if one.prepares else one).noting("it prepares a database that is new, and only then")
    services = (*one.services, *other.services) if one.services and other.services else ()
    options = tuple(dict.fromkeys((*one.options, *other.options)))
    return replace(one, services=tuple(dict.fromkeys(services)), options=options).noting(*other.notes)


def cleaned(chain: list[Invocation]) -> list[Invocation]:
    """Return a chain whose images are removed by the one task that does: `clean`."""
    downs = [one for one in chain if one.task.endswith(".down")]
    if not any("--images" in one.options for one in downs):
        return chain
    rest = [one for one in chain if one not in downs and not one.goes_with_down]
    if rest:
        raise UnfitError("it removes images and does more")
    options = tuple(name for name in ("--volumes", "--images") if any(name in one.options for one in downs))
    notes = ("it removes every environment's containers", *(note for one in downs for note in one.notes))
    return [Invocation(task="clean", options=options, notes=tuple(dict.fromkeys(notes)))]
