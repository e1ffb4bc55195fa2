"""Dumping: all that a server has, in files that are read back.

`pg_dump` in its custom format has all of a database; `pg_dumpall` adds what belongs to none.
https://www.postgresql.org/docs/current/app-pg-dumpall.html
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.containers.executor import Executor
from dashtam_tasks.migration.postgresql.server import MAINTENANCE, Server, connection

TEMPLATES = frozenset({"template0", "template1"})
END_OF_SCRIPT = b"-- PostgreSQL database cluster dump complete"


def databases(server: Server) -> tuple[str, ...]:
    """Return the databases that are somebody's; raise DashtamError as Server.ask does."""
    return tuple(one for one in server.databases() if one not in TEMPLATES)


def dump(server: Server, database: str, target: IO[bytes], report: Callable[[int], None]) -> None:
    """Write a dump of a database in PostgreSQL's custom format; raise DashtamError as Executor.output does."""
    command = ("pg_dump", "--format=custom", *server.login, "--dbname", connection(database))
    server.container.write(*command, user=server.user, target=target, report=report)


def dump_globals(server: Server, target: IO[bytes], report: Callable[[int], None]) -> None:
    """Write the roles and tablespaces as SQL; raise DashtamError as Executor.output does."""
    command = ("pg_dumpall", "--globals-only", *server.login, "--database", MAINTENANCE)
    server.container.write(*command, user=server.user, target=target, report=report)


def contents(container: Executor, file: IO[bytes]) -> bytes:
    """Return what pg_restore lists of a dump; raise DashtamError as Executor.output does."""
    return container.output("pg_restore", "--list", feed=file)


def objects(server: Server, path: Path) -> int:
    """Return how many objects a dump has; raise DashtamError (IO) when pg_restore cannot read all of it."""
    with path.open("rb") as file:
        lines = contents(server.container, file).splitlines()
        file.seek(0)
        server.container.output("pg_restore", "--file=/dev/null", feed=file)
    return sum(1 for line in lines if line.strip() and not line.startswith(b";"))


def statements(path: Path) -> int:
    """Return how many statements a script of roles has; raise DashtamError (DATA) when its end is missing."""
    text = path.read_bytes()
    if END_OF_SCRIPT not in text:
        raise DashtamError("The dump of the roles has no end.", code=ExitCode.DATA)
    return sum(1 for line in text.splitlines() if line.endswith(b";"))


@contextmanager
def failing_on_data() -> Iterator[None]:
    """Let a program that fails on what a server has be an error about the data (DATA), in its own words."""
    try:
        yield
    except DashtamError as error:
        if error.code != ExitCode.IO:
            raise
        raise DashtamError(error.reason, code=ExitCode.DATA, details=error.details) from error
