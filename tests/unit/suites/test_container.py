import dataclasses
import json
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import open_environment
from dashtam_tasks.settings import Suite
from dashtam_tasks.suites import container
from dashtam_tasks.suites.command_line import Options

if TYPE_CHECKING:
    from tests.unit.suites.conftest import Engine

UNIT = Suite(paths=("tests/unit",))
OF_SUITES = "label=dashtam-tasks.suite"
Upon = Callable[[str, Callable[[], None]], None]


def run(environment: Environment, suite: Suite = UNIT, **options: Any) -> int:
    return container.run(environment, "unit", suite, Options(**options))


def removed(docker: "Engine") -> list[tuple[str, ...]]:
    """Return what was removed by each `docker rm`."""
    return [argv[1:] for argv in docker.fake.argvs if argv[0] == "rm"]


def test_a_suite_runs_beside_what_runs_already(environment: Environment, docker: "Engine") -> None:
    assert run(environment) == 0
    options = ("--label", "dashtam-tasks.suite=unit", "--volume", f"{docker.reports}:/reports")
    assert docker.suite[: docker.suite.index("app")] == ("run", "--rm", "--no-deps", "--no-TTY", *options)
    assert docker.command[:3] == ("uv", "run", "pytest")


def test_pytest_writes_its_reports_where_the_folder_is_mounted(
    environment: Environment, docker: "Engine"
) -> None:
    run(environment, coverage="")
    assert docker.command[3] == "--junit-xml=/reports/junit-unit.xml"
    assert "--cov-report=xml:/reports/coverage-unit.xml" in docker.command


def test_a_suites_variables_reach_its_container(environment: Environment, docker: "Engine") -> None:
    run(environment, Suite(variables={"TLS_APP_URL": "https://app-ssl:8000", "EMPTY": "", "TEXT": "a b=c"}))
    given = docker.suite[: docker.suite.index("app")][-6:]
    assert given == ("--env", "TLS_APP_URL=https://app-ssl:8000", "--env", "EMPTY=", "--env", "TEXT=a b=c")


def test_a_suite_may_run_in_another_service(docker: "Engine") -> None:
    docker.resolves("worker", image="worker:1")
    opened = open_environment(docker.project.settings, "test", instance="")
    assert run(opened, Suite(service="worker")) == 0
    assert docker.suite[docker.suite.index("worker") + 1] == "uv"


def test_an_image_that_is_missing_is_built_before(environment: Environment, docker: "Engine") -> None:
    docker.answer("image", "inspect", code=1)
    assert run(environment) == 0
    assert docker.composed == [("build", "app"), docker.suite]


def test_a_mounted_file_that_is_missing_keeps_the_suite_from_running(
    environment: Environment, docker: "Engine"
) -> None:
    (docker.project.folder / "certs").rmdir()
    with pytest.raises(DashtamError) as raised:
        run(environment)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert docker.composed == []


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 137])
def test_the_exit_code_is_the_commands(environment: Environment, docker: "Engine", code: int) -> None:
    docker.ends(code)
    assert run(environment) == code


def test_a_suite_that_compose_could_not_run_is_not_a_failed_test(
    environment: Environment, docker: "Engine"
) -> None:
    docker.ends(1, reports="")
    with pytest.raises(DashtamError, match=r"^Suite unit could not be run") as raised:
        run(environment)
    assert raised.value.code == ExitCode.UNAVAILABLE


def test_output_streams_stay_apart_and_unchanged(
    environment: Environment, docker: "Engine", capfd: pytest.CaptureFixture[str]
) -> None:
    docker.ends(0, stdout="..F\r\x1b[31m [100%]\n", stderr="warning\n")
    run(environment)
    assert capfd.readouterr() == ("..F\r\x1b[31m [100%]\n", "warning\n")


def test_a_suites_container_is_not_asked_for_its_health(environment: Environment, docker: "Engine") -> None:
    docker.ends(0)
    assert run(environment) == 0
    overlay = json.loads((docker.reports / "junit-unit.xml").read_text(encoding="utf-8"))
    assert overlay == {"services": {"app": {"healthcheck": {"disable": True}}}}


def test_what_compose_leaves_of_a_suite_is_removed(environment: Environment, docker: "Engine") -> None:
    docker.left("id-left", "id-too")
    assert run(environment) == 0
    assert removed(docker) == [("--force", "--volumes", "id-left", "id-too")]


def test_only_suites_containers_of_this_instance_are_looked_for(
    environment: Environment, docker: "Engine"
) -> None:
    run(environment)
    looked = [argv for argv in docker.fake.argvs if argv[0] == "ps" and OF_SUITES in argv]
    assert looked
    for argv in looked:
        assert "label=com.docker.compose.project=dashtam-test" in argv
        assert "label=com.docker.compose.oneoff=True" in argv
    assert removed(docker) == []


def test_a_suites_container_is_removed_when_the_suite_could_not_be_run(
    environment: Environment, docker: "Engine"
) -> None:
    docker.ends(1, reports="")
    docker.left("id-left")
    with pytest.raises(DashtamError):
        run(environment)
    assert removed(docker) == [("--force", "--volumes", "id-left")]


def test_ctrl_c_reaches_the_suite_and_its_container_is_removed(
    environment: Environment, docker: "Engine", upon: Upon
) -> None:
    running = docker.fake.channel("running")
    docker.answer("compose", "run", "--label", tells=running, holds=True)
    docker.left("id-left")
    # Its container does not get the signal, so that docker itself must.
    docker.answer("kill", code=1)
    upon(running, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert run(environment) == ExitCode.INTERRUPTED
    assert [*docker.fake.signals.values()] == [["SIGINT"]]
    assert removed(docker) == [("--force", "--volumes", "id-left")]


def test_with_the_debugger_the_container_has_our_terminal(environment: Environment, docker: "Engine") -> None:
    assert run(environment, debugger=True) == 0
    assert "--no-TTY" not in docker.suite
    assert "--pdb" in docker.command


def test_the_reports_of_a_named_instance_have_a_folder_of_their_own(
    environment: Environment, docker: "Engine"
) -> None:
    named = dataclasses.replace(environment, instance="feature-x")
    assert run(named) == 0
    folder = docker.project.folder / "reports/test-feature-x"
    assert folder.is_dir()
    assert f"{folder}:/reports" in docker.suite
    assert not docker.reports.exists()
