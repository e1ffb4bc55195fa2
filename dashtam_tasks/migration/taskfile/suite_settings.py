"""Suite settings: a test command that a project runs, as a suite of the settings has it."""

from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

from dashtam_tasks.migration.legacy import runners
from dashtam_tasks.migration.legacy.line import Source as Kind
from dashtam_tasks.migration.legacy.recipes import Start
from dashtam_tasks.migration.legacy.recipes import Suite as Found
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.settings import Suite

TESTS = "test"
PYTEST = frozenset({"pytest", "py.test"})


def suite_of(blueprint: Blueprint, found: Found) -> Suite | None:
    """Return a suite's settings, None where its command cannot be written down."""
    started = found.started
    suite = split(found)
    if started.start is Start.HOST:
        folder = str(PurePosixPath(started.file).parent) if started.source is Kind.PACKAGE else "."
        command = ("npx", *suite.command) if started.source is Kind.PACKAGE else suite.command
        needs = tuple(sorted(services_before(blueprint, found)))
        return replace_in(suite, command=command, where="host", folder=folder, needs=needs)
    if started.service not in blueprint.models[TESTS].services:
        return None
    if started.start is Start.INSIDE:
        written = written_command(blueprint, started.service)
        if not written:
            return None
        if written != started.command:
            suite = Suite(command=written, pytest=False, coverage="")
    service = "" if started.service == blueprint.facts.app else started.service
    return replace_in(suite, service=service, needs=needs_of(blueprint, found))


def replace_in(suite: Suite, **values: object) -> Suite:
    """Return a suite with other values."""
    return msgspec.structs.replace(suite, **values)


def written_command(blueprint: Blueprint, service: str) -> tuple[str, ...]:
    """Return what a service runs if its file says so by itself; nothing where variables have a part in it."""
    draft = blueprint.drafts[TESTS]
    written = str(draft.document.get(("services", service, "command")))
    return () if "$" in written else blueprint.models[TESTS].services[service].command or ()


def split(found: Found) -> Suite:
    """Return a test command as a suite has it: paths come last there, where the runner lets them."""
    words = found.started.command
    at = runners.runner_at(words) or 0
    is_pytest = runners.name_of(words[at]) in PYTEST
    if is_pytest:
        options = tuple(word for word in words[at + 1 :] if word not in found.paths)
        paths = tuple(path.rstrip("/") or path for path in found.paths)
        return Suite(command=words[: at + 1], options=options, paths=paths)
    trailing = found.paths if found.paths and words[-len(found.paths) :] == found.paths else ()
    command = words[: len(words) - len(trailing)]
    return Suite(command=command, paths=trailing, pytest=False, coverage="")


def needs_of(blueprint: Blueprint, found: Found) -> tuple[str, ...] | None:
    """Return the services that are started before a suite, None where these are those that its service needs."""
    model, service = blueprint.models[TESTS], found.started.service
    started = frozenset(services_before(blueprint, found)) - {service} - model.jobs
    own = model.selection([service]) - {service}
    return None if started <= own else tuple(sorted(started | own))


def services_before(blueprint: Blueprint, found: Found) -> Iterator[str]:
    """Yield the services that `up` starts in what runs before a suite."""
    legacy, started = blueprint.found, found.started
    model = blueprint.models[TESTS]
    makefile = legacy.makefile if started.source is Kind.MAKEFILE else None
    owners = {started.owner, *(one.name for one in (makefile.needed(started.owner) if makefile else ()))}
    if started.source is Kind.PACKAGE:
        # npm runs it before: https://docs.npmjs.com/cli/using-npm/scripts
        owners.add(f"pre{started.owner}")
    files = blueprint.sources[TESTS].files
    for use in legacy.uses:
        if (use.file, use.subcommand, use.files) != (started.file, "up", files):
            continue
        if use.owner in owners and started.start is not Start.INSIDE:
            named = [word for word in use.arguments if word in model.services]
            yield from model.selection(named)
