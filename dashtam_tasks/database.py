"""The database of an environment: its schema through Alembic, its contents through pg_dump and pg_restore.

Dumps have PostgreSQL's custom format, which pg_restore can check, list and restore in one transaction.
https://www.postgresql.org/docs/current/app-pgdump.html
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dashtam_tasks import files, processes
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Dump:
    """A verified dump: its file, its size in bytes and how many objects it lists."""

    path: Path
    size: int
    objects: int


def alembic(environment: Environment, arguments: Sequence[str]) -> int:
    """Run Alembic in the app's running container and return its exit code.

    It runs as the owner of the folder of migrations, so that a new revision belongs to whoever owns the rest.
    """
    command = (*environment.settings.alembic, *arguments)
    return environment.execute(command, user=migrations_owner(environment))


def migrations_owner(environment: Environment) -> str:
    """Return `uid:gid` of the mounted folder of migrations, empty when the app does not mount it."""
    settings = environment.settings
    wanted = Path(settings.migrations)
    for mount in environment.compose.model().service(settings.services.app).volumes:
        if mount.type == "bind" and Path(mount.target).name == wanted.parts[0]:
            owner = Path(mount.source).stat()
            return f"{owner.st_uid}:{owner.st_gid}"
    return ""


def dump(environment: Environment, path: Path, *, report: Callable[[int], None]) -> Dump:
    """Write a dump of the database to `path`, verify it, and return what it is.

    `report` gets the bytes written so far. The file appears only when it is whole and pg_restore can read it;
    it is private to its owner. Raises DashtamError: CANNOT_CREATE when `path` is there already, UNAVAILABLE
    when the database does not run, DATA when pg_dump fails or its output cannot be read back.
    """
    if path.exists():
        raise DashtamError(
            f"{path} exists already.", code=ExitCode.CANNOT_CREATE, hint="Choose another name with --file."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    tool = Tool(environment)
    with files.temporary_beside(path) as (descriptor, temporary), os.fdopen(descriptor, "wb") as target:
        tool.read(("pg_dump", "--format=custom"), target, report)
        target.flush()
        os.fsync(target.fileno())
        with temporary.open("rb") as written:
            objects = tool.objects(written, path)
        os.link(temporary, path)
    return Dump(path=path, size=path.stat().st_size, objects=objects)


def restore(environment: Environment, path: Path, *, report: Callable[[int], None]) -> Dump:
    """Replace the database's contents by those of the dump at `path`, all of it or nothing.

    `report` gets the bytes read so far. Raises DashtamError: DATA for a file that is no readable dump, found
    before anything is changed, and for a restore that failed and was rolled back; UNAVAILABLE when the
    database does not run.
    """
    tool = Tool(environment)
    with path.open("rb") as source:
        objects = tool.objects(source, path)
        source.seek(0)
        options = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error")
        tool.write(("pg_restore", *options), source, report)
    return Dump(path=path, size=path.stat().st_size, objects=objects)


class Tool:
    """PostgreSQL's client programs in the database's container, fed and read as bytes."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.service = environment.settings.services.database
        environment.require_running(self.service)
        variables = environment.compose.model().service(self.service).environment
        user = variables.get("POSTGRES_USER") or "postgres"
        self.connection = ("--username", user, "--dbname", variables.get("POSTGRES_DB") or user)

    def read(self, command: Sequence[str], target: IO[bytes], report: Callable[[int], None]) -> None:
        """Copy what `command` writes into `target`; raise DashtamError (DATA) when it fails."""
        with self.running((*command, *self.connection), stdin=processes.DEVNULL) as process:
            assert process.stdout is not None
            copy(process.stdout, target, report)

    def write(self, command: Sequence[str], source: IO[bytes], report: Callable[[int], None]) -> None:
        """Copy `source` into what `command` reads; raise DashtamError (DATA) when it fails."""
        with self.running((*command, *self.connection), stdin=processes.PIPE) as process:
            assert process.stdin is not None
            # A program that fails closes its end; its own message says why.
            with contextlib.suppress(BrokenPipeError), process.stdin:
                copy(source, process.stdin, report)

    def objects(self, source: IO[bytes], path: Path) -> int:
        """Return how many objects the dump in `source` lists; raise DashtamError (DATA) for any other file."""
        with self.running(("pg_restore", "--list"), stdin=source, blame=path) as process:
            assert process.stdout is not None
            return sum(1 for line in process.stdout if line.strip() and not line.startswith(b";"))

    @contextlib.contextmanager
    def running(
        self, command: Sequence[str], *, stdin: IO[bytes] | int, blame: Path | None = None
    ) -> Iterator[processes.Process]:
        """Run `command` in the container; raise DashtamError (DATA) with its words when it fails."""
        arguments = self.environment.exec_arguments(command, service=self.service, tty=False)
        with (
            tempfile.TemporaryFile() as stderr,
            self.environment.compose.start(*arguments, stdin=stdin, stderr=stderr) as process,
        ):
            yield process
            if process.stdout:
                process.stdout.close()
            if process.wait():
                stderr.seek(0)
                raise DashtamError(
                    f"{blame} is not a dump that pg_restore can read."
                    if blame
                    else f"{command[0]} failed with exit code {process.returncode}.",
                    code=ExitCode.DATA,
                    details=stderr.read().decode(errors="replace"),
                )


def copy(source: IO[bytes], target: IO[bytes], report: Callable[[int], None]) -> None:
    """Copy all bytes of `source` to `target`, reporting how many there were so far."""
    done = 0
    while chunk := source.read(CHUNK_BYTES):
        target.write(chunk)
        done += len(chunk)
        report(done)
