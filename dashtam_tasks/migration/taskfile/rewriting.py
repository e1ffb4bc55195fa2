"""Rewriting: calls of Compose and names of files in a shell's text, as they are after the migration."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from dashtam_tasks.migration.legacy import usage
from dashtam_tasks.migration.legacy.makefile import Target
from dashtam_tasks.migration.legacy.recipes import DOCKER_EXEC_VALUED, VALUED
from dashtam_tasks.migration.legacy.usage import Use
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile.invocation import UnfitError
from dashtam_tasks.migration.taskfile.replacing import Replacer

# A word of a shell's text with its quotes (POSIX, Shell Command Language, 2.3 Token Recognition).
WORD = re.compile(r"(?:[^\s'\"\\;|&()<>]|\\.|'[^']*'|\"(?:\\.|[^\"\\])*\")+", re.DOTALL)
INSIDE = frozenset({"exec", "run"})
ALLOWED = {
    "exec": frozenset({"-T", "-it", "-i", "-t", "-ti", "--interactive", "--tty"}),
    "run": frozenset({"--rm", "-T", "-it", "-i", "-t", "-ti"}),
}


@dataclass(frozen=True)
class Word:
    """A word of a text, without its quotes, and where it stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Rewriter:
    """Rewrites the texts of one project."""

    blueprint: Blueprint
    replacer: Replacer
    moved: Mapping[str, str]

    def rewritten(self, text: str, target: Target, number: int) -> str:
        """Return a line's text with its calls of Compose as they are from now on.

        Raises UnfitError for a call that is for no environment, and for legacy names that stay behind.
        """
        uses = [
            one
            for one in self.blueprint.found.uses
            if (one.owner, one.line) == (target.name, number) and one.subcommand
        ]
        words = [Word(unquoted(found[0]), found.start(), found.end()) for found in WORD.finditer(text)]
        changes = list(self.changes(words, uses))
        if uses and re.search(r"(?:^|[;&|(]\s*)cd\s", text):
            raise UnfitError("it calls Compose from another folder")
        for start, end, new in reversed(changes):
            text = text[:start] + new + text[end:]
        self.refuse_old_names(text)
        return self.with_new_names(text)

    def changes(self, words: list[Word], uses: list[Use]) -> Iterator[tuple[int, int, str]]:
        """Yield where a text changes, and into what."""
        pending, position = list(uses), 0
        while position < len(words):
            if begins_compose(words, position):
                if not pending:
                    raise UnfitError("it calls Compose in a way that is not understood")
                end, new = self.compose(words, position, pending.pop(0))
                yield words[position].start, words[end - 1].end, new
                position = end
            elif [one.text for one in words[position : position + 2]] == ["docker", "exec"]:
                end, new = self.docker_exec(words, position)
                yield words[position].start, words[end - 1].end, new
                position = end
            else:
                position += 1
        if pending:
            raise UnfitError("it calls Compose in a way that is not understood")

    def compose(self, words: list[Word], position: int, use: Use) -> tuple[int, str]:
        """Return where a call of Compose ends, as far as it is rewritten, and what takes its place."""
        environment = self.replacer.environment(use)
        at = position + (1 if words[position].text != "docker" else 2)
        end = behind(words, at, usage.VALUED | set(usage.LONG_NAMES))
        subcommand = words[end].text if end < len(words) else ""
        if subcommand != use.subcommand:
            raise UnfitError("it calls Compose in a way that is not understood")
        if subcommand in INSIDE:
            service = behind(words, end + 1, VALUED)
            options = {one.text for one in words[end + 1 : service]}
            if options <= ALLOWED[subcommand] and service + 1 < len(words):
                return service + 1, self.task(environment, subcommand, words[service].text)
        source = self.blueprint.sources[environment]
        return (
            end + 1,
            f"docker compose --file {source.compose_file} --env-file {source.new_env_file} {subcommand}",
        )

    def docker_exec(self, words: list[Word], position: int) -> tuple[int, str]:
        """Return where `docker exec` and its container end, and the task that takes its place."""
        at = behind(words, position + 2, DOCKER_EXEC_VALUED)
        options = {one.text for one in words[position + 2 : at]}
        service = self.replacer.containers().get(words[at].text) if at < len(words) else None
        if service is None or not options <= ALLOWED["exec"]:
            raise UnfitError("it runs a command in a container by its name")
        return at + 1, self.task("dev", "exec", service)

    def task(self, environment: str, name: str, service: str) -> str:
        """Return the task that runs a command in a service, up to the command itself."""
        if service not in self.blueprint.models[environment].services:
            raise UnfitError(f"{environment} has no service {service}")
        where = "" if service == self.blueprint.facts.app else f"--service {shlex.quote(service)} "
        return f"inv {environment}.{name} {where}--"

    def refuse_old_names(self, text: str) -> None:
        """Raise UnfitError for a text that still names a Compose file, a container or a network by its old name."""
        files = {one.file for one in self.blueprint.found.compose_files}
        gone = {*files, *self.replacer.containers(), *self.replacer.legacy_networks()}
        for name in sorted(gone):
            if re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w-])", text):
                raise UnfitError(f"it names {name}, which has another name now")

    def with_new_names(self, text: str) -> str:
        """Return a text with the new names of env files."""
        for old in sorted(self.moved, key=len, reverse=True):
            text = re.sub(rf"(?<![\w./-])(?:\./)?{re.escape(old)}(?![\w./-])", self.moved[old], text)
        return text


def begins_compose(words: list[Word], position: int) -> bool:
    """Return whether a call of Compose begins with this word."""
    name = PurePosixPath(words[position].text).name
    following = words[position + 1].text if position + 1 < len(words) else ""
    return name == "docker-compose" or (name == "docker" and following == "compose")


def behind(words: list[Word], position: int, valued: frozenset[str]) -> int:
    """Return where the first word stands that is no option, nor the value of one."""
    while position < len(words) and words[position].text.startswith("-"):
        position += 2 if words[position].text in valued else 1
    return position


def unquoted(word: str) -> str:
    """Return a word without its quotes."""
    try:
        return "".join(shlex.split(word))
    except ValueError:
        return word
