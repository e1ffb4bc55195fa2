import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import claimed, open_environment
from dashtam_tasks.settings import Suite
from dashtam_tasks.suites import host
from dashtam_tasks.suites.command_line import Options

if TYPE_CHECKING:
    from tests.unit.suites.conftest import Engine

Upon = Callable[[str, Callable[[], None]], None]

# Writes the report that pytest would, and what it was run with.
TELL = """
import json, os, sys
from pathlib import Path
(report,) = [one.partition("=")[2] for one in sys.argv if one.startswith("--junit-xml=")]
Path(report).write_text(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]))
sys.exit(int(os.environ.get("CODE", "0")))
"""
# Python's own handler may be at work where nothing is raised, as in a weak reference's callback.
WAIT = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
open(sys.argv[1], "wb").close()
signal.pause()
"""


@pytest.fixture
def published(docker: "Engine") -> Environment:
    """The environment test whose services are published, and whose app is told where they are."""
    docker.resolved = docker.project.test.model(app=8001, postgres=5433)
    docker.resolves("redis", ports=[{"target": 6379, "published": "6380"}])
    docker.resolves(
        "app",
        environment={
            "DATABASE_URL": "postgresql+asyncpg://postgres:s3@postgres:5432/postgres",
            "REDIS_URL": "redis://redis:6379/0",
            "DB_HOST": "postgres",
            "TESTING": "true",
            "UNSET": None,
        },
    )
    return claimed(open_environment(docker.project.settings, "test", instance=""))


def told(environment: Environment, **differs: Any) -> tuple[list[str], str, dict[str, str]]:
    """Run a suite that passes and return its arguments, its folder and its variables."""
    suite = Suite(
        **{"command": (sys.executable, "-c", TELL), "paths": ("tests",), "where": "host", **differs}
    )
    assert host.run(environment, "unit", suite, Options(arguments=("-m", "not slow"))) == 0
    report = environment.settings.path("reports/test/junit-unit.xml")
    arguments, folder, variables = json.loads(report.read_text(encoding="utf-8"))
    return arguments, folder, variables


def test_the_addresses_of_services_are_as_the_host_reaches_them(published: Environment) -> None:
    _, _, variables = told(published)
    assert variables["DATABASE_URL"] == "postgresql+asyncpg://postgres:s3@127.0.0.1:5433/postgres"
    assert variables["REDIS_URL"] == "redis://127.0.0.1:6380/0"
    assert (variables["DB_HOST"], variables["DB_PORT"]) == ("127.0.0.1", "5433")


def test_a_suite_has_the_services_variables_and_the_env_files(published: Environment) -> None:
    _, _, variables = told(published, variables={"TESTING": "of the suite", "ONLY": "http://postgres:5432/"})
    assert (variables["TESTING"], variables["ONLY"]) == ("of the suite", "http://127.0.0.1:5433/")
    assert variables["POSTGRES_PASSWORD"] == "t3Kd9QwZ6uYb1HnVx5Rm"
    assert "UNSET" not in variables


def test_a_shells_variables_do_not_reach_a_suite(
    published: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "PYTHONPATH", "PYTEST_ADDOPTS", "PGHOST"):
        monkeypatch.setenv(name, "from a shell")
    _, _, variables = told(published)
    assert "from a shell" not in variables.values()
    assert variables["PATH"] == os.environ["PATH"]


def test_a_suite_runs_in_its_folder_and_reports_in_the_projects(published: Environment) -> None:
    (published.settings.path("services/api")).mkdir(parents=True)
    arguments, folder, _ = told(published, folder="services/api")
    reports = published.settings.path("reports/test")
    assert folder == str(published.settings.path("services/api"))
    cache = ["-o", f"cache_dir={reports}/.pytest_cache"]
    assert arguments == [f"--junit-xml={reports}/junit-unit.xml", *cache, "tests", "-m", "not slow"]


def test_by_default_a_suite_runs_in_the_projects_folder(published: Environment) -> None:
    assert told(published)[1] == published.settings.project_dir


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5])
def test_the_exit_code_is_the_commands(environment: Environment, code: int) -> None:
    suite = Suite(command=(sys.executable, "-c", TELL), where="host", variables={"CODE": str(code)})
    assert host.run(environment, "unit", suite, Options()) == code


def test_a_suite_on_the_host_starts_no_container(environment: Environment, docker: "Engine") -> None:
    told(environment)
    assert docker.composed == []


def test_ctrl_c_ends_it(environment: Environment, docker: "Engine", upon: Upon) -> None:
    running = docker.fake.channel("running")
    suite = Suite(command=(sys.executable, "-c", WAIT, running), where="host", pytest=False)
    upon(running, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert host.run(environment, "unit", suite, Options()) == ExitCode.INTERRUPTED


@pytest.mark.usefixtures("docker")
def test_a_program_that_there_is_not_is_named(environment: Environment) -> None:
    suite = Suite(command=("dashtam-nothing",), where="host")
    with pytest.raises(DashtamError, match=r"^dashtam-nothing could not be started") as raised:
        host.run(environment, "unit", suite, Options())
    assert raised.value.code == ExitCode.UNAVAILABLE


@pytest.mark.usefixtures("docker")
def test_a_command_that_failed_before_pytest_did_anything_is_not_a_failed_test(
    environment: Environment, tmp_path: Path
) -> None:
    suite = Suite(command=(sys.executable, str(tmp_path / "gone.py")), where="host", pytest=True)
    assert host.run(environment, "unit", suite, Options()) == 2
    suite = Suite(command=(sys.executable, "-c", "raise SystemExit(1)"), where="host")
    with pytest.raises(DashtamError, match=r"^Suite unit could not be run") as raised:
        host.run(environment, "unit", suite, Options())
    assert raised.value.code == ExitCode.UNAVAILABLE
