"""Runs of ci on an engine that lets them go as a test tells it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.unit import copies, shown

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

NAME = "dashtam-ci"
SUFFIX = "${INSTANCE_SUFFIX:-}"
DOWN = ("--profile", "*", "down", "--remove-orphans", "--volumes", "--timeout", "0")

Upon = Callable[[str, Callable[[], None]], None]


def event(action: str, service: str = "app", **attributes: str) -> str:
    """Return a line of `docker events`."""
    return shown.event(action, service, project=NAME, **attributes)


def container(service: str, status: str, *, code: int = 0, **state: Any) -> dict[str, Any]:
    """Return what `docker inspect` shows of a container."""
    return shown.container(service, status, project=NAME, code=code, **state)


class Engine:
    """A docker that knows ci's Compose file, on which nothing runs yet, and what it was told to do."""

    def __init__(self, fake: "FakeDocker", project: "Project", upon: Upon) -> None:
        self.fake = fake
        self.project = project
        self.answer = fake.answer
        self.upon = upon
        self.answer("compose")
        self.answer("version", stdout="28.5.2\n")
        self.answer("image", "inspect", stdout="[]")
        self.answer("events", holds=True)
        self.answer("logs", stdout="what it said\n")
        self.answer("kill")
        self.resolves()
        self.has()

    def resolves(self, **services: dict[str, Any]) -> None:
        """Script what Compose resolves, each of `services` being as it says."""
        found = self.project.ci.model()
        found["name"] += SUFFIX
        found["services"]["app"]["volumes"][-1]["source"] += SUFFIX
        for name, differs in services.items():
            found["services"].setdefault(name, {}).update(differs)
        copies.tell(self.fake, found)

    def has(self, *containers: dict[str, Any]) -> None:
        """Script the containers that are there."""
        self.answer("ps", stdout="\n".join(one["Id"] for one in containers))
        self.fake.made_from("")
        self.answer("inspect", stdout=list(containers))

    def runs(
        self,
        *containers: dict[str, Any],
        events: tuple[str, ...] = (),
        leaves: Sequence[dict[str, Any]] = (),
        **course: Any,
    ) -> None:
        """Script a run: there are `containers`, `events` come, and `up` ends as `course` says.

        With `events` it ends only once its job was told to, and `leaves` containers.
        """
        begun, there, told, left = (self.fake.channel(name) for name in ("begun", "there", "told", "left"))
        self.answer("compose", "up", tells=begun, awaits=left if events else there, **course)
        self.answer("kill", tells=told)
        if events:
            self.answer("events", stdout="".join(events), awaits=there, holds=True)
            self.goes_on(told, leaves, left)
        self.goes_on(begun, containers, there)

    def goes_on(self, channel: str, containers: Sequence[dict[str, Any]], following: str) -> None:
        """Let there be containers as soon as one channel tells, and then let another one do so."""

        def go_on() -> None:
            self.has(*containers)
            Path(following).write_bytes(b"")

        self.upon(channel, go_on)

    @property
    def composed(self) -> list[tuple[str, ...]]:
        """What Compose was told to do, without its files and without mere questions."""
        return copies.composed(self.fake)

    @property
    def told(self) -> list[str]:
        """What was told to end, by id."""
        return [word for argv in self.fake.argvs if argv[0] == "kill" for word in argv[3:]]

    @property
    def reports(self) -> Path:
        """The first copy's folder of reports."""
        return self.project.folder / "reports/ci"
