"""Commands: the task for what a recipe runs in a service's container."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile import calls
from dashtam_tasks.migration.taskfile.invocation import Invocation, UnfitError
from dashtam_tasks.migration.taskfile.preferences import Preferences

HEALTH = (("pg_isready",), ("redis-cli", "ping"), ("valkey-cli", "ping"), ("mysqladmin", "ping"))
ALEMBIC = frozenset({"upgrade", "downgrade", "revision", "history", "current"})


@dataclass(frozen=True, kw_only=True)
class Commands:
    """Finds tasks for commands in the containers of a project."""

    blueprint: Blueprint
    preferences: Preferences

    def inside(
        self, environment: str, service: str, words: tuple[str, ...], *, runs: bool
    ) -> Iterator[Invocation]:
        """Yield the task for a command in a service of an environment."""
        settings = self.preferences.settings
        where = () if service == self.blueprint.facts.app else ("--service", service)
        name, rest = calls.program(words)
        if not words:
            raise UnfitError(f"it runs what {service} runs by itself")
        if environment == "test" and words in self.preferences.suites.prepared:
            yield Invocation(task="test.up", prepares=True)
        elif any(words[: len(one)] == one for one in HEALTH):
            # Whoever starts it waits for its health check, which asks the same.
            yield Invocation(task=f"{environment}.up", services=(service,), checks=True)
        elif words == settings.shell and not runs:
            yield Invocation(task=f"{environment}.shell", options=where)
        elif (
            name == "psql"
            and service == settings.services.database
            and self.is_own_database(environment, rest)
        ):
            yield Invocation(task=f"{environment}.db-shell", arguments=extra(rest))
        elif name == "redis-cli" and service == settings.services.cache:
            yield Invocation(task=f"{environment}.redis-cli", arguments=rest)
        elif name == calls.ALEMBIC and service == self.blueprint.facts.app and rest[:1]:
            yield alembic(environment, rest)
        elif (
            words == settings.lint and "ci" in self.blueprint.sources and service == self.blueprint.facts.app
        ):
            yield Invocation(task="ci.lint", notes=("it runs in a container of CI's image",))
        elif calls.is_shell(words):
            task = "run" if runs else "exec"
            yield Invocation(task=f"{environment}.{task}", options=where, arguments=words)
        else:
            raise UnfitError(f"it runs `{' '.join(words)}` in {service}")

    def is_own_database(self, environment: str, arguments: tuple[str, ...]) -> bool:
        """Return whether psql's options name the database and the user that the service was made with."""
        own = (
            self.blueprint.models[environment]
            .service(self.preferences.settings.services.database)
            .environment
        )
        user = own.get("POSTGRES_USER") or "postgres"
        if extra(arguments)[:1] and not extra(arguments)[0].startswith("-"):
            return False
        expected = {"-U": user, "-d": own.get("POSTGRES_DB") or user}
        given = dict(pairwise(arguments))
        named = {name: value for name, value in given.items() if name in expected}
        return all(
            value == expected[name] or re.search(r"\$\{?POSTGRES_", value) for name, value in named.items()
        )


def extra(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Return psql's arguments without user and database, which the task gives itself."""
    rest, skipped = list[str](), False
    for one in arguments:
        if skipped or one in {"-U", "-d"}:
            skipped = not skipped
        else:
            rest.append(one)
    return tuple(rest)


def alembic(environment: str, words: tuple[str, ...]) -> Invocation:
    """Return the task for a command of Alembic. Raises UnfitError for one that has none."""
    command, *rest = words
    where = () if environment == "dev" else ("--env", environment)
    if command not in ALEMBIC:
        raise UnfitError(f"no task does what `alembic {command}` does")
    if command in {"upgrade", "downgrade"}:
        if len(rest) != 1:
            raise UnfitError(f"it calls `alembic {command}` with options")
        revision = (
            ()
            if (command, rest[0]) in {("upgrade", "head"), ("downgrade", "-1")}
            else (f"--revision={rest[0]}",)
        )
        notes = ("it asks before; --yes answers",) if command == "downgrade" else ()
        return Invocation(task=f"db.{command}", options=(*where, *revision), notes=notes)
    if command != "revision":
        return Invocation(task=f"db.{command}", options=where, arguments=tuple(rest))
    return Invocation(task="db.revision", options=(*where, *revision_options(rest)))


def revision_options(words: list[str]) -> tuple[str, ...]:
    """Return the options of `db.revision` for those of `alembic revision`."""
    automatic = "--autogenerate" in words
    rest = [one for one in words if one != "--autogenerate"]
    if len(rest) == 1 and re.match(r"(?:-m|--message)=?", rest[0]):
        rest = [*re.split(r"(?<=-m)=?|(?<=--message)=", rest[0], maxsplit=1)]
    if len(rest) != len(("-m", "text")) or rest[0] not in {"-m", "--message"}:
        raise UnfitError("it calls `alembic revision` with other options")
    return (*(() if automatic else ("--no-autogenerate",)), "--message", rest[1])
