"""A project's blueprint, built as the plan builds it: surveyed, drafted, staged and resolved."""

import shutil
from pathlib import Path

from dashtam_tasks.migration import drafting, environment_files, legacy, plan
from dashtam_tasks.migration.blueprint import Blueprint
from dashtam_tasks.migration.choices import Choices
from dashtam_tasks.migration.legacy import Role
from dashtam_tasks.migration.staging import staged

ROOT = Path(__file__).parents[4]
SHAPES = ROOT / "tests/shapes"

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


def example(folder: Path) -> Path:
    """Return a copy of the example with its env files, as a person has it."""
    shutil.copytree(
        ROOT / "example", folder, ignore=shutil.ignore_patterns(".ruff_cache", "__pycache__", "*.pem")
    )
    for name in (".env", ".env.test"):
        shutil.copyfile(folder / f"{name}.example", folder / name)
    return folder


def shape(name: str, folder: Path) -> Path:
    """Return a copy of a shape's project."""
    shutil.copytree(SHAPES / name / "project", folder, symlinks=True)
    return folder


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
    found = legacy.survey(folder)
    drafted = drafting.draft(found, Choices(test_file=test_file))
    steps = environment_files.steps(drafted)
    with staged(folder, (one for step in steps for one in step.operations)) as stage:
        models = {name: plan.model_of(one, stage) for name, one in drafted.sources.items()}
    return Blueprint(
        found=found,
        facts=plan.facts_of(drafted),
        sources=drafted.sources,
        drafts=drafted.drafts,
        models=models,
    )
