import pytest

from dashtam_tasks.compose import Service
from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules import known_images
from dashtam_tasks.migration.rules.health_checks import NEWEST
from dashtam_tasks.migration.rules.known_images import (
    KINDS,
    image_of,
    keeps_postgres,
    kind_of,
    serves,
    version_of,
)

IMAGES = {
    "postgres": "postgres",
    "postgres:17.6-alpine3.22": "postgres",
    "postgres@sha256:0123": "postgres",
    "${POSTGRES_IMAGE:-postgres:17}": "postgres",
    "postgres:${VERSION}": "postgres",
    "${REGISTRY:-mirror.example/}postgres:17": "postgres",
    "mirror.example:5000/library/postgres:17": "postgres",
    "mirror.example/hub/library/postgres:17": "postgres",
    "localhost/postgres": "postgres",
    "localhost/acme/postgres:17-trixie": "postgres",
    "postgis/postgis:16-3.4": "postgres",
    "timescale/timescaledb:2.15.0-pg16": "postgres",
    "pgvector/pgvector:pg17": "postgres",
    "mirror.example/hub/bitnami/postgresql:16": "bitnami/postgresql",
    "bitnamilegacy/redis:7.2": "bitnami/redis",
    "redis/redis-stack:7.4.0-v0": "redis",
    "mirror.example/elasticsearch/elasticsearch:8.15.1": "elasticsearch",
    "minio/minio:RELEASE.2024-09-13T20-26-02Z": "minio/minio",
}
UNKNOWN = (
    "acme/postgres",
    "mylibrary/postgres",
    "mirror.example/acme/redis:7",
    "not-redis",
    "postgres-exporter",
    "${IMAGE}",
    "nginx",
)


@pytest.mark.parametrize(("image", "name"), IMAGES.items())
def test_an_image_is_known_by_its_repository(image: str, name: str) -> None:
    kind = kind_of(image)
    assert kind is not None
    assert kind.names[0] == name


@pytest.mark.parametrize("image", UNKNOWN)
def test_what_is_only_called_alike_is_not_known(image: str) -> None:
    assert kind_of(image) is None


def test_every_kind_is_told_apart_and_says_where_its_facts_are_from() -> None:
    names = [name for kind in KINDS for name in kind.names]
    assert len(set(names)) == len(names)
    assert all(kind.source and kind.programs for kind in KINDS)
    assert all(folder.startswith("/") for kind in KINDS for folder in kind.data)


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("17.6-alpine3.22", (17, 6)),
        ("v8", (8,)),
        ("2.15.0-pg16", (16,)),
        ("pg17", (17,)),
        ("RELEASE.2023-09-30T07-02-29Z", (2023, 9, 30)),
        ("alpine", NEWEST),
        ("", NEWEST),
    ],
)
def test_a_tag_names_a_version(tag: str, version: tuple[int, ...]) -> None:
    assert version_of(tag) == version


def test_an_image_that_is_built_here_is_another() -> None:
    document = Document("services: { db: { image: 'postgres:17', build: . } }\n")
    assert image_of(document, "db") is None


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ("", True),
        (", command: postgres -c fsync=off", True),
        (", command: [-c, fsync=off]", True),
        (", command: sh -c 'chown x && exec docker-entrypoint.sh postgres'", True),
        (", command: pg_dump --host db", False),
        (", command: psql -h db -c 'select 1'", False),
        (", entrypoint: /wait.sh", False),
    ],
)
def test_a_client_of_the_same_image_is_no_server(options: str, runs: bool) -> None:
    document = Document(f"services: {{ db: {{ image: postgres{options} }} }}\n")
    image = image_of(document, "db")
    assert image is not None
    assert serves(document, "db", image.kind) is runs


@pytest.mark.parametrize(
    ("image", "mounted", "folder"),
    [
        ("postgres:17", "", "/var/lib/postgresql/data"),
        ("postgres:18", "", "/var/lib/postgresql"),
        ("postgres:18", "/var/lib/postgresql", "/var/lib/postgresql"),
        ("postgres", "", "/var/lib/postgresql"),
        ("postgres", "/var/lib/postgresql/data", "/var/lib/postgresql/data"),
        ("bitnami/mysql:8", "/bitnami/mysql", "/bitnami/mysql"),
        ("bitnami/mysql:8", "", "/bitnami/mysql/data"),
        ("mysql:8", "/elsewhere", "/var/lib/mysql"),
    ],
)
def test_data_are_where_the_version_has_them_or_a_volume_is(image: str, mounted: str, folder: str) -> None:
    known = image_of(Document(f"services: {{ db: {{ image: '{image}' }} }}\n"), "db")
    assert known is not None
    assert known_images.data_folders(known, {mounted}) == (folder,)


@pytest.mark.parametrize(
    ("image", "pgdata", "path", "is_kept"),
    [
        ("postgres:17", "", "/var/lib/postgresql/data", True),
        ("postgres:18", "", "/var/lib/postgresql", True),
        ("postgres:17", "", "/backups", False),
        ("postgres:17", "/srv/pg/data", "/srv/pg", True),
        ("postgres:17", "/srv/pg/data", "/var/lib/postgresql/data", False),
        ("shop-db", "", "/var/lib/postgresql/data", True),
        ("shop-db", "", "/data", False),
        ("shop-db", "/data/17", "/data", True),
        ("redis:8", "", "/data", False),
        ("redis:8", "", "/var/lib/postgresql/data", False),
    ],
)
def test_where_postgresql_keeps_its_data(image: str, pgdata: str, path: str, is_kept: bool) -> None:
    service = Service(image=image, environment={"PGDATA": pgdata} if pgdata else {})
    assert keeps_postgres(service, path) == is_kept
