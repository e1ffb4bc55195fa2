"""What a project runs in its services: test suites, and what prepares the database for them."""

import enum
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from dashtam_tasks.compose import Model
from dashtam_tasks.migration.legacy import runners, usage
from dashtam_tasks.migration.legacy.line import Line, Source
from dashtam_tasks.migration.legacy.makefile import Makefile
from dashtam_tasks.migration.legacy.shell_lines import Simple, commands, script_argument
from dashtam_tasks.migration.legacy.tree import Tree
from dashtam_tasks.migration.legacy.usage import Use

# `docker compose exec --help` and `docker compose run --help`.
VALUED = frozenset(
    "-e --env -u --user -w --workdir --index -v --volume -p --publish --name --entrypoint -l --label --cap-add"
    " --cap-drop --pull --env-file --env-from-file".split()
)
DOCKER_EXEC_VALUED = frozenset("-e --env -u --user -w --workdir --env-file --detach-keys".split())
PARAMETER = re.compile(r"\$(?:\{(?P<name>\w+)\}|(?P<stem>\*)|(?P<plain>[A-Za-z_]\w*))")


class Start(enum.StrEnum):
    """How a command is started: in a running container, in one of its own, as what a service runs, on the host."""

    EXEC = "exec"
    RUN = "run"
    INSIDE = "inside"
    HOST = "host"


@dataclass(frozen=True, kw_only=True)
class Started:
    """A command and where it runs: in a `service` or, with none, on the host; `files` are Compose's."""

    file: str
    line: int
    source: Source
    owner: str
    start: Start
    command: tuple[str, ...]
    service: str = ""
    files: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Its place, as `file:line`."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A test command under the name that people call it by (a target, a script, a service).

    `paths` are the tests that it names, `parameters` the variables that a person gives (`FILE`, `*` for a pattern's
    stem), `prepared_by` the commands that run before it in the same service.
    """

    name: str
    started: Started
    paths: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    prepared_by: tuple[Started, ...] = ()


def started(lines: Iterable[Line], tree: Tree, containers: Mapping[str, str]) -> tuple[Started, ...]:
    """Return every command that lines run in a service, and those on the host that run tests.

    `containers` are the services by their containers' names. Documents only show commands, and start none.
    """
    running = (line for line in lines if line.source not in {Source.DOCUMENT, Source.COMMENT})
    return tuple(
        one
        for line, folder, command in usage.placed(running)
        for one in started_by(line, folder, command, tree, containers)
    )


def started_by(
    line: Line, folder: str, command: Simple, tree: Tree, containers: Mapping[str, str]
) -> Iterator[Started]:
    """Yield what a command starts."""
    for use in usage.uses(line, folder, command, tree):
        if use.subcommand in {"exec", "run"}:
            service, *words = usage.behind_options(use.arguments, VALUED) or ("",)
            for inner in inner_commands(tuple(words)):
                yield made(line, Start(use.subcommand), inner, service=service, files=use.files)
        return
    if command.words[:2] == ("docker", "exec"):
        container, *words = usage.behind_options(command.words[2:], DOCKER_EXEC_VALUED) or ("",)
        for inner in inner_commands(tuple(words)):
            yield made(line, Start.EXEC, inner, service=containers.get(container, ""))
    elif line.owner and runners.runner_at(command.words) is not None:
        yield made(line, Start.HOST, command.words)


def made(
    line: Line, start: Start, command: tuple[str, ...], *, service: str = "", files: tuple[str, ...] = ()
) -> Started:
    """Return a command that a line starts."""
    return Started(
        file=line.file,
        line=line.line,
        source=line.source,
        owner=line.owner,
        start=start,
        command=command,
        service=service,
        files=files,
    )


def inner_commands(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the commands that words run, those of `sh -c` one by one."""
    script = script_argument(words)
    if script is None:
        return [words] if words else []
    return [one.words for one in commands(script) if one.words]


def inside(uses: Iterable[Use], models: Mapping[tuple[str, ...], Model]) -> Iterator[Started]:
    """Yield what services run by themselves when `up`, or `run` without a command, starts them.

    `models` are those that Compose makes of files.
    """
    for use in uses:
        model = models.get(use.files)
        if model is None or use.subcommand not in {"up", "run"}:
            continue
        words = usage.behind_options(use.arguments, VALUED)
        if use.subcommand == "run" and len(words) > 1:
            continue
        for name in (name for name in words or tuple(model.services) if name in model.services):
            service = model.services[name]
            for inner in inner_commands((*(service.entrypoint or ()), *(service.command or ()))):
                yield Started(
                    file=use.file,
                    line=use.line,
                    source=use.source,
                    owner=use.owner,
                    start=Start.INSIDE,
                    command=inner,
                    service=name,
                    files=use.files,
                )


def suites(
    found: Iterable[Started], makefile: Makefile | None, exists: Callable[[str], bool]
) -> tuple[Suite, ...]:
    """Return the test suites among what is started, each once; `exists` says whether a path is there."""
    found = tuple(found)
    own = {target.name for target in makefile.targets} if makefile else set()
    running = (one for one in found if runners.runner_at(one.command) is not None)
    tests = [one for one in running if not calls_target(one, own)]
    calling_scripts = any(
        one.start is not Start.HOST and one.command[0] in runners.SCRIPT_RUNNERS for one in tests
    )
    chosen = [
        one
        for one in tests
        if not (calling_scripts and one.start is Start.HOST and one.source is Source.PACKAGE)
    ]
    return tuple(
        Suite(
            name=one.owner or PurePosixPath(one.file).stem,
            started=one,
            paths=runners.paths_of(one.command, exists),
            parameters=tuple(dict.fromkeys(parameters(one.command))),
            prepared_by=tuple(preparing(one, found, makefile)),
        )
        for one in dict.fromkeys(chosen)
    )


def calls_target(one: Started, targets: Collection[str]) -> bool:
    """Return whether a command on the host is `make` for a target that is known, whose recipe says what runs."""
    program, *words = one.command
    return (
        one.start is Start.HOST
        and runners.name_of(program) in {"make", "gmake"}
        and bool({*words} & {*targets})
    )


def parameters(command: Iterable[str]) -> Iterator[str]:
    """Yield the variables in a command that nobody sets but the person who calls it."""
    for word in command:
        yield from (found["name"] or found["plain"] or "*" for found in PARAMETER.finditer(word))


def preparing(test: Started, found: Iterable[Started], makefile: Makefile | None) -> Iterator[Started]:
    """Yield what runs before a test command in its service: in what its target needs, and earlier in its recipe."""
    here = [one for one in found if one.file == test.file and one.service == test.service != ""]
    needed = makefile.needed(test.owner) if makefile and test.source is Source.MAKEFILE else ()
    before = [one for target in needed for one in here if one.owner == target.name]
    before += [one for one in here[: here.index(test)] if one.owner == test.owner] if test in here else []
    commands_seen: set[tuple[str, ...]] = set()
    for one in before:
        if one.command not in commands_seen and runners.prepares(one.command):
            commands_seen.add(one.command)
            yield one
