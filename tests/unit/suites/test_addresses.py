from typing import Any

import msgspec
import pytest

from dashtam_tasks.compose import Model
from dashtam_tasks.suites import addresses


def publishing(*ports: tuple[int, str]) -> dict[str, Any]:
    return {"ports": [{"target": target, "published": published} for target, published in ports]}


MODEL = msgspec.convert(
    {
        "name": "dashtam-test",
        "services": {
            "app": publishing((8000, "8001")),
            "postgres": publishing((5432, "5433")),
            "replica": publishing((5432, "5434")),
            "redis": publishing((6379, "6380")),
            "mail": publishing((1025, "1025"), (8025, "8026")),
            "search": {},
            "spread": publishing((9200, "9200-9210"), (9300, "")),
        },
    },
    Model,
)


def seen(**variables: str) -> dict[str, str]:
    return addresses.seen_from_host(variables, MODEL)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("postgres:5432", "127.0.0.1:5433"),
        ("redis://redis:6379/0", "redis://127.0.0.1:6380/0"),
        ("redis://redis/0", "redis://127.0.0.1:6380/0"),
        ("redis://redis", "redis://127.0.0.1:6380"),
        ("http://app?x=1", "http://127.0.0.1:8001?x=1"),
        ("postgresql+asyncpg://u:p@postgres:5432/db", "postgresql+asyncpg://u:p@127.0.0.1:5433/db"),
        ("postgresql://u:p@postgres/db", "postgresql://u:p@127.0.0.1:5433/db"),
        ("jdbc:postgresql://postgres:5432/db", "jdbc:postgresql://127.0.0.1:5433/db"),
        (
            "postgresql://u:p@postgres:5432,replica:5432/db",
            "postgresql://u:p@127.0.0.1:5433,127.0.0.1:5434/db",
        ),
        ("postgresql://u@postgres,replica/db", "postgresql://u@127.0.0.1:5433,127.0.0.1:5434/db"),
        ("postgresql:///db?host=postgres:5432", "postgresql:///db?host=127.0.0.1:5433"),
        ("postgres:5432,replica:5432", "127.0.0.1:5433,127.0.0.1:5434"),
        ('["http://app:8000","https://app:8000"]', '["http://127.0.0.1:8001","https://127.0.0.1:8001"]'),
        ("http://app:8000,https://app:8000/x", "http://127.0.0.1:8001,https://127.0.0.1:8001/x"),
        ("smtp://mail:1025 and http://mail:8025", "smtp://127.0.0.1:1025 and http://127.0.0.1:8026"),
    ],
)
def test_a_services_address_becomes_the_hosts(value: str, expected: str) -> None:
    assert seen(VALUE=value) == {"VALUE": expected}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "postgresql://postgres:postgres@postgres:5432/postgres",
            "postgres:postgres@127.0.0.1:5433/postgres",
        ),
        ("postgresql://postgres:5432@postgres:5432/db", "postgres:5432@127.0.0.1:5433/db"),
        ("postgresql://postgres@postgres/db", "postgres@127.0.0.1:5433/db"),
        ("postgresql://:redis@redis:6379@postgres:5432/db", ":redis@redis:6379@127.0.0.1:5433/db"),
        ("postgresql://u:a/b@postgres:5432/db", "u:a/b@127.0.0.1:5433/db"),
    ],
)
def test_user_and_password_of_a_url_stay(value: str, expected: str) -> None:
    assert seen(VALUE=value) == {"VALUE": f"postgresql://{expected}"}


@pytest.mark.parametrize(
    "value",
    [
        "postgres",
        "postgres:9999",
        "postgres:54321",
        "postgres-replica:5432",
        "mypostgres:5432",
        "db.postgres:5432",
        "http://postgres.example.com:5432",
        "redis://my-redis/0",
        "sqlite:///app/test.db",
        "sqlite:////app/test.db",
        "/app:8000/bin",
        "/srv//app/tests",
        "company/app:8000",
        "the app: 1",
        "the app:",
        "admin@app",
        "http://mail/",
        "http://search:9200",
        "http://spread:9200",
        "http://spread:9300",
        "http://localhost:5432",
        "unix:///var/run/app",
        "",
    ],
)
def test_what_is_no_published_address_stays(value: str) -> None:
    assert seen(VALUE=value) == {"VALUE": value}


@pytest.mark.parametrize("host", ["DB_HOST", "DB_HOSTNAME", "DBHOST", "PGHOST", "HOST"])
def test_host_and_port_are_moved_together(host: str) -> None:
    port = host.removesuffix("NAME").removesuffix("HOST") + "PORT"
    assert seen(**{host: "postgres", port: "5432"}) == {host: "127.0.0.1", port: "5433"}


def test_a_host_without_a_port_gets_the_only_one() -> None:
    assert seen(REDIS_HOST="redis") == {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": "6380"}


def test_a_port_that_is_the_hosts_already_stays() -> None:
    variables = {"POSTGRES_HOST": "postgres", "POSTGRES_PORT": "5433"}
    assert seen(**variables) == {"POSTGRES_HOST": "127.0.0.1", "POSTGRES_PORT": "5433"}


@pytest.mark.parametrize(
    "variables",
    [
        {"MAIL_HOST": "mail"},
        {"DB_HOST": "postgres", "DB_PORT": "9999"},
        {"SEARCH_HOST": "search", "SEARCH_PORT": "9200"},
        {"SPREAD_HOST": "spread", "SPREAD_PORT": "9200"},
        {"DB_HOST": "postgres.example.com", "DB_PORT": "5432"},
        {"DB_HOST": "", "DB_PORT": "5432"},
        {"DB_USER": "postgres", "DB_PASSWORD": "postgres", "DB_NAME": "postgres", "DB_PORT": "5432"},
        {"POSTGRES_HOST_AUTH_METHOD": "postgres"},
    ],
)
def test_a_pair_that_the_host_cannot_reach_stays(variables: dict[str, str]) -> None:
    assert seen(**variables) == variables


def test_the_variables_that_came_in_are_not_changed() -> None:
    variables = {"REDIS_HOST": "redis", "URL": "http://app:8000"}
    addresses.seen_from_host(variables, MODEL)
    assert variables == {"REDIS_HOST": "redis", "URL": "http://app:8000"}
