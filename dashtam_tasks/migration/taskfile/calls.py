"""Calls: what commands of a project are for, as far as a task of ours does the same."""

from collections.abc import Iterator

from dashtam_tasks.migration.legacy import runners, usage
from dashtam_tasks.migration.legacy.recipes import VALUED
from dashtam_tasks.migration.planning.blueprint import Blueprint

SHELLS = frozenset("bash sh zsh ash fish".split())
# The words that make a linter of a command: none where the program does nothing else.
LINTERS = {
    "ruff": ("check",),
    "flake8": (),
    "pylint": (),
    "eslint": (),
    "golangci-lint": ("run",),
    "rubocop": (),
    "phpstan": ("analyse",),
    "phpcs": (),
    "shellcheck": (),
}
ALEMBIC = "alembic"


def program(words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the name of the program that a command runs behind its launchers, and its arguments."""
    rest = words[runners.behind_launchers(words) :]
    return (runners.name_of(rest[0]), rest[1:]) if rest else ("", ())


def is_linter(words: tuple[str, ...]) -> bool:
    """Return whether a command looks for mistakes and changes nothing."""
    name, rest = program(words)
    fixes = {"--fix", "-a", "-A", "--autocorrect"} & set(rest)
    return name in LINTERS and rest[: len(LINTERS[name])] == LINTERS[name] and not fixes


def is_shell(words: tuple[str, ...]) -> bool:
    """Return whether a command is a shell for a person."""
    return (
        len(words) > 0 and runners.name_of(words[0]) in SHELLS and set(words[1:]) <= {"-l", "-i", "--login"}
    )


def commands(blueprint: Blueprint) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each command that a project runs in a service of development or of tests, with that service."""
    known = {(), *(one.files for one in blueprint.sources.values())}
    for use in blueprint.found.uses:
        if use.subcommand in {"exec", "run"} and use.files in known:
            service, *words = usage.behind_options(use.arguments, VALUED) or ("",)
            yield service, tuple(words)


def in_app(blueprint: Blueprint) -> Iterator[tuple[str, ...]]:
    """Yield each command that runs in the app."""
    yield from (words for service, words in commands(blueprint) if service == blueprint.facts.app)


def linter(blueprint: Blueprint) -> tuple[str, ...]:
    """Return the first command in the app that looks for mistakes, nothing for none."""
    return next((words for words in in_app(blueprint) if is_linter(words) and fixed(words)), ())


def shell(blueprint: Blueprint) -> tuple[str, ...]:
    """Return the shell that people open in the app, nothing for none."""
    return next((words for words in in_app(blueprint) if is_shell(words)), ())


def alembic(blueprint: Blueprint) -> list[str] | None:
    """Return the command that runs Alembic in the app, without its arguments; None for none."""
    for words in in_app(blueprint):
        at = runners.behind_launchers(words)
        if words[at:] and runners.name_of(words[at]) == ALEMBIC:
            return list(words[: at + 1])
    return None


def fixed(words: tuple[str, ...]) -> bool:
    """Return whether a command has no variable in it."""
    return not any("$" in one for one in words)
