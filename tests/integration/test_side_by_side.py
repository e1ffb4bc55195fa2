"""Development and tests beside each other: neither notices the other."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import yaml

from tests.integration.projects import Project


@dataclass
class Requests:
    """What a client met that asked development again and again: how many answers, and what went wrong."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def asking(project: Project) -> Iterator[Requests]:
    """Ask development's app, database and Redis without a pause while the block runs."""
    seen, stop = Requests(), threading.Event()
    trust = project.trust()

    def ask() -> None:
        while not stop.is_set():
            try:
                health = project.get("/health", trust=trust)
                accounts = project.get("/accounts", trust=trust)
            except (OSError, ValueError) as error:
                seen.failures.append(repr(error))
            else:
                seen.answered += 1
                if health["status"] != "ok" or len(accounts) != 1:
                    seen.failures.append(f"{health} {accounts}")

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield seen
    finally:
        stop.set()
        client.join()


def test_development_does_not_notice_that_tests_run(project: Project) -> None:
    project.inv("dev.up")
    project.send("/accounts", {"name": "savings", "institution": "Schwab"})
    containers, rows = project.containers(), project.rows()
    with asking(project) as requests:
        done = project.inv("test.all")
    assert "passed" in done.stdout
    assert requests.failures == []
    assert requests.answered > 10
    assert project.containers() == containers
    assert project.rows() == rows
    project.inv("isolation")
    project.inv("test.down")
    assert project.containers() == containers
    assert project.get("/accounts")
    project.inv("dev.down", "--volumes", "--yes")
    assert project.leftovers() == []


def test_tests_do_not_notice_that_development_starts_and_stops(project: Project) -> None:
    project.inv("test.integration")
    containers = project.containers("test")
    with project.start("test.all", "--", "-p", "no:cacheprovider", "--count-nothing") as wrong:
        wrong.communicate(timeout=120)
    assert wrong.returncode == 4
    with project.start("test.all") as tests:
        project.inv("dev.up")
        project.inv("dev.restart")
        project.inv("dev.down", "--volumes", "--yes")
        output, errors = tests.communicate(timeout=120)
    assert tests.returncode == 0, output + errors
    assert project.containers("test") == containers
    project.inv("test.down")
    assert project.leftovers() == []
    assert project.instances() == {}


def test_both_start_at_once(project: Project) -> None:
    with project.start("dev.up") as dev, project.start("test.up") as test:
        for process in (dev, test):
            output, errors = process.communicate(timeout=240)
            assert process.returncode == 0, output + errors
    assert project.get("/health")["database"] == "connected"
    assert project.sql("select current_database()", "test").strip() == "dashtam_test"
    assert project.sql("select current_database()", "dev").strip() == "dashtam"
    known = project.instances()
    assert {one["state"] for one in known.values()} == {"healthy"}
    ports = [port for one in known.values() for port in one["ports"]]
    assert len(ports) == len(set(ports)) == 8


@pytest.mark.parametrize(
    ("service", "changes", "kind", "key"),
    [
        (
            "redis",
            {"container_name": "dashtam-dev-redis${INSTANCE_SUFFIX:-}"},
            "shared-container-name",
            "container_name",
        ),
        ("redis", {"ports": ["127.0.0.1:${DEV_REDIS_PORT}:6379"]}, "shared-port", "ports"),
        ("redis", {"ports": ["${REDIS_PORT}:6379"]}, "open-port", "ports"),
        ("redis", {"healthcheck": {"disable": True}}, "no-health-check", "healthcheck"),
        ("app", {"command": ["sh", "-c", "tail -f /dev/null"]}, "sleeps-for-ever", "command"),
        (
            "app",
            {"volumes": [{"type": "bind", "source": "../certs", "target": "/app/certs"}]},
            "shared-bind-mount",
            "volumes",
        ),
    ],
)
def test_a_breach_is_named_with_file_and_line(
    project: Project, service: str, changes: dict[str, object], kind: str, key: str
) -> None:
    path = project.path / "compose/docker-compose.test.yml"
    model = yaml.safe_load(path.read_text())
    model["services"][service].update(changes)
    path.write_text(yaml.safe_dump(model))
    with (project.path / "envs/.env.test").open("a") as env_file:
        env_file.write(f"\nDEV_REDIS_PORT={project.variable('REDIS_PORT')}\n")
    found = json.loads(project.inv("isolation", "--json", code=1).stdout)
    assert {one["kind"] for one in found} == {kind}
    place = re.search(rf"{re.escape(str(path))}:(\d+)", f"{found[0]['where']} {found[0]['message']}")
    assert place
    line = int(place[1])
    assert any(f"{key}:" in text for text in path.read_text().splitlines()[line - 2 : line])
    assert kind in {
        one["kind"] for one in json.loads(project.inv("doctor", "--json", code=1).stdout)["findings"]
    }


def test_what_the_engine_runs_is_looked_at_too(project: Project) -> None:
    path = project.path / "compose/docker-compose.test.yml"
    sound = path.read_text()
    project.replace(
        "compose/docker-compose.test.yml", "127.0.0.1:${REDIS_PORT:-6380}:6379", "${REDIS_PORT:-6380}:6379"
    )
    project.inv("test.up", "--service", "redis")
    path.write_text(sound)
    found = json.loads(project.inv("isolation", "--json", code=1).stdout)
    assert {one["kind"] for one in found} == {"open-port"}
    project.inv("test.up", "--service", "redis")
    project.inv("isolation")
