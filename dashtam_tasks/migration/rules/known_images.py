"""Well-known images: where they keep data, and how one is asked, inside of it, whether its server answers.

The facts are those of each image's documentation, which `source` names.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from dashtam_tasks.compose import Service
from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules import health_checks
from dashtam_tasks.migration.rules.health_checks import NEWEST, Server
from dashtam_tasks.migration.rules.reading import environment, raw_words, value_of, with_defaults, words

# MinIO's date, PostgreSQL's version beside that of an extension, or the number that a tag begins with.
VERSION = re.compile(r"RELEASE\.(\d+)-(\d+)-(\d+)|(?:.*\b)?pg(\d+)|v?(\d+)(?:\.(\d+))?")
POSTGRES_FOLDERS = ("/var/lib/postgresql", "/var/lib/postgresql/data")
POSTGRES_CHECKS = (health_checks.postgresql, health_checks.bitnami_postgresql)
BITNAMI = ("bitnami", "bitnamilegacy", "bitnamisecure")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What holds for an image: its names without registry, its data, its programs, its health check.

    `data` are folders, `alternatives` others of which a service may mount one instead, `earlier` says where the
    data are in versions before one. `programs` are what a command names that still runs the server. `patience` is
    how long a first start may take, `pace` how often a check may run meanwhile: one that starts a runtime is slow.
    """

    names: tuple[str, ...]
    data: tuple[str, ...]
    programs: tuple[str, ...]
    check: Callable[[Server], list[str]]
    source: str
    patience: str = "60s"
    pace: str = "250ms"
    own_init: bool = False
    alternatives: tuple[str, ...] = ()
    earlier: tuple[int, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Image:
    """A service's image among the well-known ones."""

    kind: Kind
    server: Server


def bitnami(name: str) -> tuple[str, ...]:
    """Return the names under which Bitnami has published an image."""
    return tuple(f"{owner}/{name}" for owner in BITNAMI)


KINDS = (
    Kind(
        names=(
            "postgres",
            "postgis/postgis",
            "pgvector/pgvector",
            "timescale/timescaledb",
        ),
        data=("/var/lib/postgresql",),
        earlier=(18, "/var/lib/postgresql/data"),
        programs=("postgres", "docker-entrypoint.sh"),
        check=health_checks.postgresql,
        source="postgres, sections PGDATA (before 18 data/ below it, a mount of which 18 refuses) and "
        "Initialization scripts (the first start's server listens on the socket only); the others build upon it",
    ),
    Kind(
        names=("timescale/timescaledb-ha",),
        data=("/home/postgres/pgdata",),
        programs=("postgres", "docker-entrypoint.sh"),
        check=health_checks.postgresql,
        source="timescale/timescaledb-ha, section How to use: PGDATA is data/ below its volume",
    ),
    Kind(
        names=bitnami("postgresql"),
        data=("/bitnami/postgresql",),
        programs=("postgres", "run.sh"),
        check=health_checks.bitnami_postgresql,
        source="bitnami/postgresql, sections Persisting your database and Environment variables",
    ),
    Kind(
        names=("mysql", "mysql/mysql-server", "percona", "percona/percona-server"),
        data=("/var/lib/mysql",),
        programs=("mysqld", "docker-entrypoint.sh"),
        check=health_checks.mysql,
        source="mysql, section Where to Store Data; mysqladmin's manual: ping succeeds even where access is denied",
        patience="120s",
    ),
    Kind(
        names=bitnami("mysql"),
        data=("/bitnami/mysql/data",),
        alternatives=("/bitnami/mysql",),
        programs=("mysqld", "run.sh"),
        check=health_checks.bitnami_script("mysql"),
        source="bitnami/mysql, section Persisting your database, and the Compose file beside it",
        patience="120s",
        pace="1s",
    ),
    Kind(
        names=("mariadb",),
        data=("/var/lib/mysql",),
        programs=("mysqld", "mariadbd", "docker-entrypoint.sh"),
        check=health_checks.mariadb,
        source="mariadb, sections Where to Store Data and Health check (healthcheck.sh); 11 has no mysqladmin",
        patience="120s",
    ),
    Kind(
        names=bitnami("mariadb"),
        data=("/bitnami/mariadb",),
        programs=("mysqld", "mariadbd", "run.sh"),
        check=health_checks.bitnami_script("mariadb"),
        source="bitnami/mariadb, section Persisting your database, and the Compose file beside it",
        patience="120s",
        pace="1s",
    ),
    Kind(
        names=("mongo", "mongodb/mongodb-community-server"),
        data=("/data/db", "/data/configdb"),
        programs=("mongod", "docker-entrypoint.sh"),
        check=health_checks.mongodb,
        source="mongo, sections Where to Store Data and Initializing a fresh instance (its first start's server "
        "listens on 127.0.0.1 only); MongoDB 5.0 is the first with mongosh",
        pace="1s",
    ),
    Kind(
        names=bitnami("mongodb"),
        data=("/bitnami/mongodb",),
        programs=("mongod", "run.sh"),
        check=health_checks.mongodb,
        source="bitnami/mongodb, section Persisting your database",
        pace="1s",
    ),
    Kind(
        names=("redis", "redis/redis-stack", "redis/redis-stack-server"),
        data=("/data",),
        programs=("redis-server", "docker-entrypoint.sh"),
        check=health_checks.redis,
        source="redis, section Start with persistent storage; redis/redis-stack, section Environment variables",
        patience="30s",
    ),
    Kind(
        names=bitnami("redis"),
        data=("/bitnami/redis/data",),
        alternatives=("/bitnami/redis",),
        programs=("redis-server", "run.sh"),
        check=health_checks.bitnami_redis,
        source="bitnami/redis, sections Persisting your database and Passing extra command-line flags",
        patience="30s",
    ),
    Kind(
        names=("valkey/valkey",),
        data=("/data",),
        programs=("valkey-server", "docker-entrypoint.sh"),
        check=health_checks.valkey,
        source="valkey/valkey, section Start with persistent storage",
        patience="30s",
    ),
    Kind(
        names=bitnami("valkey"),
        data=("/bitnami/valkey/data",),
        alternatives=("/bitnami/valkey",),
        programs=("valkey-server", "run.sh"),
        check=health_checks.bitnami_valkey,
        source="bitnami/valkey, section Persisting your database",
        patience="30s",
    ),
    Kind(
        names=("rabbitmq",),
        data=("/var/lib/rabbitmq",),
        programs=("rabbitmq-server", "docker-entrypoint.sh"),
        check=health_checks.rabbitmq,
        source="rabbitmq, section Running the daemon; RabbitMQ's Monitoring guide, section Health Checks",
        pace="1s",
    ),
    Kind(
        names=bitnami("rabbitmq"),
        data=("/bitnami/rabbitmq/mnesia",),
        alternatives=("/bitnami/rabbitmq",),
        programs=("rabbitmq-server", "run.sh"),
        check=health_checks.rabbitmq,
        source="bitnami/rabbitmq, section Persisting your application",
        pace="1s",
    ),
    Kind(
        names=("elasticsearch", "elasticsearch/elasticsearch"),
        data=("/usr/share/elasticsearch/data",),
        programs=("elasticsearch", "eswrapper", "docker-entrypoint.sh"),
        check=health_checks.elasticsearch,
        source="Elasticsearch's guide, Install with Docker: data folder, tini as its entrypoint, security by "
        "default from 8.0 on",
        patience="120s",
        pace="1s",
        own_init=True,
    ),
    Kind(
        names=bitnami("elasticsearch"),
        data=("/bitnami/elasticsearch/data",),
        alternatives=("/bitnami/elasticsearch",),
        programs=("elasticsearch", "run.sh"),
        check=health_checks.open_elasticsearch,
        source="bitnami/elasticsearch, sections Persisting your application and Security",
        patience="120s",
        pace="1s",
    ),
    Kind(
        names=("minio/minio",),
        # Whether it takes a tmpfs depends on the kernel: it opens its files with O_DIRECT.
        data=(),
        programs=("minio", "server", "docker-entrypoint.sh"),
        check=health_checks.minio,
        source="MinIO's documentation, Healthcheck API and mc ready; images from late 2023 on have no curl",
        patience="30s",
    ),
    Kind(
        names=bitnami("minio"),
        data=(),
        programs=("minio", "server", "run.sh"),
        check=health_checks.minio_api,
        source="bitnami/minio, section Persisting your database; MinIO's documentation, Healthcheck API",
        patience="30s",
    ),
)


def repository(image: str) -> tuple[str, str]:
    """Return an image's repository without its registry, and its tag; defaults stand for variables.

    One that was built here, as `localhost/PROJECT/postgres`, is known by its last name.
    """
    name = with_defaults(image).partition("@")[0]
    folder, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    host, _, rest = f"{folder}{slash}{last}".partition("/")
    is_host = rest and (set(host) & {".", ":"} or host == "localhost")
    path = rest if is_host else f"{folder}{slash}{last}"
    is_plain = host == "localhost" or path.split("/")[-2:-1] == ["library"]
    official = path.rpartition("/")[2] if is_plain else path
    return official, tag


def kind_of(image: str) -> Kind | None:
    """Return what is known of an image, None for an unknown one."""
    path, _ = repository(image)
    for kind in KINDS:
        for name in kind.names:
            if path == name or ("/" in name and path.endswith(f"/{name}")):
                return kind
    return None


def holds_data(kind: Kind, place: str) -> bool:
    """Return whether the data of an image lie at, above or below a folder, whatever its version."""
    here = PurePosixPath(place)
    folders = map(str, (*kind.data, *kind.alternatives, *(kind.earlier or ())[1:]))
    return any(here.is_relative_to(one) or PurePosixPath(one).is_relative_to(here) for one in folders)


def keeps_postgres(service: Service, path: str) -> bool:
    """Return whether a service has PostgreSQL's data in what it mounts at a path: in all of it or in a part.

    PGDATA says where they are, else the image's habit; one that is not known is expected to be made from the
    official one.
    """
    pgdata = service.environment.get("PGDATA")
    if pgdata:
        return PurePosixPath(pgdata).is_relative_to(path)
    kind = kind_of(service.image)
    if kind is None:
        return path in POSTGRES_FOLDERS
    return kind.check in POSTGRES_CHECKS and holds_data(kind, path)


def version_of(tag: str) -> tuple[int, ...]:
    """Return the version that a tag names, the newest where it names none."""
    found = VERSION.match(tag)
    return tuple(int(part) for part in found.groups() if part is not None) if found else NEWEST


def image_of(document: Document, service: str) -> Image | None:
    """Return the well-known image that a service runs as it is, None where it runs another or builds its own."""
    image = value_of(document, service, "image")
    kind = kind_of(image) if image and value_of(document, service, "build") is None else None
    if kind is None:
        return None
    return Image(
        kind=kind,
        server=Server(
            version=version_of(repository(image)[1]),
            command=tuple(raw_words(value_of(document, service, "command"))),
            environment=environment(document, service),
            env_file=value_of(document, service, "env_file") is not None,
        ),
    )


def serves(document: Document, service: str, kind: Kind) -> bool:
    """Return whether a service of a well-known image runs its server, and not a client or a script of its own."""
    if words(value_of(document, service, "entrypoint")):
        return False
    command = words(value_of(document, service, "command"))
    said = re.split(r"[^\w.-]+", " ".join(command))
    return not command or command[0].startswith("-") or any(program in said for program in kind.programs)


def data_folders(image: Image, mounted: Collection[str]) -> tuple[str, ...]:
    """Return where a service keeps its data; `mounted` is where it mounts something."""
    kind = image.kind
    if kind.earlier and image.server.version < kind.earlier[:1]:
        return kind.earlier[1:]
    others = (*kind.alternatives, *(kind.earlier[1:] if kind.earlier else ()))
    return next(((folder,) for folder in others if folder in mounted), kind.data)
