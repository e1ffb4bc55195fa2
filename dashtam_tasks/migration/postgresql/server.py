"""The server: how one in a container is asked, by its own container's programs, whose version fits it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from dashtam_tasks.migration.containers.executor import Executor

# There in every cluster, whatever else is (PostgreSQL, 22.3 Template Databases).
MAINTENANCE = "template1"
PSQL = ("psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1")
# The variables of the official image, and of Bitnami's. Nothing of them leaves the container. A server's port is
# the fourth line of its postmaster.pid (PostgreSQL, miscadmin.h).
AS_CONFIGURED = (
    'pid="${PGDATA:-/var/lib/postgresql/data}/postmaster.pid"; '
    'if [ -r "$pid" ]; then PGPORT="$(sed -n 4p "$pid")"; export PGPORT; fi; '
    'export PGPASSWORD="${POSTGRES_PASSWORD:-${POSTGRESQL_PASSWORD:-}}"; '
    'export PGUSER="${POSTGRES_USER:-${POSTGRESQL_USERNAME:-postgres}}"; exec "$@"'
)
DATABASES = "SELECT to_json(datname::text) FROM pg_database WHERE datallowconn ORDER BY datname;"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server in a container; `login` are the options that its clients connect with.

    `user` is whom they run as, empty for the container's own user.
    """

    container: Executor
    login: tuple[str, ...]
    user: str = ""

    def ask(self, script: str, database: str = MAINTENANCE) -> bytes:
        """Return what psql prints for a script; raise DashtamError as Executor.output does."""
        target = f"{connection(database)} client_encoding=UTF8"
        command = (*PSQL, *self.login, "--dbname", target)
        return self.container.output(*command, feed=script.encode(), user=self.user)

    def answers(self, script: str, database: str = MAINTENANCE) -> Iterator[Any]:
        """Yield the JSON of each line that psql prints for a script; raise DashtamError as `ask` does."""
        return (msgspec.json.decode(line) for line in self.ask(script, database).splitlines() if line)

    def version(self) -> str:
        """Return the version that it says it has; raise DashtamError as `ask` does."""
        return self.ask("SHOW server_version;").decode().strip()

    def databases(self) -> tuple[str, ...]:
        """Return the databases that can be connected to, templates included; raise DashtamError as `ask` does."""
        return tuple(self.answers(DATABASES))


def running(container: str) -> Server:
    """Return the server of a running container, asked with the user and the password that are set in there."""
    executor = Executor(name=container, prefix=("sh", "-c", AS_CONFIGURED, "sh"))
    return Server(container=executor, login=("--no-password",))


def connection(database: str) -> str:
    """Return the connection string of a database, whose name may look like one itself (libpq, 32.1.1)."""
    quoted = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{quoted}'"
