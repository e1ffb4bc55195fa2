"""Serving: a PostgreSQL server on a copy, in a workbench, that nobody reaches and that archives nothing."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.containers.workbench import SCRATCH, Workbench
from dashtam_tasks.migration.postgresql.data_directory import DataDirectory
from dashtam_tasks.migration.postgresql.server import MAINTENANCE, Server

# Recovery after a crash may read all that was written since the last checkpoint.
PATIENCE_SECONDS = 600
LOG, ACCESS, EMPTY = f"{SCRATCH}/log", f"{SCRATCH}/pg_hba.conf", f"{SCRATCH}/empty.conf"
ALONE = {
    "archive_mode": "off",
    "autovacuum": "off",
    "hba_file": ACCESS,
    "listen_addresses": "",
    "log_destination": "stderr",
    "logging_collector": "off",
    "ssl": "off",
    "unix_socket_directories": SCRATCH,
}
# A server asks the system for its user's name; the data may belong to another image's user.
KNOWN_USER = 'grep -q "^[^:]*:[^:]*:$1:" /etc/passwd || echo "data:x:$1:$2::/:" >> /etc/passwd'
FILES = f'echo "local all all trust" > {ACCESS}; : > {EMPTY}'
SUPERUSER = b"SELECT rolname FROM pg_authid WHERE oid = 10\n"
# What a single-user server prints for the column of a row.
ROLE = re.compile(rb'rolname = "(.*)"\t\(typeid = ', re.DOTALL)


@contextmanager
def served(bench: Workbench, data: DataDirectory) -> Iterator[Server]:
    """Yield a server that runs on a data directory; it is stopped in order afterwards.

    Raises DashtamError (DATA) with the server's last words when it does not start.
    """
    bench.output("sh", "-c", FILES)
    bench.output("sh", "-c", KNOWN_USER, "sh", data.uid, data.gid)
    options = [part for name, value in alone(bench, data).items() for part in ("-c", f"{name}={value}")]
    superuser = superuser_of(bench, data, options)
    patience = ("-w", "-t", str(PATIENCE_SECONDS), "-D", data.path)
    try:
        bench.output(
            "pg_ctl", "start", "--silent", *patience, "-l", LOG, "-o", " ".join(options), user=data.user
        )
    except DashtamError as error:
        if error.code != ExitCode.IO:
            raise
        log = bench.output("cat", LOG).decode(errors="replace")
        raise unopened(log) from error
    login = ("--host", SCRATCH, "--port", "5432", "--username", superuser)
    try:
        yield Server(container=bench, login=login, user=data.user)
    finally:
        bench.output("pg_ctl", "stop", "--silent", "--mode", "fast", *patience, user=data.user)


def unopened(log: str) -> DashtamError:
    """Return the error that a server does not start on a copy."""
    return DashtamError(
        "PostgreSQL does not start on the copy of its data.",
        code=ExitCode.DATA,
        details="\n".join(log.splitlines()[-20:]),
        hint="The old volume is as it was. Does a server of this image start on it?",
    )


def alone(bench: Workbench, data: DataDirectory) -> dict[str, str]:
    """Return the parameters that keep a server to itself, and a file of them where the data have none."""
    there = bench.output("find", data.path, "-maxdepth", "1", "-name", "postgresql.conf")
    return ALONE if there else ALONE | {"config_file": EMPTY}


def superuser_of(bench: Workbench, data: DataDirectory, options: list[str]) -> str:
    """Return the name of the role that the cluster was made with, which a single-user server needs no name for."""
    command = ("postgres", "--single", "-D", data.path, *options, MAINTENANCE)
    try:
        text = bench.output(*command, feed=SUPERUSER, user=data.user)
    except DashtamError as error:
        if error.code != ExitCode.IO:
            raise
        raise unopened(error.details) from error
    found = ROLE.search(text)
    if not found:
        raise unopened(text.decode(errors="replace"))
    return found[1].decode()
