"""A small project with a Makefile, and what it will be."""

from pathlib import Path

from dashtam_tasks.migration.legacy import Role
from dashtam_tasks.migration.planning.blueprint import Blueprint
from tests.unit.migration.blueprints import blueprint_of

BASE = """\
services:
  web:
    build: .
    command: [python, -m, shop]
    ports: ["8000:8000"]
    volumes: ["./src:/app/src"]
    depends_on: [db]
  worker:
    build: .
    command: [python, -m, shop.worker]
  db:
    image: postgres:17
    container_name: shop-db
    environment:
      POSTGRES_USER: keeper
      POSTGRES_DB: shop
      POSTGRES_PASSWORD: ${DB_PASSWORD:-CHANGE_ME}
"""
OVERLAY = """\
services:
  web:
    command: sleep infinity
"""


def shop(parent: Path, makefile: str) -> Path:
    """Return a project called `shop` with a Makefile of this text, a test overlay and an env file."""
    folder = parent / "shop"
    (folder / "src").mkdir(parents=True)
    (folder / "docker-compose.yml").write_text(BASE)
    (folder / "docker-compose.test.yml").write_text(OVERLAY)
    (folder / ".env").write_text("DB_PASSWORD=made-up\n")
    (folder / ".env.example").write_text("DB_PASSWORD=CHANGE_ME\n")
    (folder / "Dockerfile").write_text("FROM python:3.13-slim\n")
    (folder / "Makefile").write_text(makefile)
    return folder


def blueprint(folder: Path, *, test_file: Role | None = None) -> Blueprint:
    """Return the blueprint of the project in `folder`."""
    return blueprint_of(folder, test_file=test_file)[0]
