"""Dumps of the legacy project's PostgreSQL volumes.

`pg_dump` in its custom format has all of a database; `pg_dumpall` adds what belongs to none. Both are those of the
service's own image, so that their version fits the data.
https://www.postgresql.org/docs/current/app-pg-dumpall.html
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dashtam_tasks import files, processes
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.backup.keeping import add_dump
from dashtam_tasks.migration.backup.records import Backup
from dashtam_tasks.migration.backup.servers import Cluster, Server, clusters, serving
from dashtam_tasks.notifying import Notify

__all__ = ["Cluster", "clusters", "dump"]

DATABASES = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
# Those of the system's own roles that PostgreSQL makes itself begin with pg_.
ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'"


def dump(backup: Backup, wanted: Iterable[Cluster], *, notify: Notify) -> Backup:
    """Add a verified dump of each database of clusters to a backup, and return the backup with them.

    Raises DashtamError: DATA when a database cannot be dumped or its dump not be read back, UNAVAILABLE when no
    server starts on the copy of a volume, CANNOT_CREATE when there is no room.
    """
    for cluster in wanted:
        with serving(cluster, notify=notify) as server:
            if server:
                backup = dump_server(backup, cluster, server, notify=notify)
            else:
                notify(f"{cluster.volume} is empty, and there is nothing to dump.")
    return backup


def dump_server(backup: Backup, cluster: Cluster, server: Server, *, notify: Notify) -> Backup:
    """Add dumps of all that a server has to a backup, and return the backup with them."""
    about = {
        "volume": cluster.volume,
        "service": cluster.service,
        "server_version": query(server, "SHOW server_version")[0],
    }
    notify(f"Dumping the roles of {cluster.volume}.")
    with written(backup, server, ("pg_dumpall", "--globals-only", *server.connection)) as path:
        backup = add_dump(backup, path, objects=len(query(server, ROLES)), **about)
    for name in query(server, DATABASES):
        notify(f"Dumping the database {name} of {cluster.volume}.")
        options = ("--format=custom", *server.connection, "--dbname", connection_string(name))
        with written(backup, server, ("pg_dump", *options)) as path:
            objects = listed(server, path, name)
            backup = add_dump(backup, path, database=name, objects=objects, **about)
    return backup


@contextmanager
def written(backup: Backup, server: Server, command: Sequence[str]) -> Iterator[Path]:
    """Yield a file beside a backup with what a program in the server's container says, if it says all of it."""
    with files.explaining(backup.folder), files.temporary_beside(backup.folder) as (descriptor, path):
        with (
            os.fdopen(descriptor, "wb") as target,
            running(server, command, stdin=processes.DEVNULL, stdout=target),
        ):
            pass
        yield path


def connection_string(database: str) -> str:
    """Return what libpq takes for this database, whatever its name is like."""
    escaped = database.replace("\\", r"\\").replace("'", r"\'")
    return f"dbname='{escaped}'"


def query(server: Server, statement: str) -> list[str]:
    """Return the rows of a query's one column; raise DashtamError (DATA) when the server does not answer it."""
    form = ("--no-psqlrc", "--tuples-only", "--no-align", "--record-separator-zero")
    command = ("psql", *form, *server.connection, "--dbname", "postgres", "--command", statement)
    done = processes.run(["docker", "exec", "--env", "PGCLIENTENCODING=UTF8", server.container, *command])
    if done.returncode:
        raise failed(server, command, done.returncode, done.stderr)
    return [row for row in done.stdout.split("\0") if row.strip()]


def listed(server: Server, path: Path, database: str) -> int:
    """Return how many objects a dump lists; raise DashtamError (DATA) when pg_restore cannot read it."""
    command = ("pg_restore", "--list")
    with (
        path.open("rb") as source,
        running(server, command, stdin=source, stdout=processes.PIPE, of=database) as process,
    ):
        assert process.stdout is not None
        return sum(1 for line in process.stdout if line.strip() and not line.startswith(b";"))


@contextmanager
def running(
    server: Server,
    command: Sequence[str],
    *,
    stdin: IO[bytes] | int,
    stdout: IO[bytes] | int,
    of: str = "",
) -> Iterator[processes.Process]:
    """Run a program in the server's container to its end; raise DashtamError (DATA) with its words if it fails."""
    argv = ["docker", "exec", "--interactive", server.container, *command]
    with (
        tempfile.TemporaryFile() as stderr,
        processes.start(argv, stdin=stdin, stdout=stdout, stderr=stderr) as process,
        processes.ending(process),
    ):
        yield process
        if process.wait():
            stderr.seek(0)
            raise failed(server, command, process.returncode, stderr.read().decode(errors="replace"), of=of)


def failed(server: Server, command: Sequence[str], code: int, words: str, *, of: str = "") -> DashtamError:
    """Return the error that a program in the server's container ended with."""
    what = f"{command[0]}, reading the dump of {of} back," if of else command[0]
    return DashtamError(
        f"{what} failed with exit code {code} in {server.container}.", code=ExitCode.DATA, details=words
    )
