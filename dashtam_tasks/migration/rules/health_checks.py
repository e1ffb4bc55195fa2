"""Health checks that work inside well-known images; each function returns a `test` as Compose takes it.

What they name of a service is as the Compose file writes it, so no value of an env file comes into the file.
Checks go over TCP where a first start runs a server of its own, which listens on its socket or on the loopback
address only.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dashtam_tasks.migration.document import Flow
from dashtam_tasks.migration.document.nodes import Data
from dashtam_tasks.migration.rules.reading import option

NEWEST = (9999,)
ADDRESS = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Server:
    """What a check depends on; command and environment are as they are written.

    None in `environment` is passed through from outside; with `env_file` there may be more.
    """

    version: tuple[int, ...] = NEWEST
    command: tuple[str, ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    env_file: bool = False

    def own(self, name: str) -> str | None:
        """Return a variable's value as it is written, None where only the container knows it."""
        return self.environment.get(name)

    def may_have(self, name: str) -> bool:
        """Return whether a variable may be set in the container, to something that is not written here."""
        return name in self.environment or self.env_file

    def is_on(self, name: str, *, default: bool) -> bool:
        """Return whether a switch that is true or false is on."""
        value = self.own(name)
        return default if value is None else value.strip("'\"").lower() != "false"


def exec_form(*argv: str) -> list[str]:
    """Return the test that runs a program without a shell."""
    return Flow(["CMD", *argv])


def shell_form(script: str) -> list[str]:
    """Return the test that runs a script in the container's shell."""
    return Flow(["CMD-SHELL", script])


def postgresql(server: Server) -> list[str]:
    """Ask PostgreSQL with pg_isready; its user and database only keep the server's log quiet."""
    user, database = server.own("POSTGRES_USER"), server.own("POSTGRES_DB")
    hidden = [name for name in ("POSTGRES_USER", "POSTGRES_DB") if unknown(server, name)]
    file = "POSTGRES_USER_FILE" in server.environment
    if file or hidden:
        shown = '"$$(cat "$$POSTGRES_USER_FILE")"' if file else '"$${POSTGRES_USER:-postgres}"'
        named = ' -d "$${POSTGRES_DB:-$${POSTGRES_USER:-postgres}}"' if not file else ""
        return shell_form(f"pg_isready -h {ADDRESS} -U {shown}{named}")
    names = ("-d", database) if database else ()
    return exec_form("pg_isready", "-h", ADDRESS, "-U", user or "postgres", *names)


def unknown(server: Server, name: str) -> bool:
    """Return whether a variable is set, or may be, where its value is not written."""
    return server.own(name) is None and server.may_have(name)


def bitnami_postgresql(server: Server) -> list[str]:
    """Ask PostgreSQL with pg_isready; Bitnami has an older name for each variable."""
    names = {"POSTGRES_USER": "POSTGRESQL_USERNAME", "POSTGRES_DB": "POSTGRESQL_DATABASE"}
    known = {new: server.environment[old] for new, old in names.items() if old in server.environment}
    if server.env_file or None in known.values():
        return shell_form(
            f'pg_isready -h {ADDRESS} -U "$${{POSTGRESQL_USERNAME:-$${{POSTGRES_USER:-postgres}}}}"'
        )
    return postgresql(Server(environment={**server.environment, **known}))


def mysql(_: Server) -> list[str]:
    """Ask MySQL with mysqladmin; it needs no password, since a refusal is an answer."""
    return exec_form("mysqladmin", "ping", "-h", ADDRESS, "--silent")


def mariadb(server: Server) -> list[str]:
    """Ask MariaDB with its image's script, or in older ones as MySQL."""
    if server.version < (10, 11):
        return mysql(server)
    return exec_form("healthcheck.sh", "--connect", "--innodb_initialized")


def bitnami_script(name: str) -> Callable[[Server], list[str]]:
    """Return the check by the script that Bitnami's image has for it."""
    return lambda _: exec_form(f"/opt/bitnami/scripts/{name}/healthcheck.sh")


def mongodb(server: Server) -> list[str]:
    """Ask MongoDB with its shell, by the container's name: the first start's server is on 127.0.0.1."""
    shell = "mongo" if server.version < (5,) else "mongosh"
    return shell_form(f'{shell} --quiet --host "$$HOSTNAME" --eval "db.adminCommand(\'ping\')"')


def redis(server: Server, *, client: str = "redis-cli", variable: str = "") -> list[str]:
    """Ask Redis with its client, with the password that its command says or that a variable of its image holds."""
    arguments = (*server.command, server.own("REDIS_ARGS") or "")
    secret, port = option(arguments, "--requirepass"), option(arguments, "--port")
    if not secret and variable and server.may_have(variable):
        secret = f"$${variable}"
    chosen = [client, *(["-p", port] if port else [])]
    if "$$" in secret:
        return shell_form(" ".join((*chosen, "-a", f'"{secret}"', "--no-auth-warning ping")))
    return exec_form(*chosen, *(["-a", secret, "--no-auth-warning"] if secret else []), "ping")


def bitnami_redis(server: Server) -> list[str]:
    """Ask Redis in Bitnami's image."""
    return redis(server, variable="REDIS_PASSWORD")


def valkey(server: Server) -> list[str]:
    """Ask Valkey as Redis, with its own client."""
    return redis(server, client="valkey-cli")


def bitnami_valkey(server: Server) -> list[str]:
    """Ask Valkey in Bitnami's image."""
    return redis(server, client="valkey-cli", variable="VALKEY_PASSWORD")


def rabbitmq(server: Server) -> list[str]:
    """Ask RabbitMQ with its diagnostics; `ping`, which 3.7 has to do with, succeeds before it takes connections."""
    return exec_form("rabbitmq-diagnostics", "-q", "ping" if server.version < (3, 8) else "check_running")


def elasticsearch(server: Server) -> list[str]:
    """Ask Elasticsearch for its cluster's health, over TLS and with its user where it wants that."""
    secured = server.is_on("xpack.security.enabled", default=server.version >= (8,))
    if not secured:
        return open_elasticsearch(server)
    tls = server.is_on("xpack.security.http.ssl.enabled", default=server.version >= (8,))
    address = f"{'https' if tls else 'http'}://{ADDRESS}:9200/_cluster/health"
    # A server that asks for a password answers, too: where none is known, that has to do.
    user = '-f -u "elastic:$$ELASTIC_PASSWORD" ' if server.may_have("ELASTIC_PASSWORD") else ""
    return shell_form(f"curl -sS {user}{'-k ' if tls else ''}-o /dev/null {address}")


def open_elasticsearch(_: Server) -> list[str]:
    """Ask an Elasticsearch without security for its cluster's health."""
    address = f"http://{ADDRESS}:9200/_cluster/health?wait_for_status=yellow&timeout=1s"
    return exec_form("curl", "-fsS", "-o", "/dev/null", address)


def minio(server: Server) -> list[str]:
    """Ask MinIO with its client, in images that have one instead of curl."""
    return minio_api(server) if server.version < (2023, 11) else exec_form("mc", "ready", "local")


def minio_api(_: Server) -> list[str]:
    """Ask MinIO over its health check API."""
    return exec_form("curl", "-fsS", f"http://{ADDRESS}:9000/minio/health/live")


SOCKET_ONLY = re.compile(r"\bpg_isready\b(?!.*\s(?:-h|--host))", re.DOTALL)


def over_tcp(test: Data) -> Data:
    """Return a test whose pg_isready asks over TCP: on its socket a first start's server answers as well."""
    if isinstance(test, str):
        return SOCKET_ONLY.sub(f"pg_isready -h {ADDRESS}", test)
    words = [str(word) for word in test]
    if not SOCKET_ONLY.search(" ".join(words)):
        return test
    at = next((place for place, word in enumerate(words) if word.endswith("pg_isready")), None)
    if words[0] == "CMD" and at is not None:
        return Flow([*words[: at + 1], "-h", ADDRESS, *words[at + 1 :]])
    return Flow([words[0], *(SOCKET_ONLY.sub(f"pg_isready -h {ADDRESS}", word) for word in words[1:])])
