import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.settings import Suite
from dashtam_tasks.suites.command_line import Options, command_line, judging

REPORTS = Path("/reports")
OURS = ("--junit-xml=/reports/junit-unit.xml", "-o", "cache_dir=/reports/.pytest_cache")
UNIT = Suite(paths=("tests/unit",))
PLAIN = Suite(command=("npm", "test"), paths=("ui",), options=("--ci",), pytest=False)


def line(suite: Suite = UNIT, **options: Any) -> tuple[str, ...]:
    return command_line("unit", suite, Options(**options), reports=REPORTS)


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """A terminal to put in place of a standard stream; pytest's own capture has these by the time a test runs."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0), os.fdopen(theirs, "r", encoding="utf-8") as screen:
        yield screen


def test_a_suite_is_its_command_its_reports_and_its_paths() -> None:
    assert line() == ("uv", "run", "pytest", *OURS, "tests/unit")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"keyword": "a or b"}, ("-k", "a or b", "tests/unit")),
        ({"exit_first": True}, ("-x", "tests/unit")),
        ({"last_failed": True}, ("--lf", "tests/unit")),
        ({"debugger": True}, ("--pdb", "tests/unit")),
        ({"paths": ("tests/a.py", "tests/b.py::test_c")}, ("tests/a.py", "tests/b.py::test_c")),
        ({"arguments": ("--", "-k", 'x "y"', "")}, ("tests/unit", "--", "-k", 'x "y"', "")),
    ],
)
def test_an_option_is_pytests(options: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert line(**options) == ("uv", "run", "pytest", *OURS, *expected)


def test_what_a_person_adds_comes_after_the_suites_own_options() -> None:
    suite = Suite(options=("-m", "ssl"), paths=("tests",))
    given = {"keyword": "login", "exit_first": True, "last_failed": True, "arguments": ("-m", "slow")}
    tail = ("-m", "ssl", "-k", "login", "-x", "--lf", "tests", "-m", "slow")
    assert line(suite, **given) == ("uv", "run", "pytest", *OURS, *tail)


@pytest.mark.parametrize(
    ("coverage", "suite", "expected"),
    [
        ("", UNIT, "--cov=src"),
        ("src/api", UNIT, "--cov=src/api"),
        ("", Suite(coverage=""), "--cov"),
    ],
)
def test_coverage_is_reported_on_the_screen_and_in_a_file(coverage: str, suite: Suite, expected: str) -> None:
    reports = (expected, "--cov-report=term-missing", "--cov-report=xml:/reports/coverage-unit.xml")
    assert line(suite, coverage=coverage)[3:9] == (*OURS, *reports)


def test_coverage_is_not_measured_unasked() -> None:
    assert not [one for one in line() if one.startswith("--cov")]


def test_on_a_terminal_pytest_shows_colours(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", terminal)
    assert line() == ("uv", "run", "pytest", *OURS, "--color=yes", "tests/unit")


def test_a_command_that_is_not_pytest_gets_none_of_its_options() -> None:
    assert line(PLAIN, paths=("ui/a",), arguments=("--watch",)) == ("npm", "test", "--ci", "ui/a", "--watch")
    assert line(PLAIN) == ("npm", "test", "--ci", "ui")


@pytest.mark.parametrize(
    "options",
    [
        {"keyword": "login"},
        {"exit_first": True},
        {"last_failed": True},
        {"debugger": True},
        {"coverage": ""},
        {"coverage": "src"},
    ],
)
def test_a_command_that_is_not_pytest_refuses_its_options(options: dict[str, Any]) -> None:
    with pytest.raises(DashtamError, match=r"^Suite ui does not run pytest: ") as raised:
        Options(**options).require_fitting("ui", PLAIN)
    assert raised.value.code == ExitCode.USAGE
    assert "--path" in raised.value.reason


def test_a_command_that_is_not_pytest_takes_paths_and_arguments() -> None:
    options = Options(paths=("ui/a",), arguments=("--watch",))
    options.require_fitting("ui", PLAIN)
    assert line(PLAIN, paths=options.paths, arguments=options.arguments)[-2:] == ("ui/a", "--watch")


def test_the_debugger_needs_a_terminal() -> None:
    with pytest.raises(DashtamError, match=r"^--pdb needs a terminal") as raised:
        Options(debugger=True).require_fitting("unit", UNIT)
    assert raised.value.code == ExitCode.USAGE


def test_at_a_terminal_the_debugger_may_start(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", terminal)
    Options(debugger=True).require_fitting("unit", UNIT)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 130])
def test_pytests_exit_code_passes(tmp_path: Path, code: int) -> None:
    with judging("unit", UNIT, Options(), tmp_path) as judge:
        (tmp_path / "junit-unit.xml").touch()
        assert judge(code) == code


@pytest.mark.parametrize("code", [0, 2, 3, 4, 5, 127, 130, 137])
def test_other_codes_pass_without_a_report_too(tmp_path: Path, code: int) -> None:
    with judging("unit", UNIT, Options(), tmp_path) as judge:
        assert judge(code) == code


def test_a_command_that_failed_before_pytest_did_anything_is_not_a_failed_test(tmp_path: Path) -> None:
    report = tmp_path / "junit-unit.xml"
    report.write_text("of an earlier run", encoding="utf-8")
    with judging("unit", UNIT, Options(), tmp_path) as judge, pytest.raises(DashtamError) as raised:
        judge(1)
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert raised.value.reason.startswith("Suite unit could not be run: ")
    assert raised.value.hint == "The command is dashtam.suites.unit.command: uv run pytest"
    assert not report.exists()


def test_a_command_that_is_not_pytest_need_not_report(tmp_path: Path) -> None:
    with judging("ui", PLAIN, Options(), tmp_path) as judge:
        assert judge(1) == 1


@pytest.mark.parametrize(
    ("suite", "arguments"),
    [
        (UNIT, ("--junit-xml=/reports/mine.xml",)),
        (UNIT, ("--junitxml", "/reports/mine.xml")),
        (Suite(options=("--junitxml=/reports/mine.xml",)), ()),
    ],
)
def test_failed_tests_with_a_report_elsewhere_are_failed_tests(
    tmp_path: Path, suite: Suite, arguments: tuple[str, ...]
) -> None:
    with judging("unit", suite, Options(arguments=arguments), tmp_path) as judge:
        assert judge(1) == 1


def test_an_empty_path_is_a_usage_error_and_not_all_tests() -> None:
    with pytest.raises(DashtamError, match=r"^--path is empty\.$") as raised:
        Options(paths=("tests/unit", "")).require_fitting("unit", Suite())
    assert raised.value.code == ExitCode.USAGE
