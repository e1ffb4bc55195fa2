"""Suites: the tests that a project runs, as settings have them, and the task for each place that runs some."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dashtam_tasks.migration.legacy.line import Source as Kind
from dashtam_tasks.migration.legacy.recipes import Start
from dashtam_tasks.migration.legacy.recipes import Suite as Found
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile.invocation import Invocation
from dashtam_tasks.migration.taskfile.suite_defaults import defaults
from dashtam_tasks.migration.taskfile.suite_runs import known_run, measures
from dashtam_tasks.migration.taskfile.suite_settings import TESTS, suite_of
from dashtam_tasks.settings import Suite, is_name

PREFIX = re.compile(r"(?:docker[-_:.])?tests?(?:[-_:./]+|$)", re.IGNORECASE)
TASK_NAMES = frozenset(
    "up down restart build rebuild logs status shell exec run db-shell redis-cli coverage".split()
)

Place = tuple[str, int, str]
Commands = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Suites:
    """The suites by name, what prepares a new database, and the task that each place in a file becomes.

    `prepared` are the commands that `prepare` is made of.
    """

    named: Mapping[str, Suite] = field(default_factory=dict)
    prepare: tuple[str, ...] = ()
    prepared: tuple[tuple[str, ...], ...] = ()
    runs: Mapping[Place, Invocation] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def place(found: Found) -> Place:
    """Return where a suite is run: file, line, and the target or script."""
    return found.started.file, found.started.line, found.started.owner


def read(blueprint: Blueprint) -> Suites:
    """Return the suites of a project; those of our defaults that it does not have say so when they are run."""
    named: dict[str, Suite] = {}
    runs: dict[Place, Invocation] = {}
    remarks: list[str] = []
    known = [one for one in blueprint.found.suites if is_for_tests(blueprint, one)]
    for one in sorted(known, key=lambda one: bool(one.parameters) or measures(one)):
        suite = suite_of(blueprint, one)
        if suite is None:
            remarks.append(f"{one.started.where}: its command has values of an env file, and makes no suite.")
            continue
        task = known_run(one, suite, named)
        if task is None and not one.parameters:
            name = free_name(one, named)
            named[name] = suite
            task = Invocation(task=f"{TESTS}.{name}")
        if task is not None:
            runs[place(one)] = task.noting(*run_notes(one))
    commands, told = prepared(blueprint, known)
    return Suites(
        named={**named, **dict(defaults(blueprint, named))},
        prepare=as_one(commands),
        prepared=commands,
        runs=runs,
        remarks=(*remarks, *told, *host_remarks(known)),
    )


def is_for_tests(blueprint: Blueprint, found: Found) -> bool:
    """Return whether tests run beside the services of the test environment."""
    source = blueprint.sources.get(TESTS)
    return source is not None and (found.started.start is Start.HOST or found.started.files == source.files)


def run_notes(found: Found) -> Iterator[str]:
    """Yield what a suite does otherwise than the line that it is made from."""
    if found.started.start is Start.EXEC:
        yield "it runs in a container of its own, beside the services"
    if found.started.start is Start.HOST:
        yield "it gets the variables of the app's service, at the published ports"


def free_name(found: Found, named: Mapping[str, Suite]) -> str:
    """Return the name of a suite: the target's without `test`, `all` for nothing else, and none that is taken."""
    rest = PREFIX.sub("", found.name, count=1)
    plain = re.sub(r"[^a-z0-9_-]+", "-", rest.lower()).strip("-_")
    name = plain if is_name(plain) else "all"
    candidates = (name, f"{name}-tests", *(f"{name}-{number}" for number in range(2, len(named) + 3)))
    return next(one for one in candidates if one not in named and one not in TASK_NAMES)


def prepared(blueprint: Blueprint, known: Iterable[Found]) -> tuple[Commands, tuple[str, ...]]:
    """Return the commands that prepare a new test database, and remarks."""
    for one in known:
        commands = tuple(
            each.command for each in one.prepared_by if not any("$" in word for word in each.command)
        )
        if commands and one.started.service == blueprint.facts.app and blueprint.facts.databases:
            return commands, ()
        if commands:
            where = one.prepared_by[0].where
            words = (
                f"{where}: it prepares {one.started.service}, and no setting can say that: run it by hand."
            )
            return (), (words,)
    return (), ()


def as_one(commands: Commands) -> tuple[str, ...]:
    """Return the command that runs several, each only after the one before succeeded."""
    if len(commands) > 1:
        return ("sh", "-c", " && ".join(map(shlex.join, commands)))
    return commands[0] if commands else ()


def host_remarks(known: Iterable[Found]) -> Iterator[str]:
    """Yield what a suite on the host may lack."""
    for one in known:
        if one.started.start is Start.HOST and one.started.source is not Kind.DOCUMENT:
            yield (
                f"{one.started.where}: variables that its line sets are not in the suite, which gets those of the "
                "app's service, at the ports that tests publish now."
            )
