"""Where a migration, its cleanup and its rollback are broken, and what is done then."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, dropwhile, groupby, takewhile

from tests.integration.breaking import At, Point

# States that a project with two volumes comes through, and two more: its servers run, its new data were changed.
PLANNED, STOPPED, ONE_COPIED, ALL_COPIED = "planned", "nothing copied", "1 copied", "2 copied"
APPLIED, CLEANED, SERVING, USED = "applied", "cleaned up", "served", "used"
MIGRATE, CLEAN_UP, TAKE_BACK = "migrate", "clean up", "take back"
ON, BACK = "on", "back"
COPY = "copy volume"


@dataclass(frozen=True, kw_only=True)
class Case:
    """From a state something is done and stopped at a point; then it goes on, or all is taken back."""

    start: str
    action: str
    at: At
    stop: str
    way: str
    name: str

    def __str__(self) -> str:
        return f"{self.start}, {self.action}, {self.stop}, {self.way}: {self.name}"


Choose = Callable[[Sequence[Point]], list[Point]]


@dataclass(frozen=True, kw_only=True)
class Journey:
    """What is done from a state; the points at which it is stopped are those that no other journey comes to.

    `by_turns` is whether one stop is enough at each point, since another journey has nearly the same ones.
    """

    start: str
    action: str
    choose: Choose = list
    by_turns: bool = False

    @property
    def ways(self) -> tuple[str, ...]:
        """How it may go on; what is being taken back only goes back."""
        return (BACK,) if self.action == TAKE_BACK else (ON, BACK)


def journeys(first: str, second: str) -> tuple[Journey, ...]:
    """Return all that is done, from each state to the next; two volumes are copied under these names."""
    return (
        Journey(start=PLANNED, action=MIGRATE, choose=until(f"{COPY} ")),
        Journey(start=SERVING, action=MIGRATE, choose=until("docker volume create "), by_turns=True),
        Journey(start=STOPPED, action=MIGRATE, choose=under(first)),
        Journey(start=ONE_COPIED, action=MIGRATE, choose=under(second)),
        Journey(start=ALL_COPIED, action=MIGRATE),
        Journey(start=APPLIED, action=CLEAN_UP),
        Journey(start=CLEANED, action=TAKE_BACK),
        Journey(
            start=USED,
            action=TAKE_BACK,
            choose=between(f"volume inspect {first}", f"unlink {first}"),
            by_turns=True,
        ),
    )


def after(words: str) -> At:
    """Return what finds the first point after those under an operation."""
    was_met = False

    def at(point: Point) -> bool:
        nonlocal was_met
        was_met = was_met or point.under.endswith(words)
        return was_met and not point.under.endswith(words)

    return at


def until(words: str) -> Choose:
    """Return what chooses the points before the first of something, those before any operation left out."""
    return lambda found: [one for one in takewhile(lambda one: words not in str(one), found) if one.under]


def under(volume: str) -> Choose:
    """Return what chooses the points of copying a volume."""
    return lambda found: [one for one in found if one.under.endswith(f" to {volume}")]


def between(first: str, last: str) -> Choose:
    """Return what chooses the points from the first of something to the first of something else."""

    def choose(found: Sequence[Point]) -> list[Point]:
        begun = list(dropwhile(lambda one: first not in one.what, found))
        chosen = list(takewhile(lambda one: last not in one.what, begun))
        return begun[: len(chosen) + 1]

    return choose


def cases(journey: Journey, found: Sequence[Sequence[Point]], stops: Sequence[str]) -> Iterator[Case]:
    """Yield a journey's cases: each way on from each thing that is done, at which each stop was met.

    A program is stopped by turns when it is about to start and while it runs.
    """
    for way in journey.ways:
        for number, points in enumerate(found):
            chosen = (stops[number % len(stops)],) if journey.by_turns else stops
            for turn, stop in enumerate(chosen, number // len(stops) if journey.by_turns else number):
                point = points[turn % len(points)]
                yield Case(
                    start=journey.start,
                    action=journey.action,
                    at=point.is_reached,
                    stop=stop,
                    way=way,
                    name=str(point),
                )


def by_number(found: Sequence[Point]) -> list[list[Point]]:
    """Return points by what they are about: a change, or a program's start and the wait for it."""
    return [list(group) for _, group in groupby(found, key=lambda one: one.number)]


@dataclass(frozen=True)
class Stage:
    """What comes up from a state, under one of its operations if there are any: it is done, or waited for."""

    start: str
    under: str
    what: str
    is_wait: bool = False
    ways: tuple[str, ...] = (ON, BACK)
    action: str = MIGRATE

    def finds(self, point: Point) -> bool:
        """Return whether a point is the stage."""
        return self.under in point.under and self.what in point.what and point.is_wait == self.is_wait


# PostgreSQL's own stages with the first volume, all others with the second, which is small.
STAGES = (
    Stage(PLANNED, "write .gitignore", "replace ", ways=(BACK,)),
    Stage(SERVING, COPY, "docker stop ", is_wait=True, ways=(BACK,)),
    Stage(SERVING, COPY, "docker rm ", ways=(ON,)),
    Stage(STOPPED, COPY, " find ", ways=(BACK,)),
    Stage(STOPPED, COPY, " pg_ctl start ", is_wait=True, ways=(BACK,)),
    Stage(STOPPED, COPY, " psql ", ways=(ON,)),
    Stage(ONE_COPIED, COPY, "docker volume create ", is_wait=True),
    Stage(ONE_COPIED, COPY, "docker run "),
    Stage(ONE_COPIED, COPY, " cp -a "),
    Stage(ONE_COPIED, COPY, " xargs ", ways=(BACK,)),
    Stage(ONE_COPIED, COPY, "sync -f", ways=(ON,)),
    Stage(ONE_COPIED, COPY, "unlink "),
    Stage(ALL_COPIED, "write compose/docker-compose.dev.yml", "link "),
    Stage(ALL_COPIED, "move .env to", "unlink ", ways=(BACK,)),
    Stage(ALL_COPIED, "write README.md", "replace ", ways=(ON,)),
    Stage(APPLIED, "move docker-compose.yml to", "unlink ", action=CLEAN_UP),
    Stage(CLEANED, "", "link .env.test.example", ways=(BACK,), action=TAKE_BACK),
    Stage(CLEANED, "", "docker volume rm ", ways=(BACK,), action=TAKE_BACK),
    Stage(CLEANED, "", "rename .dashtam", ways=(BACK,), action=TAKE_BACK),
    Stage(USED, "", " pg_dump ", is_wait=True, ways=(BACK,), action=TAKE_BACK),
)


def kinds(stops: Sequence[str]) -> Iterator[Case]:
    """Yield a case for each stage and way on, with the stops by turns."""
    every = chain.from_iterable(((one, way) for way in one.ways) for one in STAGES)
    for number, (stage, way) in enumerate(every):
        yield Case(
            start=stage.start,
            action=stage.action,
            at=stage.finds,
            stop=stops[number % len(stops)],
            way=way,
            name=str(stage),
        )


def counted(every: Sequence[Case]) -> str:
    """Return how many cases there are of each start and way, in words."""
    groups = groupby(every, key=lambda one: f"{one.start}, {one.action}, {one.way}")
    return "; ".join(f"{name}: {len(list(group))}" for name, group in groups)
