"""Which suite is CI's job, and what its service runs for it."""

import shlex

import pytest

from dashtam_tasks.compose import Service
from dashtam_tasks.migration.legacy.line import Source
from dashtam_tasks.migration.legacy.recipes import Start, Started, Suite
from dashtam_tasks.migration.rules.jobs import Job, as_command, chosen

JUNIT = "--junit-xml=/reports/junit.xml"
COVERAGE = "--cov-report=term --cov-report=xml:/reports/coverage.xml --cov-report=html:/reports/coverage"


def started(command: str, *, service: str = "app", start: Start = Start.RUN) -> Started:
    words = tuple(shlex.split(command))
    return Started(
        file="Makefile",
        line=1,
        source=Source.MAKEFILE,
        owner="x",
        start=start,
        command=words,
        service=service,
    )


def suite(name: str, command: str, *paths: str, before: str = "", service: str = "app") -> Suite:
    prepared = (started(before, service=service),) if before else ()
    return Suite(name=name, started=started(command, service=service), paths=paths, prepared_by=prepared)


def job_of(*suites: Suite, covered: bool = False, **services: Service) -> Job | None:
    return chosen(suites, {"app": Service(), **services}, covered=covered)


def command_of(*suites: Suite, covered: bool = False) -> str:
    found = job_of(*suites, covered=covered)
    assert found is not None
    return shlex.join(found.command)


UNIT = suite("test-unit", "pytest tests/unit -q", "tests/unit")
ALL = suite("test", "pytest tests -v", "tests", before="alembic upgrade head")

CHOSEN = {
    "that of all tests": ((UNIT, ALL), f"pytest tests -v {JUNIT}"),
    "that without paths": ((UNIT, suite("everything", "pytest")), f"pytest {JUNIT}"),
    "that which leaves nothing out": (
        (suite("test", "pytest -k quick"), suite("full", "pytest")),
        f"pytest {JUNIT}",
    ),
    "that which is called so": ((suite("x", "pytest"), suite("test", "pytest -v")), f"pytest -v {JUNIT}"),
    "one of all parts": (
        (UNIT, suite("test-web", "pytest tests/web", "tests/web")),
        f"pytest -q tests {JUNIT}",
    ),
    "what another runner has": ((suite("test", "npx vitest run"),), "npx vitest run"),
    "a script's, without its arguments": ((suite("test", "pytest '$@'"),), f"pytest {JUNIT}"),
}  # fmt: skip


@pytest.mark.parametrize(("suites", "command"), CHOSEN.values(), ids=CHOSEN)
def test_the_job_is(suites: tuple[Suite, ...], command: str) -> None:
    assert command_of(*suites) == command


def test_coverage_is_measured_as_suites_do_or_where_it_can_be() -> None:
    measured = suite("test-coverage", "pytest tests --cov src --cov-report term-missing", "tests")
    assert command_of(ALL, measured) == f"pytest tests -v {JUNIT} --cov=src {COVERAGE}"
    assert command_of(measured) == f"pytest tests {JUNIT} --cov=src {COVERAGE}"
    assert command_of(ALL, covered=True) == f"pytest tests -v {JUNIT} --cov {COVERAGE}"
    assert command_of(suite("test", "go test ./..."), covered=True) == "go test ./..."


WITHOUT = {
    "no suite": (),
    "suites on the host": (suite("test", "pytest", service=""),),
    "a suite elsewhere": (suite("test", "pytest", service="other"),),
    "a suite for a person": (
        Suite(name="test-file", started=started("pytest $FILE"), paths=(), parameters=("FILE",)),
    ),
    "a suite that never ends": (suite("watch", "npx jest --watch"),),
}


@pytest.mark.parametrize("suites", WITHOUT.values(), ids=WITHOUT)
def test_there_is_no_job_with(suites: tuple[Suite, ...]) -> None:
    assert job_of(*suites) is None


def test_a_service_that_runs_tests_by_its_own_command_is_a_job() -> None:
    tests = Service(command=("python", "manage.py", "test"))
    assert job_of(web=tests) == Job(service="web", command=("python", "manage.py", "test"), inside=True)


def test_the_command_prepares_runs_the_suite_and_ends_with_its_exit_code() -> None:
    found = job_of(
        suite("test", "pytest tests", "tests", before="python -c 'print(\"$HOME\")'"), covered=True
    )
    assert found is not None
    prepare = "python -c 'print(\"$$HOME\")'"
    tests = f"pytest tests \\\n  {JUNIT} \\\n  --cov {COVERAGE}"
    assert as_command(found) == ["sh", "-c", f"{prepare} &&\nexec {tests}\n"]
    plain = job_of(suite("test", "npm test"))
    assert plain is not None
    assert as_command(plain) == ["npm", "test"]
