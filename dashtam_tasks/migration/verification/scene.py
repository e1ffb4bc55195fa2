"""A scene: the environments of a project that verification starts and stops, and how they were found."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dashtam_tasks import processes
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.taskfile.suite_defaults import is_absent
from dashtam_tasks.migration.verification import stores
from dashtam_tasks.migration.verification.evidence import Done, typed
from dashtam_tasks.migration.verification.running import Stand
from dashtam_tasks.migration.verification.subject import DEVELOPMENT, TESTS, Subject
from dashtam_tasks.notifying import Notify

SUITE_SECONDS = 3_600
# In the order in which the plan names them.
SUITES = ("unit", "integration")
EVERYTHING = "all"


@dataclass(kw_only=True)
class Scene:
    """What a verification runs: development, and tests if there are some.

    `rows` are those of development's database, by table, before anything was done; None until then, and where they
    cannot be counted.
    """

    subject: Subject
    notify: Notify
    development: Stand
    tests: Stand | None = None
    rows: dict[str, int] | None = field(default=None, repr=False)

    @property
    def stands(self) -> tuple[Stand, ...]:
        """The environments, development first."""
        return (self.development, *((self.tests,) if self.tests else ()))

    def start(self, stand: Stand) -> Done:
        """Start an environment, and count development's rows when it runs for the first time."""
        self.notify(f"starting {stand.name}")
        done = stand.up()
        if stand is self.development and not done.problem and self.rows is None:
            self.rows = stores.rows(stand)
        return done

    def stop(self, stand: Stand) -> Done:
        """Stop an environment; the volumes of tests go with it, and development's stay."""
        return self.take_down(stand, volumes=stand is self.tests)

    def take_down(self, stand: Stand, *, volumes: bool = False) -> Done:
        """Stop an environment, with its volumes or without them."""
        self.notify(f"stopping {stand.name}")
        stand.containers()
        return stand.down(volumes=volumes)

    def test(self, suite: str) -> Done:
        """Run a suite."""
        self.notify(f"running the suite {suite}")
        return typed(self.subject, f"{TESTS}.{suite.replace('_', '-')}", timeout=SUITE_SECONDS)

    @property
    def known(self) -> tuple[str, ...]:
        """The suites that the project has; those of our defaults that only say that there is none do not count."""
        return tuple(name for name, one in self.subject.settings.suites.items() if not is_absent(one))

    @property
    def first_suite(self) -> str:
        """The suite that the plan calls unit tests, else the first that there is."""
        return next(
            (one for one in (*SUITES, EVERYTHING) if one in self.known), next(iter(self.known), EVERYTHING)
        )

    @property
    def suites(self) -> tuple[str, ...]:
        """The suites that the plan runs in the end: unit and integration tests, else all, else the first."""
        return tuple(one for one in SUITES if one in self.known) or (self.first_suite,)


def of(subject: Subject, *, notify: Notify) -> Scene:
    """Return the scene of a project.

    Raises DashtamError when an environment cannot be opened.
    """
    tests = Stand(subject=subject, name=TESTS) if subject.has(TESTS) else None
    made = Scene(
        subject=subject, notify=notify, development=Stand(subject=subject, name=DEVELOPMENT), tests=tests
    )
    for one in made.stands:
        one.containers()
    return made


@contextmanager
def left_as_found(scene: Scene) -> Iterator[None]:
    """Let the same services run after the block as did before, however it ends."""
    before = {one.name: one.running() for one in scene.stands}
    try:
        yield
    finally:
        with processes.unhurried():
            for one in scene.stands:
                restore(scene, one, before[one.name])


def restore(scene: Scene, stand: Stand, before: frozenset[str]) -> None:
    """Let the services of an environment run that ran before, and no others."""
    problem = ""
    try:
        now = stand.running()
        if now - before or (stand.containers() and not before):
            problem, now = scene.take_down(stand).problem, frozenset()
        if before - now and not problem:
            scene.notify(f"starting {stand.name} again")
            problem = stand.up(before & stand.model.services.keys()).problem
    except DashtamError as error:
        problem = error.reason
    if problem:
        scene.notify(f"{stand.name} could not be left as it was: {problem}")
