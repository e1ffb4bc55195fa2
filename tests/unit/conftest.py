"""What unit tests share: a `docker` that answers by script, and a project that is as it should be."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks.ownership import container_user, owner_for
from dashtam_tasks.settings import Settings
from tests.unit import runs

HERE = Path(__file__).parent

COMPOSE_FILES = {
    "dev": """\
name: dashtam-dev${INSTANCE_SUFFIX:-}
services:
  postgres:
    image: ${POSTGRES_IMAGE:-postgres:17.6-alpine3.22}
    environment:
      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?is set in envs/.env.dev}
    ports: ["127.0.0.1:${POSTGRES_PORT:-5432}:5432"]
    volumes: ["dev_postgres_data:/var/lib/postgresql/data"]
    healthcheck: { test: [CMD, "true"] }
  redis:
    image: ${REDIS_IMAGE:-redis:8.2.1-alpine3.22}
    healthcheck: { test: [CMD, "true"] }
  app:
    build: ..
    ports: ["127.0.0.1:${APP_PORT:-8000}:8000"]
    volumes:
      - { type: bind, source: ../src, target: /app/src, bind: { create_host_path: false } }
      - { type: bind, source: ../certs, target: /app/certs, read_only: true, bind: { create_host_path: false } }
      - { type: bind, source: ../envs/.env.dev, target: /app/.env, bind: { create_host_path: false } }
    depends_on: [postgres, redis]
    healthcheck: { test: [CMD, "true"] }
volumes:
  dev_postgres_data:
""",
    "test": """\
name: dashtam-test${INSTANCE_SUFFIX:-}
services:
  postgres:
    image: ${POSTGRES_IMAGE:-postgres:17.6-alpine3.22}
    environment:
      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?is set in envs/.env.test}
    ports: ["127.0.0.1:${POSTGRES_PORT:-5433}:5432"]
    tmpfs: [/var/lib/postgresql/data]
    healthcheck: { test: [CMD, "true"] }
  redis:
    image: ${REDIS_IMAGE:-redis:8.2.1-alpine3.22}
    healthcheck: { test: [CMD, "true"] }
  app:
    build: ..
    ports: ["127.0.0.1:${APP_PORT:-8001}:8000"]
    volumes:
      - { type: bind, source: ../src, target: /app/src, bind: { create_host_path: false } }
      - { type: bind, source: ../certs, target: /app/certs, read_only: true, bind: { create_host_path: false } }
      - { type: bind, source: ../envs/.env.test, target: /app/.env, bind: { create_host_path: false } }
    depends_on: [postgres, redis]
    healthcheck: { test: [CMD, "true"] }
""",
    "ci": """\
name: dashtam-ci${INSTANCE_SUFFIX:-}
services:
  postgres:
    image: ${POSTGRES_IMAGE:-postgres:17.6-alpine3.22}
    environment:
      POSTGRES_HOST_AUTH_METHOD: trust
    tmpfs: [/var/lib/postgresql/data]
    healthcheck: { test: [CMD, "true"] }
  redis:
    image: ${REDIS_IMAGE:-redis:8.2.1-alpine3.22}
    healthcheck: { test: [CMD, "true"] }
  app:
    build: ..
    volumes:
      - { type: bind, source: ../src, target: /app/src, read_only: true, bind: { create_host_path: false } }
      - { type: bind, source: ../envs/.env.ci, target: /app/.env, read_only: true }
      - { type: bind, source: "../reports/ci${INSTANCE_SUFFIX:-}", target: /reports }
    depends_on: [postgres, redis]
""",
}
ENV_FILES = {
    "dev": """\
APP_PORT=8000
POSTGRES_PORT=5432
POSTGRES_PASSWORD=q8Zr2LmX0vBn4TsY7wKc
SECRET_KEY=Jx3uYp0RkV9sQ2mLd7TzWb5NfHc8GaEi
ENCRYPTION_KEY=MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=
""",
    "test": """\
APP_PORT=8001
POSTGRES_PORT=5433
POSTGRES_PASSWORD=t3Kd9QwZ6uYb1HnVx5Rm
SECRET_KEY=Vc6nEa2Zr8KpXt4LsYw0QmJd9HfUb3Gi
ENCRYPTION_KEY=eHl6MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnM=
""",
    "ci": """\
APP_UID=1000
APP_GID=1000
POSTGRES_PASSWORD=postgres
SECRET_KEY=ci-signs-nothing-that-is-real
ENCRYPTION_KEY=ci-encrypts-nothing-that-is-real
""",
}


@dataclass(frozen=True)
class Call:
    """One call of the fake docker: its arguments and the environment that it got."""

    argv: tuple[str, ...]
    environment: dict[str, str]
    answered: bool
    pid: int


@dataclass
class FakeDocker:
    """A `docker` on PATH, its scripted answers and its recorded calls."""

    folder: Path
    scripted: list[dict[str, Any]] = field(default_factory=list)

    def answer(
        self, *argv: str, stdout: object = "", stderr: str = "", code: int = 0, **course: str | bool
    ) -> None:
        """Script the answer to calls that begin with the first word and have the others in order.

        Of fitting answers the one with most words counts, and the latest of those. What is no text is printed
        as JSON. `course` is in this order: `tells` a channel that it runs, `reads` its input into a file, `awaits`
        another channel before it prints, `expands` each `${NAME:-default}` in that from its environment, `holds` on
        afterwards until a signal ends it.
        """
        text = stdout if isinstance(stdout, str) else json.dumps(stdout)
        self.scripted.append({"argv": argv, "stdout": text, "stderr": stderr, "code": code, **course})
        # Whole or not at all: another thread may script while the program is asked.
        new = self.folder / f"answers.{threading.get_ident()}"
        new.write_text(json.dumps(self.scripted), encoding="utf-8")
        new.replace(self.folder / "answers.json")

    def channel(self, name: str) -> str:
        """Return a new channel: who tells and who awaits go on when both are there."""
        path = self.folder / name
        os.mkfifo(path)
        return str(path)

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call so far, the first first."""
        lines = (self.folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        return tuple(
            Call(tuple(one["argv"]), one["environment"], one["answered"], one["pid"]) for one in found
        )

    @property
    def argvs(self) -> tuple[tuple[str, ...], ...]:
        """The arguments of every call so far."""
        return tuple(call.argv for call in self.calls)

    @property
    def signals(self) -> dict[int, list[str]]:
        """The signals that ended calls, by process id."""
        return {
            int(path.suffix[1:]): path.read_text(encoding="utf-8").splitlines()
            for path in self.folder.glob("signals.*")
        }

    def runs(self, *services: str, **state: Any) -> None:
        """Script that dev's `services` have containers, which run unless their `state` says otherwise."""
        containers = [
            {
                "Id": f"id-{service}",
                "Name": f"/dashtam-dev-{service}",
                "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z", **state},
                "Config": {"Image": f"{service}:1", "Labels": {"com.docker.compose.service": service}},
                "NetworkSettings": {"Ports": {}},
            }
            for service in services
        ]
        self.answer("ps", stdout="\n".join(f"id-{service}" for service in services))
        self.made_from("")
        self.answer("inspect", stdout=containers)

    def made_from(self, *folders: str) -> None:
        """Script that the project's containers were made from Compose files in `folders`."""
        self.answer("ps", "--format", stdout="\n".join(folders))

    def remove(self) -> None:
        """Take the docker command off the machine."""
        (self.folder / "docker").unlink()


@pytest.fixture
def hostile_umask() -> Iterator[None]:
    """Forbid nothing: what is private is so by itself."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a state folder of its own, where no instance is remembered."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    monkeypatch.delenv("DASHTAM_INSTANCE", raising=False)
    return folder / "dashtam-tasks/instances"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The default settings of a project in an empty folder."""
    return Settings(project_dir=str(tmp_path))


@pytest.fixture
def fake_docker(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeDocker]:
    """Put a scripted `docker` on PATH; a call that no answer fits fails the test."""
    folder = tmp_path_factory.mktemp("docker")
    program = (HERE / "fake_docker.py").read_text(encoding="utf-8")
    (folder / "docker").write_text(f"#!{sys.executable} -IS\n{program}", encoding="utf-8")
    (folder / "docker").chmod(0o755)
    (folder / "answers.json").write_text("[]", encoding="utf-8")
    (folder / "calls.jsonl").touch()
    for name in [name for name in os.environ if name.startswith(("DOCKER_", "COMPOSE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    fake = FakeDocker(folder)
    yield fake
    unanswered = [call.argv for call in fake.calls if not call.answered]
    assert unanswered == []


@pytest.fixture
def upon() -> runs.Upon:
    """Return what does something as soon as a channel tells that its call runs."""

    def start(channel: str, action: Callable[[], None]) -> None:
        def wait() -> None:
            Path(channel).read_bytes()
            action()

        threading.Thread(target=wait, daemon=True).start()

    return start


@dataclass(frozen=True)
class Project:
    """A project with complete and valid files for dev, test and ci, seen from one of these environments."""

    folder: Path
    settings: Settings
    environment: str = "dev"

    @property
    def test(self) -> "Project":
        """The same project, seen from its environment test."""
        return replace(self, environment="test")

    @property
    def ci(self) -> "Project":
        """The same project, seen from its environment ci, where nothing is secret."""
        return replace(self, environment="ci")

    @property
    def compose_file(self) -> Path:
        """The environment's Compose file."""
        return self.folder / f"compose/docker-compose.{self.environment}.yml"

    @property
    def env_file(self) -> Path:
        """The environment's env file."""
        return self.folder / f"envs/.env.{self.environment}"

    @property
    def example(self) -> Path:
        """The example of the environment's env file."""
        return self.folder / f"envs/.env.{self.environment}.example"

    @property
    def variables(self) -> dict[str, str]:
        """The variables in the env file as it was made."""
        return dict(line.split("=", 1) for line in ENV_FILES[self.environment].splitlines())

    def write(self) -> None:
        """Write the environment's files."""
        secret = frozenset() if self.environment == "ci" else frozenset(self.settings.keys)
        placeholders = {
            name: "CHANGE_ME" if name in secret else self.variables[name] for name in self.variables
        }
        self.compose_file.write_text(COMPOSE_FILES[self.environment], encoding="utf-8")
        self.example.write_text("".join(f"{name}={value}\n" for name, value in placeholders.items()), "utf-8")
        self.env_file.write_text(ENV_FILES[self.environment], encoding="utf-8")
        self.env_file.chmod(0o600)
        owner = owner_for(container_user(self.folder))
        if owner:
            os.chown(self.env_file, *owner)

    def model(self, **ports: int) -> dict[str, Any]:
        """Return what `docker compose config --format json` says, with each service's host port.

        PostgreSQL's data are in a volume in dev, and in memory elsewhere. In ci the app is a job that ends.
        """
        data = {"type": "volume", "source": "dev_postgres_data", "target": "/var/lib/postgresql/data"}
        durable, job = self.environment == "dev", self.environment == "ci"
        return {
            "name": f"dashtam-{self.environment}",
            "services": {
                "postgres": {
                    "image": "postgres:17.6-alpine3.22",
                    "environment": {"POSTGRES_PASSWORD": self.variables["POSTGRES_PASSWORD"]},
                    "ports": published(5432, ports.get("postgres")),
                    "volumes": [data] if durable else [],
                    "healthcheck": {"test": ["CMD", "true"]},
                },
                "redis": {"image": "redis:8.2.1-alpine3.22", "healthcheck": {"test": ["CMD", "true"]}},
                "app": {
                    "build": {"context": str(self.folder), "dockerfile": "Dockerfile"},
                    "ports": published(8000, ports.get("app")),
                    "volumes": self.job_mounts if job else self.server_mounts,
                    "depends_on": {
                        "postgres": {"condition": "service_started"},
                        "redis": {"condition": "service_started"},
                    },
                    **({} if job else {"healthcheck": {"test": ["CMD", "true"]}}),
                },
            },
            "volumes": {"dev_postgres_data": {"name": "dashtam-dev_dev_postgres_data"}} if durable else {},
        }

    @property
    def server_mounts(self) -> list[dict[str, Any]]:
        """What the app mounts in dev and test."""
        return [
            bind(self.folder / "src", "/app/src"),
            bind(self.folder / "certs", "/app/certs") | {"read_only": True},
            bind(self.env_file, "/app/.env"),
        ]

    @property
    def job_mounts(self) -> list[dict[str, Any]]:
        """What the app mounts in ci."""
        return [
            bind(self.folder / "src", "/app/src") | {"read_only": True},
            bind(self.env_file, "/app/.env") | {"read_only": True},
            bind(self.folder / "reports/ci", "/reports") | {"bind": {"create_host_path": True}},
        ]


def published(target: int, host: int | None) -> list[dict[str, Any]]:
    """Return a port as Compose resolves it; without a host port there is none."""
    port = {
        "mode": "ingress",
        "host_ip": "127.0.0.1",
        "target": target,
        "published": str(host),
        "protocol": "tcp",
    }
    return [port] if host else []


def bind(source: Path, target: str) -> dict[str, Any]:
    """Return a bind mount as Compose resolves it."""
    return {"type": "bind", "source": str(source), "target": target, "bind": {"create_host_path": False}}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Make a project with sources and, for dev, test and ci, a Compose file, an env file and its example."""
    folder = tmp_path / "project"
    for name in ("compose", "envs", "src"):
        (folder / name).mkdir(parents=True)
    made = Project(folder, Settings(project_dir=str(folder)))
    for one in (made, made.test, made.ci):
        one.write()
    return made


@pytest.fixture
def ci(fake_docker: FakeDocker, project: Project, upon: runs.Upon) -> runs.Engine:
    """A docker for runs of ci."""
    return runs.Engine(fake_docker, project, upon)


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code and what it and its children wrote."""

    code: int
    out: str
    err: str


@dataclass
class Terminal:
    """Runs `dashtam-tasks` in the project's folder, as a person without a terminal would: from a script."""

    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Outcome:
        """Run `dashtam-tasks ARGUMENTS` to its end."""
        from dashtam_tasks import program

        self.patch.setattr(sys, "argv", ["dashtam-tasks", *arguments])
        self.capture.readouterr()
        code = 0
        try:
            program.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, *self.capture.readouterr())


@pytest.fixture
def tasks(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Terminal:
    """Return what runs `dashtam-tasks` in the project, with no configuration but the project's."""
    for name in [name for name in os.environ if name.startswith("INVOKE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(project.folder)
    return Terminal(monkeypatch, capfd)
