"""The command line of a suite: its own arguments, what a person adds, and where pytest writes its reports."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.settings import Suite

# pytest's own code for failed tests; Compose ends with it too when it could not run a command.
TESTS_FAILED = 1
JUNIT_OPTIONS = frozenset({"--junit-xml", "--junitxml"})


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a person adds to a suite: paths in place of its own, pytest's options, and arguments as they are.

    `coverage` is what to measure: nothing for None, what the suite says for an empty text.
    """

    paths: tuple[str, ...] = ()
    keyword: str = ""
    exit_first: bool = False
    last_failed: bool = False
    debugger: bool = False
    coverage: str | None = None
    arguments: tuple[str, ...] = ()

    def require_fitting(self, name: str, suite: Suite) -> None:
        """Raise DashtamError (USAGE) when the suite's command does not take them, or a terminal is missing."""
        if not suite.pytest and self != Options(paths=self.paths, arguments=self.arguments):
            raise DashtamError(
                f"Suite {name} does not run pytest: it takes --path and what follows --.", code=ExitCode.USAGE
            )
        if "" in self.paths:
            raise DashtamError(
                "--path is empty.", code=ExitCode.USAGE, hint="Without it the whole suite runs."
            )
        if self.debugger and not sys.stdin.isatty():
            raise DashtamError("--pdb needs a terminal to talk to.", code=ExitCode.USAGE)


def command_line(name: str, suite: Suite, options: Options, *, reports: Path) -> tuple[str, ...]:
    """Return the command of a suite; what a person adds comes last, so that it wins."""
    paths = options.paths or suite.paths
    if not suite.pytest:
        return (*suite.command, *suite.options, *paths, *options.arguments)
    return (
        *suite.command,
        *report_options(name, suite, options, reports),
        *suite.options,
        *(("--color=yes",) if sys.stdout.isatty() else ()),
        *(("-k", options.keyword) if options.keyword else ()),
        *(("-x",) if options.exit_first else ()),
        *(("--lf",) if options.last_failed else ()),
        *(("--pdb",) if options.debugger else ()),
        *paths,
        *options.arguments,
    )


def report_options(name: str, suite: Suite, options: Options, reports: Path) -> Iterator[str]:
    """Yield what makes pytest write its reports, and keep what `--lf` goes by, in the folder `reports`."""
    yield f"--junit-xml={reports / junit_file(name)}"
    yield from ("-o", f"cache_dir={reports / '.pytest_cache'}")
    if options.coverage is not None:
        measured = options.coverage or suite.coverage
        yield f"--cov={measured}" if measured else "--cov"
        yield "--cov-report=term-missing"
        yield f"--cov-report=xml:{reports / f'coverage-{name}.xml'}"


def junit_file(name: str) -> str:
    """Return the name of a suite's JUnit file."""
    return f"junit-{name}.xml"


def reports_elsewhere(suite: Suite, options: Options) -> bool:
    """Return whether the suite's settings, or a person, choose another file for JUnit's report."""
    chosen = (*suite.options, *options.arguments)
    return any(one.partition("=")[0] in JUNIT_OPTIONS for one in chosen)


@contextmanager
def judging(name: str, suite: Suite, options: Options, folder: Path) -> Iterator[Callable[[int], int]]:
    """Yield what returns the exit code of a suite's command, if that is one.

    It raises DashtamError (UNAVAILABLE) where Compose or uv failed, and pytest did not run: it would have reported.
    """
    report = folder / junit_file(name)
    report.unlink(missing_ok=True)
    expected = suite.pytest and not reports_elsewhere(suite, options)

    def judge(returncode: int) -> int:
        if expected and returncode == TESTS_FAILED and not report.exists():
            raise DashtamError(
                f"Suite {name} could not be run: its command failed before pytest did anything; see above.",
                code=ExitCode.UNAVAILABLE,
                hint=f"The command is dashtam.suites.{name}.command: {' '.join(suite.command)}",
            )
        return returncode

    yield judge
