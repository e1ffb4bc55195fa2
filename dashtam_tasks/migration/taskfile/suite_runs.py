"""Suite runs: which suite runs the same tests as a command, and what has to be said to it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from dashtam_tasks.migration.legacy.recipes import Suite as Found
from dashtam_tasks.migration.taskfile.invocation import Invocation
from dashtam_tasks.migration.taskfile.suite_settings import TESTS
from dashtam_tasks.settings import Suite

HOW_MUCH_IS_SAID = re.compile(r"-v+|-q+|--verbose|--quiet")
COVERAGE = re.compile(r"--cov(?:-\w+)?(?:=.*)?")
PARAMETER = re.compile(r"\$(?:\{\w+\}|\*|[A-Za-z_]\w*)")


def known_run(found: Found, suite: Suite, named: Mapping[str, Suite]) -> Invocation | None:
    """Return the task that runs the same tests as a suite that there is already, with options for what differs."""
    for name, other in named.items():
        task = Invocation(task=f"{TESTS}.{name}")
        if (suite.service, suite.where, suite.command) != (other.service, other.where, other.command):
            continue
        plain, given = without_parameters(suite.options)
        rest = tuple(word for word in plain if not COVERAGE.fullmatch(word))
        same = said_aside(rest) == said_aside(other.options)
        if not same or not suite.pytest:
            continue
        if given and given[0] != "--path":
            if suite.paths == other.paths:
                return replace(task, options=given)
        elif given:
            return replace(task, options=given)
        elif suite.paths == other.paths and not found.parameters:
            return with_coverage(task, suite, other) if rest != plain else task
    return None


def with_coverage(task: Invocation, suite: Suite, other: Suite) -> Invocation:
    """Return the task that measures coverage as well."""
    named = [word.partition("=")[2] for word in suite.options if word.startswith("--cov=")]
    if task.task == f"{TESTS}.all" and named in ([other.coverage], []):
        return Invocation(task=f"{TESTS}.coverage")
    return replace(task, options=(f"--cov={named[0]}" if named else "--cov",))


def measures(found: Found) -> bool:
    """Return whether tests are run for their coverage."""
    return any(COVERAGE.fullmatch(word) for word in found.started.command)


def without_parameters(options: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return options without what the caller gives, and that as options of a task: a path, or pytest's -k."""
    for at, word in enumerate(options):
        if PARAMETER.fullmatch(word):
            if at and options[at - 1] == "-k":
                return (*options[: at - 1], *options[at + 1 :]), ("-k", word)
            if at == 0 or not options[at - 1].startswith("-") or HOW_MUCH_IS_SAID.fullmatch(options[at - 1]):
                return (*options[:at], *options[at + 1 :]), ("--path", word)
    return options, ()


def said_aside(options: Iterable[str]) -> tuple[str, ...]:
    """Return options without those that only say how much is printed."""
    return tuple(word for word in options if not HOW_MUCH_IS_SAID.fullmatch(word))
