"""What the plan asks of tasks, which take the place of the Makefile's targets."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from typing import Any

from dashtam_tasks import opening
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.verification.evidence import Done, Watch, looked, ran, typed
from dashtam_tasks.migration.verification.former import MAKEFILE
from dashtam_tasks.migration.verification.subject import CI, DEVELOPMENT, TESTS, Subject
from dashtam_tasks.migration.verification.ticking import (
    Line,
    Verdict,
    failed,
    holds,
    not_applicable,
    passed,
)

LISTING = ("--list", "--list-format=json")
LISTING_SECONDS = 60
# The plan's targets, as tasks; each suite of the settings is one as well.
OF_DEVELOPMENT = tuple(f"{DEVELOPMENT}.{name}" for name in ("up", "down", "logs", "shell", "restart"))
OF_TESTS = tuple(f"{TESTS}.{name}" for name in ("up", "down"))
ALIASES = ("up", "down", "logs")
# A target that no Makefile has, so that make reads the file and has nothing to do.
NOTHING = "dashtam-tasks-reads-this"


def lines(subject: Subject) -> tuple[Line, ...]:
    """Return the list of step 1.5."""
    return (
        ("All new targets added", partial(has_tasks, subject)),
        ("Backward compatibility aliases work", partial(has_aliases, subject)),
        ("--env-file flags present on all commands", partial(passes_env_files, subject)),
        ("Makefile syntax is valid", partial(makefile_is_valid, subject)),
    )


def wanted(subject: Subject) -> Iterator[str]:
    """Yield the tasks that a project with these environments has."""
    yield from OF_DEVELOPMENT if subject.has(DEVELOPMENT) else ()
    if subject.has(TESTS):
        yield from OF_TESTS
        yield from (f"{TESTS}.{dashed(name)}" for name in subject.settings.suites)
    yield from (f"{CI}.run",) if subject.has(CI) else ()


def dashed(name: str) -> str:
    """Return a task's name as Invoke shows it."""
    return name.replace("_", "-")


def has_tasks(subject: Subject) -> Verdict:
    """Decide whether the project's own task list has every task that the plan asks for."""
    done, found = listed(subject)
    if done.problem:
        return failed(done.problem, done.evidence)
    seen = looked(subject, done.evidence.command, "\n".join(sorted(found)))
    return holds((f"There is no task {name}." for name in wanted(subject) if name not in found), seen)


def has_aliases(subject: Subject) -> Verdict:
    """Decide whether development's most used tasks have the short names that people know."""
    if not subject.has(DEVELOPMENT):
        return not_applicable("The project has no development environment.")
    done, found = listed(subject)
    if done.problem:
        return failed(done.problem, done.evidence)
    seen = looked(subject, done.evidence.command, "\n".join(name for name in ALIASES if name in found))
    return holds((f"There is no task {name}." for name in ALIASES if name not in found), seen)


def listed(subject: Subject) -> tuple[Done, frozenset[str]]:
    """Return what `inv --list` did in the project, and the full names of the tasks that it lists."""
    done = typed(subject, *LISTING, timeout=LISTING_SECONDS)
    if done.problem:
        return done, frozenset()
    # What an interpreter warns of may come before.
    tree = json.loads(done.output[done.output.index("{") :])
    return done, frozenset(names(tree, ()))


def names(collection: dict[str, Any], above: tuple[str, ...]) -> Iterator[str]:
    """Yield the full names of the tasks of a collection as Invoke lists it, aliases included."""
    for one in collection.get("tasks") or ():
        yield from (".".join((*above, name)) for name in (one["name"], *one.get("aliases", ())))
    for one in collection.get("collections") or ():
        yield from names(one, (*above, one["name"]))


def passes_env_files(subject: Subject) -> Verdict:
    """Decide whether the tasks give Compose each environment's own env file."""
    commands = {
        one.name: opening.open_environment(subject.settings, one.name).compose.argv("up")
        for one in subject.environments
        if subject.path(one.env_file).is_file()
    }
    if not commands:
        return failed("No environment has its env file yet.")
    watch = Watch(subject=subject, command="docker compose, as the tasks call it")
    seen = watch.saw("\n".join(" ".join(argv) for argv in commands.values()))
    return holds(
        (
            f"The tasks of {one.name} do not pass --env-file {one.env_file}."
            for one in subject.environments
            if one.name in commands and str(subject.path(one.env_file)) not in commands[one.name]
        ),
        seen,
    )


def makefile_is_valid(subject: Subject) -> Verdict:
    """Decide whether make can read the Makefile, if there still is one."""
    if not subject.path(MAKEFILE).is_file():
        return not_applicable("Tasks took the Makefile's place; there is none.")
    if shutil.which("make") is None:
        return not_applicable("There is no make on this machine to read the Makefile with.")
    rules = f"include {MAKEFILE}\n.PHONY: {NOTHING}\n{NOTHING}:\n"
    done = ran(subject, ["make", "--dry-run", "--file=-", NOTHING], stdin=rules)
    return failed("make cannot read the Makefile.", done.evidence) if done.code else passed(done.evidence)


def require_listed(subject: Subject) -> frozenset[str]:
    """Return the names of the project's tasks.

    Raises DashtamError (CONFIGURATION) when they cannot be listed.
    """
    done, found = listed(subject)
    if done.problem:
        raise DashtamError(done.problem, code=ExitCode.CONFIGURATION, details=done.evidence.output)
    return found
