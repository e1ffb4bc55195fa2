"""Commands that people and scripts type: `make up`, `docker compose up`; and what does the same now."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Protocol

from dashtam_tasks.migration.facts import EnvironmentFacts
from dashtam_tasks.migration.legacy import lines, usage
from dashtam_tasks.migration.legacy.line import Source
from dashtam_tasks.migration.legacy.makefile import Target
from dashtam_tasks.migration.legacy.recipes import VALUED
from dashtam_tasks.migration.legacy.tree import Tree
from dashtam_tasks.migration.legacy.usage import Use
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.references.reference import Reference

COMPOSE = re.compile(r"docker[- ]compose(?=\s|$)[^`|;&\"\n]*")
VALUE = re.compile(r"((?:-e|--env)[ =]?\w+)=\S+")
MAKE = re.compile(r"`(?:g?make) (?P<words>[^`]+)`")
MAX_TEXT = 100
# What stands for a pattern's stem in the command of an account.
STEM = "NAME"
# Comments in Compose files go with them, and env files are not shown.
ELSEWHERE = frozenset({Source.COMMENT, Source.ENVIRONMENT})
# Tasks of dev and test that do what a subcommand of Compose does, and what they make of its options.
TASKS = {"up": "up", "down": "down", "logs": "logs", "ps": "status", "build": "build", "restart": "restart"}
OPTIONS = {
    "up": {"-d": "", "--detach": "", "--wait": "", "--build": " --build"},
    "down": {"-v": " --volumes", "--volumes": " --volumes", "--remove-orphans": ""},
    "logs": {"-f": "", "--follow": ""},
    "build": {"--no-cache": " --no-cache"},
}
WITH_SERVICES = frozenset({"up", "logs", "build", "restart"})
WITH_TASKS = frozenset({"dev", "test"})


class Account(Protocol):
    """What becomes of a make target: `fate` is replaced, carried or left, `command` does the same now."""

    @property
    def target(self) -> str:
        """The target's name."""

    @property
    def line(self) -> int:
        """The Makefile's line with the target."""

    @property
    def fate(self) -> str:
        """One of replaced, carried and left."""

    @property
    def command(self) -> str:
        """What does the same now, empty for nothing."""

    @property
    def reason(self) -> str:
        """Why that is so."""


def composing(blueprint: Blueprint, found: Tree, names: Iterable[str]) -> Iterator[Reference]:
    """Yield each use of Compose in files, with what does the same now."""
    searched = set(names)
    wanted = [use for use in blueprint.found.uses if use.file in searched and use.source not in ELSEWHERE]
    for _, uses in groupby(wanted, key=lambda use: use.where):
        for position, use in enumerate(uses):
            files = use.files or chosen_before(use, wanted)
            strange = strangers(blueprint, files)
            yield Reference(
                file=use.file,
                line=use.line,
                text=shown(written(found, use, position)),
                becomes="" if strange else shown(equivalent(environment_of(blueprint, files), use)),
                note=f"{strange} has not been migrated" if strange else "",
            )


def chosen_before(use: Use, uses: Iterable[Use]) -> tuple[str, ...]:
    """Return the files that a script has chosen by COMPOSE_FILE for what comes behind, none where it has not."""
    own = (one for one in uses if (one.file, one.owner) == (use.file, use.owner) and one.line <= use.line)
    return next((one.files for one in reversed([*own]) if not one.subcommand), ())


def written(found: Tree, use: Use, position: int) -> str:
    """Return a use of Compose as its line has it, which may have several; in our words where variables hide it."""
    commands = [one[0].strip() for one in COMPOSE.finditer(found.lines(use.file)[use.line - 1])]
    if use.subcommand and position < len(commands):
        return commands[position]
    if not use.subcommand:
        return commands[0] if commands else f"COMPOSE_FILE={':'.join(use.files)}"
    options = [part for name in use.files for part in ("-f", name)]
    return " ".join(("docker compose", *options, use.subcommand))


def shown(text: str) -> str:
    """Return a command without values that it gives to variables, and not too long for a line of a list."""
    text = VALUE.sub(r"\1=…", text)
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def strangers(blueprint: Blueprint, files: Iterable[str]) -> str:
    """Return the files that are no environment's, such as production's."""
    known = {file for one in blueprint.facts.environments for file in one.legacy_files}
    return " and ".join(name for name in files if name not in known)


def environment_of(blueprint: Blueprint, files: tuple[str, ...]) -> EnvironmentFacts:
    """Return the environment that a use of Compose was for: the first that has all of its files."""
    every = blueprint.facts.environments
    return next((one for one in every if set(files) <= set(one.legacy_files)), every[0])


def equivalent(one: EnvironmentFacts, use: Use) -> str:
    """Return what does the same as a use of Compose: a task, else the same subcommand with the new files."""
    if one.name in WITH_TASKS and (task := inside(one, use) or task_of(one, use)):
        return task
    if not use.subcommand and use.source is not Source.DOCUMENT:
        return f"COMPOSE_FILE={one.compose_file}"
    return " ".join(("docker compose", *files_of(one), use.subcommand, *use.arguments)).rstrip()


def inside(one: EnvironmentFacts, use: Use) -> str:
    """Return the task that runs a command in a service as a use of Compose does, empty for another use."""
    words = usage.behind_options(use.arguments, VALUED)
    if use.subcommand not in {"exec", "run"} or len(words) < len(("SERVICE", "COMMAND")):
        return ""
    return f"inv {one.name}.{use.subcommand} --service={words[0]} -- {' '.join(words[1:])}"


def task_of(one: EnvironmentFacts, use: Use) -> str:
    """Return the task that does what a use of Compose does, empty where it has an option that no task has."""
    known = OPTIONS.get(use.subcommand, {})
    options = [known.get(word, service(word, use.subcommand)) for word in use.arguments]
    if use.subcommand not in TASKS or None in options:
        return ""
    return f"inv {one.name}.{TASKS[use.subcommand]}{''.join(filter(None, options))}"


def service(word: str, subcommand: str) -> str | None:
    """Return the option of a task for what may be a service's name, None for what is none."""
    is_name = subcommand in WITH_SERVICES and re.fullmatch(r"\w[\w.-]*", word)
    return f" --service={word}" if is_name else None


def files_of(one: EnvironmentFacts) -> tuple[str, ...]:
    """Return the options with which plain Compose takes an environment's files."""
    return ("-f", one.compose_file, "--env-file", one.env_file)


def making(
    blueprint: Blueprint, found: Tree, names: Iterable[str], accounts: Iterable[Account]
) -> Iterator[Reference]:
    """Yield each make target that files call, with what becomes of it."""
    makefile = blueprint.found.makefile
    if makefile is None:
        return
    fates = {one.target: one for one in accounts}
    for file, number, words in calls_of_make(found, set(names)):
        for word in words if "-C" not in words else ():
            target = makefile.target(word) if "=" not in word and not word.startswith("-") else None
            if target is not None:
                fate = fates.get(target.name)
                yield Reference(
                    file=file,
                    line=number,
                    text=f"make {word}",
                    becomes=stemmed(fate.command, target, word) if fate else "",
                    note=fate.reason if fate and not fate.command else "",
                )


def stemmed(command: str, target: Target, word: str) -> str:
    """Return a command with what the `%` of a target stands for in this word."""
    before, percent, after = target.name.partition("%")
    stem = word.removeprefix(before).removesuffix(after)
    return re.sub(rf"\b{STEM}\b", lambda _: stem, command) if percent else command


def calls_of_make(found: Tree, names: set[str]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Yield each call of make in code, and between backticks in any other text: its file, line and arguments."""
    for line, folder, command in usage.placed(lines.read(found, None)):
        if line.file in names and folder == "." and command.words[:1] in {("make",), ("gmake",)}:
            yield line.file, line.line, command.words[1:]
    for name in sorted(names):
        for number, text in enumerate(found.lines(name), 1):
            for match in MAKE.finditer(text):
                yield name, number, tuple(match["words"].split())
