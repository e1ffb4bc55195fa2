from typing import Any

import pytest

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.health_checks import over_tcp
from dashtam_tasks.migration.rules.known_images import image_of

HERE = "127.0.0.1"
HIDDEN = (
    f'pg_isready -h {HERE} -U "$${{POSTGRES_USER:-postgres}}"'
    ' -d "$${POSTGRES_DB:-$${POSTGRES_USER:-postgres}}"'
)
CHECKS: dict[str, tuple[str, list[str]]] = {
    "PostgreSQL": ("image: postgres", ["CMD", "pg_isready", "-h", HERE, "-U", "postgres"]),
    "PostgreSQL with names as written": (
        "image: postgres, environment: { POSTGRES_USER: '${DB_USER:-shop}', POSTGRES_DB: store }",
        ["CMD", "pg_isready", "-h", HERE, "-U", "${DB_USER:-shop}", "-d", "store"],
    ),
    "PostgreSQL with a list": (
        "image: postgres, environment: [POSTGRES_USER=shop]",
        ["CMD", "pg_isready", "-h", HERE, "-U", "shop"],
    ),
    "PostgreSQL with an env file": (
        "image: postgres, env_file: .env",
        [
            "CMD-SHELL",
            HIDDEN,
        ],
    ),
    "PostgreSQL with a name from outside": (
        "image: postgres, environment: [POSTGRES_USER, POSTGRES_DB=store]",
        [
            "CMD-SHELL",
            HIDDEN,
        ],
    ),
    "PostgreSQL with a secret": (
        "image: postgres, environment: { POSTGRES_USER_FILE: /run/secrets/user }",
        ["CMD-SHELL", f'pg_isready -h {HERE} -U "$$(cat "$$POSTGRES_USER_FILE")"'],
    ),
    "Bitnami's PostgreSQL": (
        "image: bitnami/postgresql, environment: { POSTGRESQL_USERNAME: shop }",
        ["CMD", "pg_isready", "-h", HERE, "-U", "shop"],
    ),
    "MySQL": ("image: 'mysql:8.4.2'", ["CMD", "mysqladmin", "ping", "-h", HERE, "--silent"]),
    "MariaDB": ("image: 'mariadb:11.4.3'", ["CMD", "healthcheck.sh", "--connect", "--innodb_initialized"]),
    "an older MariaDB": ("image: 'mariadb:10.6'", ["CMD", "mysqladmin", "ping", "-h", HERE, "--silent"]),
    "Bitnami's MariaDB": ("image: bitnami/mariadb", ["CMD", "/opt/bitnami/scripts/mariadb/healthcheck.sh"]),
    "MongoDB": (
        "image: 'mongo:7.0.14'",
        ["CMD-SHELL", "mongosh --quiet --host \"$$HOSTNAME\" --eval \"db.adminCommand('ping')\""],
    ),
    "an older MongoDB": (
        "image: 'mongo:4.4'",
        ["CMD-SHELL", "mongo --quiet --host \"$$HOSTNAME\" --eval \"db.adminCommand('ping')\""],
    ),
    "Redis": ("image: redis", ["CMD", "redis-cli", "ping"]),
    "Redis with a password": (
        "image: redis, command: 'redis-server --port 7000 --requirepass ${PASSWORD:?is needed}'",
        ["CMD", "redis-cli", "-p", "7000", "-a", "${PASSWORD:?is needed}", "--no-auth-warning", "ping"],
    ),
    "Redis with a password of its shell": (
        "image: redis, command: 'sh -c ''redis-server --requirepass \"$$PASSWORD\"'''",
        ["CMD-SHELL", 'redis-cli -a "$$PASSWORD" --no-auth-warning ping'],
    ),
    "Redis Stack": (
        "image: redis/redis-stack, environment: { REDIS_ARGS: '--requirepass ${PASSWORD}' }",
        ["CMD", "redis-cli", "-a", "${PASSWORD}", "--no-auth-warning", "ping"],
    ),
    "Bitnami's Redis": (
        "image: bitnami/redis, environment: { REDIS_PASSWORD: x }",
        ["CMD-SHELL", 'redis-cli -a "$$REDIS_PASSWORD" --no-auth-warning ping'],
    ),
    "Bitnami's Redis without a password": (
        "image: bitnami/redis, environment: { ALLOW_EMPTY_PASSWORD: yes }",
        ["CMD", "redis-cli", "ping"],
    ),
    "Valkey": ("image: valkey/valkey:8", ["CMD", "valkey-cli", "ping"]),
    "RabbitMQ": ("image: 'rabbitmq:4.0.2'", ["CMD", "rabbitmq-diagnostics", "-q", "check_running"]),
    "an older RabbitMQ": ("image: 'rabbitmq:3.7.28'", ["CMD", "rabbitmq-diagnostics", "-q", "ping"]),
    "Elasticsearch": (
        "image: 'elasticsearch:8.15.1', environment: [ELASTIC_PASSWORD=x]",
        ["CMD-SHELL", f'curl -sS -f -u "elastic:$$ELASTIC_PASSWORD" -k -o /dev/null https://{HERE}:9200/_cluster/health'],
    ),
    "Elasticsearch without a known password": (
        "image: 'elasticsearch:8.15.1'",
        ["CMD-SHELL", f"curl -sS -k -o /dev/null https://{HERE}:9200/_cluster/health"],
    ),
    "Elasticsearch without TLS": (
        "image: 'elasticsearch:8.15.1', environment: [xpack.security.http.ssl.enabled=false, ELASTIC_PASSWORD]",
        ["CMD-SHELL", f'curl -sS -f -u "elastic:$$ELASTIC_PASSWORD" -o /dev/null http://{HERE}:9200/_cluster/health'],
    ),
    "Elasticsearch without security": (
        "image: 'elasticsearch:8.15.1', environment: { xpack.security.enabled: false }",
        ["CMD", "curl", "-fsS", "-o", "/dev/null", f"http://{HERE}:9200/_cluster/health?wait_for_status=yellow&timeout=1s"],
    ),
    "MinIO": ("image: minio/minio", ["CMD", "mc", "ready", "local"]),
    "an older MinIO": (
        "image: 'minio/minio:RELEASE.2023-03-09T23-16-13Z'",
        ["CMD", "curl", "-fsS", f"http://{HERE}:9000/minio/health/live"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("service", "expected"), CHECKS.values(), ids=CHECKS)
def test_a_check_asks_as_its_image_and_its_service_have_it(service: str, expected: list[str]) -> None:
    image = image_of(Document(f"services: {{ db: {{ {service} }} }}\n"), "db")
    assert image is not None
    assert image.kind.check(image.server) == expected


TESTS: list[tuple[Any, Any]] = [
    ("pg_isready -U x", f"pg_isready -h {HERE} -U x"),
    (["CMD-SHELL", "pg_isready -U x || exit 1"], ["CMD-SHELL", f"pg_isready -h {HERE} -U x || exit 1"]),
    (["CMD", "/usr/bin/pg_isready", "-q"], ["CMD", "/usr/bin/pg_isready", "-h", HERE, "-q"]),
    (["CMD", "pg_isready"], ["CMD", "pg_isready", "-h", HERE]),
    (["CMD", "sh", "-c", "pg_isready -q"], ["CMD", "sh", "-c", f"pg_isready -h {HERE} -q"]),
    ("pg_isready -h localhost", "pg_isready -h localhost"),
    (["CMD", "pg_isready", "--host=db"], ["CMD", "pg_isready", "--host=db"]),
    (["CMD", "pg_isready", "-U", "x", "-h", "db"], ["CMD", "pg_isready", "-U", "x", "-h", "db"]),
    (["CMD", "psql", "-c", "select 1"], ["CMD", "psql", "-c", "select 1"]),
]


@pytest.mark.parametrize(("test", "expected"), TESTS)
def test_a_check_on_the_socket_comes_to_ask_over_tcp(test: Any, expected: Any) -> None:
    assert over_tcp(test) == expected
    assert over_tcp(expected) == expected
