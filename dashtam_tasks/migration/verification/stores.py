"""Data stores, asked from inside of their own containers: rows, markers, and whom they reach."""

import re
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from dashtam_tasks import processes
from dashtam_tasks.engine import Container
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.verification.evidence import Done, ran
from dashtam_tasks.migration.verification.running import Stand, is_postgres, is_redis

PASSWORD_OPTION = re.compile(r"--requirepass[= ]+(\S+)")
MARKER = "dashtam_verify_"
MARKER_SECONDS = "600"

# Each table's name and the number of its rows; what verification itself makes is left out.
COUNTS = """
SELECT format('SELECT %L || '' '' || count(*) FROM %I.%I', schemaname || '.' || tablename, schemaname, tablename)
FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema$)' AND NOT starts_with(schemaname, :'prefix')
ORDER BY schemaname, tablename \\gexec
"""
# What a verification that was killed has left goes first.
PUT = """
SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace WHERE starts_with(nspname, :'prefix') \\gexec
CREATE SCHEMA :"marker";
CREATE TABLE :"marker".marker (environment text);
"""
SEES = "SELECT count(*) FROM pg_namespace WHERE nspname = :'marker';"
TAKE_AWAY = 'DROP SCHEMA IF EXISTS :"marker" CASCADE;'


def in_container(stand: Stand, service: str, *command: str) -> Done:
    """Run a command in a service's container."""
    name = stand.container(service).name.lstrip("/")
    return ran(stand.subject, ["docker", "exec", name, *command])


def psql(stand: Stand, service: str, statements: str, *, marker: str = "") -> Done:
    """Run SQL as the database's user in its own container; the first error ends it."""
    variables = stand.model.service(service).environment
    user = variables.get("POSTGRES_USER") or "postgres"
    database = variables.get("POSTGRES_DB") or user
    connection = ("--username", user, "--dbname", database)
    settings = [part for name, value in variables_of(marker) for part in ("--set", f"{name}={value}")]
    options = ("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", *connection, *settings)
    name = stand.container(service).name.lstrip("/")
    told = " ".join(statements.replace(":'marker'", f"'{marker}'").replace(':"marker"', marker).split())
    return ran(
        stand.subject,
        ["docker", "exec", "--interactive", name, "psql", *options],
        stdin=statements,
        shown=shlex.join(["docker", "exec", name, "psql", *connection, "-Atc", told]),
    )


def variables_of(marker: str) -> tuple[tuple[str, str], ...]:
    """Return psql's variables: what ends it, and what our statements name."""
    return ("ON_ERROR_STOP", "1"), ("prefix", MARKER), ("marker", marker)


def rows(stand: Stand) -> dict[str, int] | None:
    """Return how many rows each table of the database has, None where it is no PostgreSQL.

    Raises DashtamError (UNAVAILABLE) when it cannot tell.
    """
    service = stand.service_of("database")
    if not service or not is_postgres(stand.model.service(service)):
        return None
    done = psql(stand, service, COUNTS)
    require(done, f"The rows of {stand.name}'s database cannot be counted.")
    pairs = (line.rpartition(" ") for line in done.output.splitlines() if line)
    return {table: int(count) for table, _, count in pairs}


def require(done: Done, problem: str, *, hint: str = "") -> None:
    """Raise DashtamError (UNAVAILABLE) for a command that failed: what that means, and what it said."""
    if done.code:
        raise DashtamError(problem, code=ExitCode.UNAVAILABLE, details=done.evidence.output, hint=hint)


def redis(stand: Stand, service: str, *command: str) -> Done:
    """Run a command of Redis in its own container; a password goes by way of the environment."""
    one = stand.model.service(service)
    found = PASSWORD_OPTION.search(" ".join(one.command or ()))
    password = found[1] if found else one.environment.get("REDIS_PASSWORD") or ""
    options = ("--env", "REDISCLI_AUTH") if password else ()
    name = stand.container(service).name.lstrip("/")
    argv = ["docker", "exec", *options, name, "redis-cli", "--no-auth-warning", *command]
    return ran(stand.subject, argv, environment={"REDISCLI_AUTH": password} if password else None)


def reaches(stand: Stand, service: str, host: str, *, seconds: int) -> Done | None:
    """Ask from inside of a service's container whether it reaches a host; None where it has no client for that."""
    one = stand.model.service(service)
    if is_postgres(one):
        return in_container(stand, service, "pg_isready", "--host", host, "--timeout", str(seconds))
    if is_redis(one):
        return in_container(stand, service, "timeout", str(seconds), "redis-cli", "-h", host, "ping")
    return None


def addresses(container: Container) -> tuple[str, ...]:
    """Return the names and addresses by which a container's neighbours reach it."""
    networks = container.network_settings.networks.values()
    found = (str(one.get("IPAddress") or "") for one in networks)
    return (container.name.lstrip("/"), *(address for address in found if address))


@contextmanager
def marked(stand: Stand, service: str) -> Iterator[str]:
    """Put a marker into a data store, yield its name, and take it away again whatever happens.

    One that a killed verification left in PostgreSQL goes, too; in Redis it ends by itself. Raises DashtamError
    (UNAVAILABLE) when it cannot be put there or taken away.
    """
    name = f"{MARKER}{secrets.token_hex(6)}"
    try:
        done = put(stand, service, name)
        require(done, f"No marker could be put into {service} of {stand.name}.")
        yield name
    finally:
        with processes.unhurried():
            done = take_away(stand, service, name)
    require(
        done,
        f"The marker {name} could not be taken away from {service} of {stand.name}.",
        hint="The next migrate.verify removes what is left of it.",
    )


def put(stand: Stand, service: str, name: str) -> Done:
    """Put a marker into a data store."""
    if is_redis(stand.model.service(service)):
        return redis(stand, service, "SET", name, stand.name, "EX", MARKER_SECONDS)
    return psql(stand, service, PUT, marker=name)


def take_away(stand: Stand, service: str, name: str) -> Done:
    """Remove a marker from a data store, if it is there."""
    if is_redis(stand.model.service(service)):
        return redis(stand, service, "DEL", name)
    return psql(stand, service, TAKE_AWAY, marker=name)


def sees(stand: Stand, service: str, name: str) -> Done:
    """Ask a data store whether it has a marker: its output is 1 if it does, else 0."""
    if is_redis(stand.model.service(service)):
        return redis(stand, service, "EXISTS", name)
    return psql(stand, service, SEES, marker=name)
