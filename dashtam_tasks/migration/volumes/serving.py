"""Serving: a PostgreSQL server on a copy, in a workbench, that nobody reaches and that archives nothing."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.volumes import counting
from dashtam_tasks.migration.volumes.counting import connection
from dashtam_tasks.migration.volumes.workbench import SCRATCH, TARGET, Workbench

PATIENCE_SECONDS = 300
CONTROL = "global/pg_control"
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
VERSION = re.compile(rb"\(PostgreSQL\) (\d+)(\.\d+)?")
LAST_WITH_TWO = 9


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A folder of PostgreSQL's data in a workbench, its owner, and the major version that it is of."""

    folder: str
    uid: str
    gid: str
    version: str

    @property
    def user(self) -> str:
        """Its owner, as docker names one."""
        return f"{self.uid}:{self.gid}"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs on a cluster; `superuser` is the role that may read all of it."""

    bench: Workbench
    cluster: Cluster
    superuser: str

    @property
    def login(self) -> tuple[str, ...]:
        """The options that each of PostgreSQL's client programs connects with."""
        return ("--host", SCRATCH, "--port", "5432", "--username", self.superuser)

    def ask(self, script: str, database: str) -> bytes:
        """Return what psql prints for a script; raise DashtamError as Workbench.output does."""
        command = (*counting.PSQL, *self.login, "--dbname", connection(database))
        return self.bench.output(*command, feed=script.encode(), user=self.cluster.user)

    def dump(self, database: str, target: IO[bytes], report: Callable[[int], None]) -> None:
        """Write a dump of a database in PostgreSQL's custom format; raise DashtamError as Workbench.output does."""
        command = ("pg_dump", "--format=custom", *self.login, "--dbname", connection(database))
        self.bench.write(*command, user=self.cluster.user, target=target, report=report)

    def dump_globals(self, target: IO[bytes], report: Callable[[int], None]) -> None:
        """Write the roles and tablespaces as SQL; raise DashtamError as Workbench.output does."""
        command = ("pg_dumpall", "--globals-only", *self.login, "--database", counting.MAINTENANCE)
        self.bench.write(*command, user=self.cluster.user, target=target, report=report)


def major(bench: Workbench) -> str:
    """Return the major version of the image's server; raise DashtamError as Workbench.output does."""
    text = bench.output("postgres", "--version")
    found = VERSION.search(text)
    if not found:
        raise DashtamError(
            f"`postgres --version` says {text.decode(errors='replace').strip()!r}.", code=ExitCode.DATA
        )
    return (found[0] if int(found[1]) <= LAST_WITH_TWO else found[1]).split()[-1].decode()


def clusters(bench: Workbench, folder: str) -> tuple[Cluster, ...]:
    """Return the clusters in a volume; one may have those of several major versions."""
    found = bench.output("find", folder, "-path", f"*/{CONTROL}", "-print0").split(b"\0")[:-1]
    return tuple(cluster(bench, name.decode().removesuffix(f"/{CONTROL}")) for name in found)


def cluster(bench: Workbench, folder: str) -> Cluster:
    """Return the cluster in a folder."""
    version = bench.output("cat", f"{folder}/PG_VERSION").decode().strip()
    uid, gid = bench.output("stat", "-c", "%u %g", folder).decode().split()
    return Cluster(folder=folder, uid=uid, gid=gid, version=version)


def current(bench: Workbench, folder: str = TARGET) -> Cluster | None:
    """Return the cluster that the image's server can open, None where a volume has no cluster at all.

    Raises DashtamError (DATA) when there are only others.
    """
    found, wanted = clusters(bench, folder), major(bench)
    chosen = next((one for one in found if one.version == wanted), None)
    if found and chosen is None:
        versions = ", ".join(one.version for one in found)
        raise DashtamError(
            f"The data are PostgreSQL {versions}, and the image's server is {wanted}.",
            code=ExitCode.DATA,
            hint="A server opens the data of its own major version only; give the service that one's image.",
        )
    return chosen


def control_of(bench: Workbench, cluster: Cluster) -> str:
    """Return the SHA-256 of a cluster's control file."""
    return bench.output("sha256sum", f"{cluster.folder}/{CONTROL}").split()[0].decode()


@contextmanager
def served(bench: Workbench, cluster: Cluster) -> Iterator[Server]:
    """Yield a server that runs on a cluster; it is stopped in order afterwards.

    Raises DashtamError (DATA) with the server's last words when it does not start.
    """
    bench.output("sh", "-c", FILES)
    bench.output("sh", "-c", KNOWN_USER, "sh", cluster.uid, cluster.gid)
    options = [part for name, value in alone(bench, cluster).items() for part in ("-c", f"{name}={value}")]
    superuser = superuser_of(bench, cluster, options)
    patience = ("-w", "-t", str(PATIENCE_SECONDS), "-D", cluster.folder)
    try:
        bench.output(
            "pg_ctl", "start", "--silent", *patience, "-l", LOG, "-o", " ".join(options), user=cluster.user
        )
    except DashtamError as error:
        if error.code != ExitCode.IO:
            raise
        log = bench.output("cat", LOG).decode(errors="replace")
        raise unopened(log) from error
    yield Server(bench=bench, cluster=cluster, superuser=superuser)
    bench.output("pg_ctl", "stop", "--silent", "--mode", "fast", *patience, user=cluster.user)


def unopened(log: str) -> DashtamError:
    """Return the error that a server does not start on a copy."""
    return DashtamError(
        "PostgreSQL does not start on the copy of its data.",
        code=ExitCode.DATA,
        details="\n".join(log.splitlines()[-20:]),
        hint="The old volume is as it was. Does a server of this image start on it?",
    )


def alone(bench: Workbench, cluster: Cluster) -> dict[str, str]:
    """Return the parameters that keep a server to itself, and a file of them where the data have none."""
    there = bench.output("find", cluster.folder, "-maxdepth", "1", "-name", "postgresql.conf")
    return ALONE if there else ALONE | {"config_file": EMPTY}


def superuser_of(bench: Workbench, cluster: Cluster, options: list[str]) -> str:
    """Return the name of the role that the cluster was made with, which a single-user server needs no name for."""
    command = ("postgres", "--single", "-D", cluster.folder, *options, counting.MAINTENANCE)
    try:
        text = bench.output(*command, feed=SUPERUSER, user=cluster.user)
    except DashtamError as error:
        if error.code != ExitCode.IO:
            raise
        raise unopened(error.details) from error
    found = ROLE.search(text)
    if not found:
        raise unopened(text.decode(errors="replace"))
    return found[1].decode()
