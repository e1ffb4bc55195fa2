"""Counting: every row of every table of a PostgreSQL server, and the collations that its indexes rely on.

It is asked through psql, on the socket, with the user and the password that the container itself has.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from dashtam_tasks import engine, processes
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.volumes.records import Rows

# There in every cluster, whatever else is (PostgreSQL, 22.3 Template Databases).
MAINTENANCE = "template1"
PSQL = ("psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1")
# The variables of the official image, and of Bitnami's. Nothing of them leaves the container.
AS_CONFIGURED = (
    'export PGPASSWORD="${POSTGRES_PASSWORD:-${POSTGRESQL_PASSWORD:-}}"; '
    'exec "$@" --username "${POSTGRES_USER:-${POSTGRESQL_USERNAME:-postgres}}"'
)

DATABASES = "SELECT to_json(datname::text) FROM pg_database WHERE datallowconn ORDER BY datname;"
# A table and its descendants count their own rows each. Temporary tables end with their session.
COUNT = r"""
SELECT format('SELECT json_build_array(%L::text, %L::text, count(*)) FROM %s %I.%I',
              nspname, relname, CASE relkind WHEN 'r' THEN 'ONLY' ELSE '' END, nspname, relname)
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'm') AND relispopulated AND relpersistence <> 't'
  AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY nspname, relname
\gexec
"""
# Versions of the database's own collation are known from 15 on (PostgreSQL, pg_database.datcollversion).
COLLATIONS = r"""
SELECT current_setting('server_version_num')::int >= 150000 AS is_known
\gset
\if :is_known
SELECT json_build_array(datname, datcollversion, pg_database_collation_actual_version(oid))
FROM pg_database
WHERE datcollversion IS DISTINCT FROM pg_database_collation_actual_version(oid)
ORDER BY datname;
\endif
"""

# Runs a script of SQL in a database and returns what it prints.
Ask = Callable[[str, str], bytes]


def connection(database: str) -> str:
    """Return the connection string of a database, whose name may look like one itself (libpq, 32.1.1)."""
    quoted = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{quoted}'"


def answers(text: bytes) -> Iterator[Any]:
    """Yield the JSON of each line."""
    return (msgspec.json.decode(line) for line in text.splitlines() if line)


def databases(ask: Ask) -> tuple[str, ...]:
    """Return the names of the databases that can be connected to, templates included."""
    return tuple(answers(ask(DATABASES, MAINTENANCE)))


def rows(ask: Ask) -> tuple[Rows, ...]:
    """Return how many rows each table of each database has."""
    return tuple(
        Rows(database=database, schema=schema, table=table, rows=count)
        for database in databases(ask)
        for schema, table, count in answers(ask(COUNT, database))
    )


def collations(ask: Ask) -> tuple[str, ...]:
    """Return in words which databases were made with other versions of their collations than the server has."""
    return tuple(
        f"The database {name} was made with version {made} of its collation, and the server has {present}."
        for name, made, present in answers(ask(COLLATIONS, MAINTENANCE))
    )


def asking(container: str) -> Ask:
    """Return what asks the server in a running container.

    It raises DashtamError (UNAVAILABLE) when psql does not get an answer.
    """

    def ask(script: str, database: str) -> bytes:
        command = ("sh", "-c", AS_CONFIGURED, "sh", *PSQL, "--dbname", connection(database))
        argv = ["docker", "exec", "--interactive", container, *command]
        with processes.ending(processes.start(argv, stdin=processes.PIPE)) as process:
            stdout, stderr = process.communicate(script.encode())
        if process.returncode:
            engine.version()
            raise DashtamError(
                f"The rows in {container} could not be counted.",
                code=ExitCode.UNAVAILABLE,
                details=stderr.decode(errors="replace"),
                hint=f"Stop it by hand (docker stop {container}), and run the same command again: "
                "then the copy is proven by its bytes alone.",
            )
        return stdout

    return ask


def changed(before: Sequence[Rows], after: Sequence[Rows]) -> tuple[str, ...]:
    """Return in words which tables have another number of rows than before."""
    old, new = ({one.name: one for one in rows} for rows in (before, after))
    words = {
        name: (old[name].rows if name in old else "none", new[name].rows if name in new else "none")
        for name in old | new
    }
    return tuple(
        f"{old.get(name) or new[name]}: {was} became {now}"
        for name, (was, now) in sorted(words.items())
        if was != now
    )
