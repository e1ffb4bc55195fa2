"""A project as a migration leaves it: the example in a folder of its own, with this repository's environments."""

import shutil
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from dashtam_tasks import env_files
from dashtam_tasks.migration import backup
from dashtam_tasks.migration.facts import EnvironmentFacts, Facts
from tests.integration.projects import ENVIRONMENTS, PORTS, PUBLISHING, ROOT, Project

BASE, OVERLAY = "docker-compose.yml", "docker-compose.test.yml"
LEGACY = (BASE, OVERLAY, ".env", ".env.test", "Makefile")
SETTINGS = "dashtam:\n  project: dashtam\n  suites:\n    unit: { needs: [] }\n  workflow: { install: [] }\n"
IGNORED = "/envs/.env.*\n!/envs/.env.*.example\n/backups/\n/.dashtam/\n/reports/\n*.old\n"
FACTS = Facts(
    project="dashtam",
    legacy_project="example",
    environments=(
        EnvironmentFacts(
            name="dev",
            compose_file="compose/docker-compose.dev.yml",
            env_file="envs/.env.dev",
            legacy_files=(BASE,),
            legacy_env_file=".env",
        ),
        EnvironmentFacts(
            name="test",
            compose_file="compose/docker-compose.test.yml",
            env_file="envs/.env.test",
            legacy_files=(BASE, OVERLAY),
            legacy_env_file=".env.test",
        ),
        EnvironmentFacts(
            name="ci", compose_file="compose/docker-compose.ci.yml", env_file="envs/.env.ci", legacy_files=()
        ),
    ),
    app="app",
    databases=("postgres",),
    caches=("redis",),
    moved={".env": "envs/.env.dev", ".env.test": "envs/.env.test"},
)


def make_migrated(path: Path, ports: Iterable[int]) -> Project:
    """Make a migrated project at `path`, ready to start, with names and ports of its own, in git."""
    project = Project(path=path, suffix=f"-{uuid.uuid4().hex[:8]}", state=path.with_name("state"))
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", "*.pem", ".env", ".env.test")
    shutil.copytree(ROOT / "example", path, ignore=ignored)
    for name in (".env", ".env.test"):
        shutil.copy2(path / f"{name}.example", path / name)
    backup.take(path, LEGACY, today=date(2026, 11, 23))
    for name in (*LEGACY, ".env.example", ".env.test.example"):
        (path / name).unlink()
    shutil.copytree(ROOT / "compose", path / "compose")
    shutil.copytree(ROOT / "images", path / "images", ignore=ignored)
    shutil.copy2(ROOT / "tasks.py", path / "tasks.py")
    (path / "invoke.yaml").write_text(SETTINGS)
    write_examples(project, iter(ports))
    with (path / ".gitignore").open("a") as file:
        file.write(IGNORED)
    git(path, "init", "--quiet")
    git(path, "add", "--all")
    project.inv("setup")
    return project


def write_examples(project: Project, ports: Iterator[int]) -> None:
    """Write the examples of env files: the repository's own, for an application that is the project itself."""
    (project.path / "envs").mkdir()
    for environment in ENVIRONMENTS:
        example = project.path / f"envs/.env.{environment}.example"
        text = (ROOT / "envs" / example.name).read_text()
        lines = [line for line in text.splitlines(keepends=True) if not line.startswith("APP_DIR=")]
        example.write_text(f"{''.join(lines)}\nINSTANCE_SUFFIX={project.suffix}\n")
        if environment in PUBLISHING:
            env_files.update(example, {name: str(next(ports)) for name in PORTS})


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
