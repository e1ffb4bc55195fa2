"""The environment test as suites meet it: an engine that runs them, beside services that are healthy."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks.environments import Environment
from dashtam_tasks.opening import claimed, open_environment

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

HASHES = {"app": "a1", "postgres": "p1", "redis": "r1"}
STARTED = "2026-01-01T00:00:00Z"
ONE_OFF = "label=com.docker.compose.oneoff=True"

Configure = Callable[..., None]


class Engine:
    """A docker on which everything that a suite asks for works, and what it was told to do."""

    def __init__(self, fake: "FakeDocker", project: "Project") -> None:
        self.fake = fake
        self.project = project
        self.answer = fake.answer
        self.resolved: dict[str, Any] = project.test.model()

    def has(self, *services: str, health: str = "healthy", started: str = STARTED, **hashes: str) -> None:
        """Script that `services` run, in containers made from what `hashes` say, else from the files."""
        containers = [
            {
                "Id": f"id-{service}",
                "Name": f"/dashtam-test-{service}",
                "State": {
                    "Status": "running",
                    "ExitCode": 0,
                    "StartedAt": started,
                    "Health": {"Status": health},
                },
                "Config": {
                    "Image": f"{service}:1",
                    "Labels": {
                        "com.docker.compose.service": service,
                        "com.docker.compose.config-hash": hashes.get(service, HASHES[service]),
                    },
                },
                "NetworkSettings": {"Ports": {}},
            }
            for service in services
        ]
        self.answer("ps", stdout="\n".join(f"id-{service}" for service in services))
        self.fake.made_from("")
        self.left()
        self.answer("inspect", stdout=containers)

    def left(self, *ids: str) -> None:
        """Script which one-off containers of suites there are."""
        self.answer("ps", ONE_OFF, stdout="\n".join(ids))

    def resolves(self, service: str, **differs: Any) -> None:
        """Script that Compose resolves a service so, else as before."""
        self.resolved["services"].setdefault(service, {}).update(differs)
        self.answer("compose", "config", stdout=self.resolved)

    def ends(self, code: int, *, reports: str = "unit", **course: Any) -> None:
        """Script that a suite's command ends with `code`, having written its report if it is named."""
        written = {"reads": str(self.reports / f"junit-{reports}.xml")} if reports else {}
        self.answer("compose", "run", "--label", code=code, **written, **course)

    @property
    def reports(self) -> Path:
        """The default instance's folder of reports."""
        return self.project.folder / "reports/test"

    @property
    def composed(self) -> list[tuple[str, ...]]:
        """What Compose was told to do, without its files and without mere questions."""
        calls = [argv for argv in self.fake.argvs if argv[0] == "compose"]
        commands = [argv[argv.index("--env-file") + 2 :] for argv in calls]
        return [command for command in commands if "config" not in command]

    @property
    def suite(self) -> tuple[str, ...]:
        """The arguments of the one `docker compose run` that ran a suite."""
        (found,) = [argv for argv in self.composed if argv[0] == "run" and "--label" in argv]
        return found

    @property
    def command(self) -> tuple[str, ...]:
        """The suite's own command line in the app's container."""
        return self.suite[self.suite.index("app") + 1 :]


@pytest.fixture
def docker(project: "Project", fake_docker: "FakeDocker") -> Engine:
    """A docker whose services of the environment test are healthy, and whose suites pass."""
    (project.folder / "certs").mkdir()
    engine = Engine(fake_docker, project)
    engine.answer("compose")
    engine.resolves("app")
    engine.answer("compose", "config", "--hash", stdout="".join(f"{k} {v}\n" for k, v in HASHES.items()))
    engine.answer("version", stdout="28.5.2\n")
    engine.answer("image", "inspect", stdout="[]")
    engine.answer("events", holds=True)
    engine.answer("rm")
    engine.has("app", "postgres", "redis")
    return engine


@pytest.fixture
def environment(docker: Engine) -> Environment:
    """The environment test, remembered, on that docker."""
    return claimed(open_environment(docker.project.settings, "test", instance=""))


@pytest.fixture
def configure(project: "Project") -> Configure:
    """Return what writes settings into invoke.yaml."""

    def write(**values: Any) -> None:
        (project.folder / "invoke.yaml").write_text(json.dumps({"dashtam": values}), encoding="utf-8")

    return write
