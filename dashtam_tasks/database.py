"""The database of an environment: its schema through Alembic, its contents through pg_dump and pg_restore.

Dumps have PostgreSQL's custom format, which pg_restore can check, list and restore in one transaction.
https://www.postgresql.org/docs/current/app-pgdump.html
"""

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dashtam_tasks import files, processes
from dashtam_tasks.errors import DashtamError, ExitCode

if TYPE_CHECKING:
    from dashtam_tasks.environments import Environment

CHUNK_BYTES = 1 << 20

# What an earlier restore left when it was cut off goes first.
PREPARE = """\
DROP DATABASE IF EXISTS :"incoming" WITH (FORCE);
CREATE DATABASE :"incoming" TEMPLATE template0;
"""

DISCARD = 'DROP DATABASE IF EXISTS :"incoming" WITH (FORCE);'

# Both renames or none. Who connects again in between makes the first one fail, and nothing has changed.
EXCHANGE = """\
DROP DATABASE IF EXISTS :"outgoing" WITH (FORCE);
BEGIN;
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :'current' \\g /dev/null
ALTER DATABASE :"current" RENAME TO :"outgoing";
ALTER DATABASE :"incoming" RENAME TO :"current";
COMMIT;
DROP DATABASE :"outgoing" WITH (FORCE);
"""


@dataclass(frozen=True, kw_only=True)
class Dump:
    """A verified dump: its file, its size in bytes and how many objects it lists."""

    path: Path
    size: int
    objects: int


def alembic(environment: "Environment", arguments: Sequence[str], *, writes: bool = False) -> int:
    """Run Alembic in the app's running container and return its exit code.

    What `writes` a migration runs as the owner of their folder, so that it belongs to whoever owns the rest.
    """
    command = (*environment.settings.alembic, *arguments)
    return environment.execute(command, user=migrations_owner(environment) if writes else "")


def migrations_owner(environment: "Environment") -> str:
    """Return `uid:gid` of the mounted folder of migrations, empty when the app does not mount it."""
    settings = environment.settings
    wanted = Path(settings.migrations)
    for mount in environment.model.service(settings.services.app).volumes:
        if mount.type == "bind" and Path(mount.target).name == wanted.parts[0]:
            owner = Path(mount.source).stat()
            return f"{owner.st_uid}:{owner.st_gid}"
    return ""


def dump(environment: "Environment", path: Path, *, report: Callable[[int], None]) -> Dump:
    """Write a dump of the database to `path`, verify it, and return what it is.

    `report` gets the bytes written so far. The file appears only when it is whole and pg_restore can read it;
    it is private to its owner. Raises DashtamError: CANNOT_CREATE when `path` is there already or its folder is
    not, UNAVAILABLE when the database does not run, DATA when pg_dump fails or its output cannot be read back.
    """
    if path.exists():
        raise DashtamError(
            f"{path} exists already.", code=ExitCode.CANNOT_CREATE, hint="Choose another name with --file."
        )
    if not path.parent.is_dir():
        raise DashtamError(
            f"There is no folder {path.parent}.", code=ExitCode.CANNOT_CREATE, hint="Make it first."
        )
    tool = Tool(environment)
    with files.temporary_beside(path) as (descriptor, temporary), os.fdopen(descriptor, "wb") as target:
        connection = ("--username", tool.user, "--dbname", tool.database)
        tool.read(("pg_dump", "--format=custom", *connection), target, report)
        target.flush()
        os.fsync(target.fileno())
        with temporary.open("rb") as written:
            objects = tool.objects(written, path)
        os.link(temporary, path)
    return Dump(path=path, size=path.stat().st_size, objects=objects)


def restore(environment: "Environment", path: Path, *, report: Callable[[int], None]) -> Dump:
    """Replace the database by the one in the dump at `path`, all of it or nothing.

    The dump goes into a new database, which takes the old one's name when it is complete; until then nobody
    notices. `report` gets the bytes read so far. Raises DashtamError: DATA for a file that is no readable dump
    and for a restore that failed, with the database as it was; UNAVAILABLE when the database does not run.
    """
    tool = Tool(environment)
    with path.open("rb") as source:
        objects = tool.objects(source, path)
        source.seek(0)
        options = ("--single-transaction", "--exit-on-error", "--dbname", tool.incoming)
        try:
            tool.sql(PREPARE)
            tool.write(("pg_restore", "--username", tool.user, *options), source, report)
            tool.sql(EXCHANGE)
        except BaseException:
            tool.sql(DISCARD)
            raise
    return Dump(path=path, size=path.stat().st_size, objects=objects)


class Tool:
    """PostgreSQL's client programs in the database's container, fed and read as bytes."""

    def __init__(self, environment: "Environment") -> None:
        self.environment = environment
        self.service = environment.service_of("database")
        environment.require_running(self.service)
        variables = environment.model.service(self.service).environment
        self.user = variables.get("POSTGRES_USER") or "postgres"
        self.database = variables.get("POSTGRES_DB") or self.user
        self.incoming, self.outgoing = f"{self.database}_restoring", f"{self.database}_replaced"

    def sql(self, script: str) -> None:
        """Run a script in the maintenance database, stopping at its first error.

        It knows the databases by the variables `current`, `incoming` and `outgoing`. Raises DashtamError (DATA).
        """
        names = {"current": self.database, "incoming": self.incoming, "outgoing": self.outgoing}
        variables = [part for name, value in names.items() for part in ("--set", f"{name}={value}")]
        command = ("psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", *variables)
        connection = ("--username", self.user, "--dbname", "postgres")
        self.write((*command, *connection), io.BytesIO(script.encode()), lambda _: None)

    def read(self, command: Sequence[str], target: IO[bytes], report: Callable[[int], None]) -> None:
        """Copy what `command` writes into `target`; raise DashtamError (DATA) when it fails."""
        with self.running(command, stdin=processes.DEVNULL) as process:
            assert process.stdout is not None
            copy(process.stdout, target, report)

    def write(self, command: Sequence[str], source: IO[bytes], report: Callable[[int], None]) -> None:
        """Copy `source` into what `command` reads; raise DashtamError (DATA) when it fails."""
        with self.running(command, stdin=processes.PIPE) as process:
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
