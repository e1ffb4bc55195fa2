"""A small project whose files name what a migration renames, and the fates of its make targets."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashtam_tasks.migration.references import Reference, References, find
from tests.unit.migration.blueprints import blueprint_of

COMPOSE = """\
services:
  app:
    image: shop-app
    container_name: shop-app
    volumes: ["./.env:/app/.env:ro"]
    networks: [shop-network]
  db:
    image: redis:8
    container_name: shop-db
    volumes: ["redis_data:/data"]
    networks: [shop-network]
networks:
  shop-network: {name: shop-network}
volumes:
  redis_data:
"""
FILES = {
    "docker-compose.yml": COMPOSE,
    "docker-compose.test.yml": "services:\n  app:\n    environment: {TESTING: '1'}\n",
    ".env": "SECRET=swordfish # see .env and shop-app\n",
    ".env.example": "SECRET=\n",
    ".env.test": "SECRET=\n",
    "Makefile": (
        "up:\n\tdocker-compose up -d\n"
        "test:\n\tdocker-compose -f docker-compose.yml -f docker-compose.test.yml --env-file .env.test up\n"
        "logs-%:\n\tdocker-compose logs -f $*\n"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Account:
    """What becomes of a make target."""

    target: str
    line: int = 1
    fate: str = "replaced"
    command: str = ""
    reason: str = ""


ACCOUNTS = (
    Account(target="up", command="inv dev.up"),
    Account(target="logs-%", command="inv dev.logs --service NAME"),
    Account(target="test", fate="left", reason="nobody knows what it is for"),
)
Found = Callable[[dict[str, bytes | str]], References]


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Found:
    """Return what finds the references of the small project with more files."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    def look(more: dict[str, bytes | str]) -> References:
        folder = tmp_path / "shop"
        for name, data in {**FILES, **more}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return find(blueprint_of(folder)[0], ACCOUNTS)

    return look


@pytest.fixture
def said(found: Found) -> Callable[[str, str], list[tuple[str, str, str]]]:
    """Return what a file of some text is told to say instead: line, text, and what to write or to know."""

    def look(name: str, text: str) -> list[tuple[str, str, str]]:
        return [
            (f"{one.line}", one.text, words_of(one)) for one in found({name: text}).listed if one.file == name
        ]

    return look


def words_of(one: Reference) -> str:
    """Return what a reference is told to become, else its note."""
    return one.becomes or one.note
