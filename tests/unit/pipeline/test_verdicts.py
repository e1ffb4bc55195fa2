from typing import Any

import msgspec
import pytest

from dashtam_tasks.engine import Container, Event
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import open_environment
from dashtam_tasks.pipeline.course import Course
from dashtam_tasks.pipeline.verdicts import judge
from tests.unit.runs import Engine, container, event

LOG = "--- the last lines of postgres's log\nwhat it said"


def seen(service: str, status: str = "exited", *, code: int = 0, **state: Any) -> Container:
    return msgspec.convert(container(service, status, code=code, **state), Container)


def app(code: int, **state: Any) -> Container:
    return seen("app", code=code, **state)


def death(code: int) -> Event:
    """Return the event that PostgreSQL's container died."""
    return msgspec.json.decode(event("die", "postgres", exitCode=str(code)), type=Event)


POSTGRES, CASUALTY = seen("postgres", code=137), death(137)


def failure(environment: Environment, *containers: Container, **course: Any) -> DashtamError:
    """Return what is said of a run that has no exit code of its tests."""
    with pytest.raises(DashtamError) as raised:
        judge(environment, "app", Course(**course), containers)
    return raised.value


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 127, 128, 150, 161, 255])
def test_the_jobs_own_exit_code_passes_through(environment: Environment, code: int) -> None:
    # Compose itself has killed the others by then.
    assert judge(environment, "app", Course(returncode=code), [app(code), POSTGRES]) == code


@pytest.mark.parametrize(
    ("code", "signal"),
    [(129, "SIGHUP"), (134, "SIGABRT"), (137, "SIGKILL"), (139, "SIGSEGV"), (143, "SIGTERM")],
)
def test_a_job_that_was_killed_is_told_with_the_signal(
    environment: Environment, code: int, signal: str
) -> None:
    found = failure(environment, app(code), returncode=code)
    assert (found.code, found.reason) == (
        code,
        f"Service app (dashtam-ci-app) was killed by {signal}: exit code {code}.",
    )


@pytest.mark.parametrize(("code", "expected"), [(137, 137), (1, 1), (0, ExitCode.UNAVAILABLE)])
def test_a_job_that_ran_out_of_memory_is_told_so(environment: Environment, code: int, expected: int) -> None:
    found = failure(environment, app(code, OOMKilled=True), returncode=code)
    assert (found.code, found.reason) == (
        expected,
        f"Service app (dashtam-ci-app) ran out of memory: exit code {code}.",
    )
    assert f"mem_limit in {environment.compose.file}" in found.hint


@pytest.mark.parametrize(
    ("code", "expected"),
    # Told to end by a signal, the job may end by it: that says nothing of the tests.
    [(1, 1), (2, 2), (127, 127), *((code, ExitCode.UNAVAILABLE) for code in (0, 128, 130, 137, 161, 255))],
)
def test_a_run_that_lost_a_service_has_not_passed(environment: Environment, code: int, expected: int) -> None:
    found = failure(environment, app(code), POSTGRES, returncode=code, casualty=CASUALTY)
    assert found.code == expected
    assert found.reason == (
        "Service postgres (dashtam-ci-postgres) was killed by SIGKILL, exit code 137, before app was over: "
        "what app said is worth little."
    )
    assert found.details == LOG


@pytest.mark.parametrize(
    ("code", "oom", "words"),
    [
        (0, False, "ended, exit code 0,"),
        (3, False, "ended, exit code 3,"),
        (161, False, "ended, exit code 161,"),
        (139, False, "was killed by SIGSEGV, exit code 139,"),
        (137, True, "ran out of memory,"),
    ],
)
def test_how_a_service_was_lost_is_told(
    environment: Environment, code: int, words: str, *, oom: bool
) -> None:
    casualty = death(code)
    postgres = seen("postgres", code=code, OOMKilled=oom)
    reason = failure(environment, app(1), postgres, returncode=1, casualty=casualty).reason
    assert reason.startswith(f"Service postgres (dashtam-ci-postgres) {words} ")


def test_a_build_that_failed_has_left_no_containers(environment: Environment) -> None:
    found = failure(environment, returncode=17)
    assert found.code == ExitCode.UNAVAILABLE
    assert found.reason.splitlines() == [
        "`docker compose up` failed with exit code 17; see above.",
        "Service app was not started.",
    ]
    assert (found.details, found.hint) == ("", "")


def test_a_job_that_was_removed_is_told_so(environment: Environment) -> None:
    found = failure(environment, POSTGRES, returncode=1, begun=True)
    assert found.code == ExitCode.UNAVAILABLE
    assert found.reason.splitlines() == [
        "`docker compose up` failed with exit code 1; see above.",
        "Service app was removed before it was over.",
    ]
    # Compose itself has killed the others by then.
    assert "postgres" not in f"{found.reason}{found.details}{found.hint}"


def test_what_kept_a_job_from_being_started_is_told(environment: Environment) -> None:
    containers = (
        seen("app", "created"),
        seen("postgres", code=1),
        seen("redis", "running", Health={"Status": "healthy"}),
        seen("migrate"),
        # It waits for postgres too, and has not failed.
        seen("worker", "created"),
    )
    found = failure(environment, *containers, returncode=1, casualty=CASUALTY)
    assert found.code == ExitCode.UNAVAILABLE
    assert found.reason.splitlines() == [
        "Service postgres (dashtam-ci-postgres) is exited, exit code 1.",
        "Service app was not started.",
    ]
    assert (found.details, found.hint) == (LOG, "Its log is kept: inv ci.logs")


def test_hints_name_the_copy(ci: Engine) -> None:
    second = open_environment(ci.project.settings, "ci", instance="2")
    not_started = failure(second, seen("app", "created"), seen("postgres", code=1), returncode=1)
    late = failure(second, app(0), returncode=0, late=60.0)
    for found in (not_started, late):
        assert found.hint.endswith(" kept: inv ci.logs --instance 2")


@pytest.mark.parametrize("code", [0, 1, 137])
@pytest.mark.parametrize(("seconds", "shown"), [(0.0, "0"), (0.05, "0.05"), (900.0, "900")])
def test_a_late_run_has_not_passed_whatever_its_job_says(
    environment: Environment, code: int, seconds: float, shown: str
) -> None:
    found = failure(environment, app(code), returncode=code, late=seconds)
    assert (found.code, found.reason, found.hint) == (
        ExitCode.UNAVAILABLE,
        f"Time was up after {shown} s, before the run was over, and it was ended.",
        "What its services said is kept: inv ci.logs",
    )


@pytest.mark.parametrize("returncode", [None, 0, 2])
def test_a_run_that_was_interrupted_has_no_verdict(environment: Environment, returncode: int | None) -> None:
    with pytest.raises(KeyboardInterrupt):
        judge(environment, "app", Course(returncode=returncode, interrupted=True), [app(0)])
