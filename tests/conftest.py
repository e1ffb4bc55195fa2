"""What every test process needs."""

import signal
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.cases import CASES, CountCases

# A test runner that was started in the background ignores SIGINT, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def count_cases(record_property: Callable[[str, object], None]) -> CountCases:
    """Return what takes the number of a test's cases, or more words on it."""
    return partial(record_property, CASES)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many cases the tests had that counted them."""
    counted = sorted(cases_of(terminalreporter))
    if counted:
        terminalreporter.section(CASES)
        terminalreporter.write_line("\n".join(f"{test}: {count}" for test, count in counted))


def cases_of(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, object]]:
    """Yield the ids of tests that passed and say how many cases they had, with what they say."""
    for report in reporter.stats.get("passed", ()):
        yield from ((report.nodeid, value) for name, value in report.user_properties if name == CASES)
