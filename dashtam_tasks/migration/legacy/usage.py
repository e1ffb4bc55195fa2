"""How a project calls Docker Compose: with which files, env files and names, and what for."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from dashtam_tasks.migration.legacy import shell_lines
from dashtam_tasks.migration.legacy.line import Line, Source
from dashtam_tasks.migration.legacy.shell_lines import Simple
from dashtam_tasks.migration.legacy.tree import Tree

FILE, ENV_FILE, PROJECT, PROFILE = "--file", "--env-file", "--project-name", "--profile"
LONG_NAMES = {"-f": FILE, "-p": PROJECT}
# `docker compose --help`, and `docker-compose --help` of its first version.
VALUED = frozenset(
    "--file --env-file --project-name --profile --project-directory --ansi --progress --parallel --host -H"
    " --context -c --log-level --tlscacert --tlscert --tlskey".split()
)
DOCKER_VALUED = frozenset(
    "--config --context -c --host -H --log-level -l --tlscacert --tlscert --tlskey".split()
)
SUBCOMMANDS = frozenset(
    "attach build config cp create down events exec export images kill logs ls pause port ps publish pull push"
    " restart rm run scale start stats stop top unpause up version volumes wait watch".split()
)


@dataclass(frozen=True, kw_only=True)
class Use:
    """One call of Compose; `files` in their order, none for Compose's own choice.

    Names of files are relative to the project's folder; one with a variable that nobody sets is as it is written.
    `arguments` stand behind the subcommand, which is empty where only the files are named.
    """

    file: str
    line: int
    owner: str
    source: Source
    files: tuple[str, ...]
    env_files: tuple[str, ...] = ()
    project: str = ""
    profiles: tuple[str, ...] = ()
    subcommand: str = ""
    arguments: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Its place, as `file:line`."""
        return f"{self.file}:{self.line}"


def read(lines: Iterable[Line], tree: Tree) -> tuple[Use, ...]:
    """Return every use of Compose in `lines`, in their order."""
    return tuple(use for line, folder, command in placed(lines) for use in uses(line, folder, command, tree))


def placed(lines: Iterable[Line]) -> Iterator[tuple[Line, str, Simple]]:
    """Yield each command with its line and the folder that it runs in, as far as `cd` says so."""
    script, folder = "", "."
    for line in lines:
        if line.source is not Source.SCRIPT or line.file != script:
            script, folder = line.file, line.folder
        for command in shell_lines.commands(line.text):
            if command.words[:1] == ("cd",):
                aim = command.words[1] if len(command.words) > 1 else "."
                # Where a variable leads is not known; most scripts go to the project's folder first.
                folder = "." if "$" in aim else str(PurePosixPath(folder, aim))
            else:
                yield line, folder, command


def uses(line: Line, folder: str, command: Simple, tree: Tree) -> Iterator[Use]:
    """Yield the use of Compose that a command is, or the files that it sets for later ones."""
    chosen = command.variables.get("COMPOSE_FILE", "")
    rest = arguments_of_compose(command.words)
    if rest is None and not (chosen and not command.words):
        return
    options, subcommand, arguments = parsed(rest or ())
    files = options.get(FILE) or [name for name in chosen.split(":") if name]
    if not subcommand and not files:
        return
    if subcommand and subcommand not in SUBCOMMANDS and not files:
        return
    folders = (folder, ".", str(PurePosixPath(line.file).parent))
    yield Use(
        file=line.file,
        line=line.line,
        owner=line.owner,
        source=line.source,
        files=tuple(located(name, folders, tree) for name in files if name != "-"),
        env_files=tuple(located(name, folders, tree) for name in options.get(ENV_FILE, [])),
        project=next(reversed(options.get(PROJECT, [])), command.variables.get("COMPOSE_PROJECT_NAME", "")),
        profiles=tuple(options.get(PROFILE, [])),
        subcommand=subcommand,
        arguments=arguments,
    )


def located(name: str, folders: tuple[str, ...], tree: Tree) -> str:
    """Return the name of the file that a command line means."""
    return name if "$" in name else tree.locate(name, folders=folders)


def arguments_of_compose(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return what stands behind `docker compose` or `docker-compose`, None where neither is called."""
    if words and "--" in words and PurePosixPath(words[0]).name not in {"docker", "docker-compose"}:
        # As in `dotenv -e .env.test -- docker compose up`.
        words = words[words.index("--") + 1 :]
    if not words:
        return None
    if re.fullmatch(r"docker-compose(-v\d)?(\.exe)?", PurePosixPath(words[0]).name):
        return words[1:]
    if PurePosixPath(words[0]).name != "docker":
        return None
    rest = behind_options(words[1:], DOCKER_VALUED)
    return rest[1:] if rest[:1] == ("compose",) else None


def behind_options(words: tuple[str, ...], valued: frozenset[str]) -> tuple[str, ...]:
    """Return the words from the first that is no option, nor the value of one, on."""
    position = 0
    while position < len(words) and words[position].startswith("-"):
        position += 2 if words[position] in valued else 1
    return words[position:]


def parsed(words: tuple[str, ...]) -> tuple[dict[str, list[str]], str, tuple[str, ...]]:
    """Return Compose's options with their values, its subcommand, and what follows that."""
    options: dict[str, list[str]] = {}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        name, equals, value = rest.pop(0).partition("=")
        if not equals and len(name) > len("-f") and name[:2] in LONG_NAMES:
            name, value = name[:2], name[2:]
        name = LONG_NAMES.get(name, name)
        if name in VALUED:
            value = value or (rest.pop(0) if rest else "")
            options.setdefault(name, []).append(value)
    return options, rest[0] if rest else "", tuple(rest[1:])
