import dataclasses
import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dashtam_tasks import suites
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.readiness import Progress
from dashtam_tasks.settings import Suite
from dashtam_tasks.suites.command_line import Options

if TYPE_CHECKING:
    from tests.unit.suites.conftest import Engine

PREPARE = ("uv", "run", "python", "src/core/init_test_db.py")


def ignore(_: Progress) -> None:
    """Leave progress to other tests."""


def display() -> AbstractContextManager[Callable[[Progress], None]]:
    return nullcontext(ignore)


run = functools.partial(suites.run, display=display)


def with_suite(environment: Environment, **differs: Any) -> Environment:
    """Return the environment with another suite `unit`."""
    given = {"unit": Suite(paths=("tests/unit",), **differs)}
    return dataclasses.replace(
        environment, settings=msgspec.structs.replace(environment.settings, suites=given)
    )


def prepared(docker: "Engine") -> list[tuple[str, ...]]:
    """Return what was run to prepare the database."""
    return [argv for argv in docker.composed if argv[-len(PREPARE) :] == PREPARE]


def started(docker: "Engine") -> list[tuple[str, ...]]:
    """Return each `up`."""
    return [argv for argv in docker.composed if argv[0] == "up"]


def test_a_suite_that_there_is_not_is_a_usage_error(environment: Environment, docker: "Engine") -> None:
    with pytest.raises(DashtamError, match=r"^There is no suite smoke\.$") as raised:
        run(environment, "smoke", Options())
    assert (raised.value.code, raised.value.hint) == (
        ExitCode.USAGE,
        "There is all, integration, ssl, unit.",
    )
    assert docker.composed == []


@pytest.mark.parametrize(
    ("key", "differs"),
    [
        ("service", {"service": "worker", "needs": ()}),
        ("service", {"service": "worker", "where": "host"}),
        ("needs", {"needs": ("redis", "worker")}),
    ],
)
def test_a_service_that_there_is_not_is_named_with_its_setting(
    environment: Environment, docker: "Engine", key: str, differs: dict[str, Any]
) -> None:
    with pytest.raises(DashtamError) as raised:
        run(with_suite(environment, **differs), "unit", Options())
    assert raised.value.code == ExitCode.CONFIGURATION
    assert raised.value.reason == (
        f"dashtam.suites.unit.{key} names worker, and docker-compose.test.yml has no such service."
    )
    assert raised.value.hint == "Set it to one of app, postgres, redis."
    assert docker.composed == []


@pytest.mark.parametrize("where", ["container", "host"])
def test_options_that_do_not_fit_start_nothing(
    environment: Environment, docker: "Engine", where: str
) -> None:
    docker.has()
    with pytest.raises(DashtamError) as raised:
        run(with_suite(environment, where=where, pytest=False), "unit", Options(keyword="login"))
    assert raised.value.code == ExitCode.USAGE
    assert docker.composed == []


def test_healthy_services_are_left_alone(environment: Environment, docker: "Engine") -> None:
    assert run(environment, "unit", Options()) == 0
    assert started(docker) == []


@pytest.mark.parametrize(
    ("services", "differs"),
    [
        ((), {}),
        (("postgres",), {}),
        (("postgres", "redis"), {"health": "starting"}),
        (("postgres", "redis"), {"health": "unhealthy"}),
        (("postgres", "redis"), {"redis": "of another file"}),
    ],
)
def test_services_that_are_not_as_they_should_be_are_started(
    environment: Environment, docker: "Engine", services: tuple[str, ...], differs: dict[str, str]
) -> None:
    docker.has(*services, **differs)
    assert run(environment, "unit", Options()) == 0
    (up,) = started(docker)
    assert up[:6] == ("up", "--detach", "--wait", "--no-build", "postgres", "redis")
    assert docker.composed.index(up) < docker.composed.index(docker.suite)


def test_a_change_of_a_service_that_is_not_needed_starts_nothing(
    environment: Environment, docker: "Engine"
) -> None:
    docker.has("app", "postgres", "redis", app="of another file")
    assert run(environment, "unit", Options()) == 0
    assert started(docker) == []


def test_a_suite_that_needs_nothing_starts_nothing(environment: Environment, docker: "Engine") -> None:
    docker.has()
    assert run(with_suite(environment, needs=()), "unit", Options()) == 0
    assert docker.composed == [docker.suite]


def test_a_suite_starts_what_it_names(environment: Environment, docker: "Engine") -> None:
    docker.has()
    assert run(with_suite(environment, needs=("redis",)), "unit", Options()) == 0
    (up,) = started(docker)
    assert "redis" in up
    assert "postgres" not in up


def test_services_that_do_not_become_healthy_keep_the_suite_from_running(
    environment: Environment, docker: "Engine"
) -> None:
    docker.has()
    docker.answer("compose", "up", code=1)
    with pytest.raises(DashtamError) as raised:
        run(environment, "unit", Options())
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert [argv[0] for argv in docker.composed] == ["up"]


def test_the_database_is_prepared_once(environment: Environment, docker: "Engine") -> None:
    for _ in range(2):
        assert run(environment, "unit", Options()) == 0
    assert prepared(docker) == [("run", "--rm", "--no-deps", "--no-TTY", "app", *PREPARE)]
    assert "--label" in docker.composed[1]


def test_a_new_database_is_prepared_again(environment: Environment, docker: "Engine") -> None:
    assert run(environment, "unit", Options()) == 0
    docker.has("app", "postgres", "redis", started="2026-01-01T01:00:00Z")
    assert run(environment, "unit", Options()) == 0
    assert len(prepared(docker)) == 2


def test_a_suite_that_needs_nothing_prepares_nothing(environment: Environment, docker: "Engine") -> None:
    assert run(with_suite(environment, needs=()), "unit", Options()) == 0
    assert prepared(docker) == []


def test_a_database_that_cannot_be_prepared_keeps_the_suite_from_running(
    environment: Environment, docker: "Engine"
) -> None:
    docker.answer("compose", "run", "src/core/init_test_db.py", code=3)
    with pytest.raises(DashtamError, match="could not be prepared") as raised:
        run(environment, "unit", Options())
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert "dashtam.environments.test.prepare" in raised.value.hint
    assert docker.composed == prepared(docker)


@pytest.mark.parametrize(("started", "restarts"), [("2026-01-01T00:00:00Z", 1), ("2999-01-01T00:00:00Z", 0)])
def test_a_needed_service_that_runs_older_sources_is_restarted(
    environment: Environment, docker: "Engine", started: str, restarts: int
) -> None:
    docker.has("app", "postgres", "redis", started=started)
    docker.ends(0)
    assert run(with_suite(environment, needs=("app", "postgres")), "unit", Options()) == 0
    assert [argv for argv in docker.composed if argv[0] == "restart"] == [("restart", "app")] * restarts
