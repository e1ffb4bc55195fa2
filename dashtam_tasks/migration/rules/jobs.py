"""The job of a CI file: the suite that runs all tests, as the command of the service that it runs in."""

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from dashtam_tasks.compose import Service
from dashtam_tasks.migration.document import Flow
from dashtam_tasks.migration.document.nodes import Data
from dashtam_tasks.migration.legacy import runners
from dashtam_tasks.migration.legacy.recipes import Start, Suite

REPORTS = "/reports"
PYTEST = frozenset({"pytest", "py.test"})
# For the log, for other programs, and for people.
COVERAGE_REPORTS = ("term", f"xml:{REPORTS}/coverage.xml", f"html:{REPORTS}/coverage")
# People call the suite that runs all tests so, the likeliest first.
USUAL_NAMES = ("test", "tests", "test-all", "all", "ci")
# What leaves tests out, or never ends.
NARROWING = re.compile(
    r"-k|-m|-t|-g|-run|--run|--grep|--filter(=.*)?|--testsuite(=.*)?|--group(=.*)?|--tags?(=.*)?|--lf|--ff"
    r"|--last-failed|--watch(All)?"
)
# A script's own arguments: "$@", $1
ARGUMENTS = re.compile(r"\$(?:[@*\d]|\{[@*\d]\})")
MEASURED = re.compile(r"--cov(=\S*)?")
REPORTED = re.compile(rf"--junit-xml={REPORTS}/.*|{MEASURED.pattern}")
COVERAGE = re.compile(r"--cov(-[a-z-]+)?(=\S*)?")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a run in CI is for: the commands that prepare it, and the suite's, in one service.

    `inside` says that the service runs the suite by itself already.
    """

    service: str
    command: tuple[str, ...]
    prepare: tuple[tuple[str, ...], ...] = ()
    inside: bool = False

    @property
    def is_pytest(self) -> bool:
        """Whether the command is pytest's, which takes its options."""
        at = runners.runner_at(self.command)
        return at is not None and PurePosixPath(self.command[at]).name in PYTEST


def chosen(suites: Iterable[Suite], services: Mapping[str, Service], *, covered: bool) -> Job | None:
    """Return the job of a project: its broadest suite among those that run in one of `services`, None for none.

    Where nobody starts a suite, a service that runs tests by its own command is a job, too. `covered` says that
    coverage can be measured although no suite does so.
    """
    known = [one for one in suites if one.started.service in services]
    whole = [one for one in known if not one.parameters and not narrows(one.started.command)]
    if not whole:
        return next(by_themselves(services), None)
    best = max(whole, key=lambda one: (breadth(one, whole), -usual(one.name), bool(one.prepared_by)))
    job = Job(
        service=best.started.service,
        command=with_all_paths(best, whole),
        prepare=tuple(one.command for one in best.prepared_by),
        inside=best.started.start is Start.INSIDE,
    )
    return reporting(job, measured(known, covered=covered)) if job.is_pytest else job


def by_themselves(services: Mapping[str, Service]) -> Iterator[Job]:
    """Yield the services whose own command runs tests, each as a job that stays as it is."""
    for name, service in services.items():
        command = (*(service.entrypoint or ()), *(service.command or ()))
        if runners.runner_at(command) is not None:
            yield Job(service=name, command=command, inside=True)


def with_all_paths(suite: Suite, others: Iterable[Suite]) -> tuple[str, ...]:
    """Return a suite's command, for the folder that all suites' tests are in where it has only some of them.

    What a script would put in from its own arguments is left out.
    """
    command = tuple(word for word in suite.started.command if not ARGUMENTS.fullmatch(word))
    paths = [path for one in others if one.started.service == suite.started.service for path in one.paths]
    if not suite.paths or all(within(path, suite.paths) for path in paths):
        return command
    folder = posixpath.commonpath(paths) if len({path.startswith("/") for path in paths}) == 1 else ""
    own = tuple(word for word in command if word not in suite.paths)
    return (*own, folder) if folder else own


def narrows(command: tuple[str, ...]) -> bool:
    """Return whether a test command leaves tests out by an option, or never ends."""
    at = runners.runner_at(command) or 0
    return any(NARROWING.fullmatch(word) for word in command[at + 1 :])


def breadth(suite: Suite, others: Iterable[Suite]) -> int:
    """Return how many suites run no test that this one does not run as well."""
    return sum(
        not suite.paths or (bool(other.paths) and all(within(path, suite.paths) for path in other.paths))
        for other in others
        if other.started.service == suite.started.service
    )


def within(path: str, folders: Iterable[str]) -> bool:
    """Return whether a path is one of some folders, or below one."""
    return any(PurePosixPath(path).is_relative_to(folder) for folder in folders)


def usual(name: str) -> int:
    """Return how far down a suite's name is among those that people give to the suite of all tests."""
    return USUAL_NAMES.index(name) if name in USUAL_NAMES else len(USUAL_NAMES)


def measured(suites: Iterable[Suite], *, covered: bool) -> str:
    """Return the option by which a project's suites measure coverage, empty where none does."""
    words = (word for one in suites for word in joined(one.started.command))
    return next(filter(MEASURED.fullmatch, words), "--cov" if covered else "")


def reporting(job: Job, coverage: str) -> Job:
    """Return a job of pytest's that writes reports, coverage included where `coverage` measures it."""
    own = tuple(word for word in joined(job.command) if not COVERAGE.fullmatch(word))
    reports = tuple(f"--cov-report={kind}" for kind in COVERAGE_REPORTS) if coverage else ()
    options = (f"--junit-xml={REPORTS}/junit.xml", *((coverage,) if coverage else ()), *reports)
    return replace(job, command=(*own, *options))


def joined(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command whose options of pytest-cov have their values in the same word."""
    words: list[str] = []
    for word in command:
        valued = bool(words) and COVERAGE.fullmatch(words[-1]) and "=" not in words[-1]
        if valued and not word.startswith("-"):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return tuple(words)


def as_command(job: Job) -> Data:
    """Return a job as the command of its service: in a shell where something is to be done before."""
    if not job.prepare:
        return Flow([escaped(word) for word in job.command])
    before = "".join(f"{escaped(shlex.join(one))} &&\n" for one in job.prepare)
    return ["sh", "-c", f"{before}exec {escaped(wrapped(job.command))}\n"]


def escaped(text: str) -> str:
    """Return a text that Compose does not interpolate."""
    return text.replace("$", "$$")


def wrapped(command: tuple[str, ...]) -> str:
    """Return a command for a shell; the options that were put behind it have lines of their own."""
    starts = [place for place, word in enumerate(command) if REPORTED.fullmatch(word)]
    bounds = zip((0, *starts), (*starts, len(command)), strict=True)
    return " \\\n  ".join(shlex.join(command[start:end]) for start, end in bounds if start < end)
