"""A small project as a migration leaves it, in which a test breaks one thing."""

import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dashtam_tasks import env_files, workflow
from dashtam_tasks.migration import backup
from dashtam_tasks.migration.facts import EnvironmentFacts, Facts
from dashtam_tasks.migration.verification import Box, of_step
from dashtam_tasks.migration.verification.subject import read_settings

BASE, OVERLAY = "docker-compose.yml", "docker-compose.test.yml"
LEGACY = (BASE, OVERLAY, ".env", "Makefile")
SECRET = "q8Zr2LmX0vBn4TsY7wKc"

FILE = """\
name: shop-{environment}${{INSTANCE_SUFFIX:-}}
services:
  postgres:
    image: postgres:17
    container_name: shop-{environment}-postgres
    environment:
      POSTGRES_PASSWORD: ${{POSTGRES_PASSWORD:?set it}}
    {data}
    healthcheck: {{ test: [CMD, "true"], interval: 5s }}
    networks: [net]
    {database_port}
  app:
    build: ..
    container_name: shop-{environment}-app
    command: [serve]
    environment: {{ SSL_ENABLED: "${{SSL_ENABLED:-false}}" }}
    volumes: ["../certs:/app/certs:ro"]
    depends_on: {{ postgres: {{ condition: service_healthy }} }}
    healthcheck: {{ test: [CMD, "true"], interval: 5s }}
    networks: [net]
    {app_port}
networks:
  net: {{ name: shop-{environment}-network }}
"""
TLS = """\
  app-ssl:
    build: ..
    container_name: shop-test-app-ssl
    profiles: [ssl]
    command: [serve]
    environment: { SSL_ENABLED: "true" }
    healthcheck: { test: [CMD, "true"], interval: 5s }
    networks: [net]
networks:
"""
LEGACY_FILE = """\
services:
  postgres:
    image: postgres:17
    ports: ["5432:5432"]
  app:
    build: .
    ports: ["${APP_PORT:-8000}:8000"]
"""
SETTINGS = """\
dashtam:
  project: shop
  suites:
    ssl: { needs: [app-ssl] }
  workflow: { install: [] }
"""
TASKS = """\
from pathlib import Path

from dashtam_tasks.namespaces import task_tree

namespace = task_tree(Path(__file__).parent)
"""
MAKEFILE = "up:\n\tdocker-compose up -d\n"
GUIDE = """\
# Migration

`make up` is `inv up` now. Files: compose/docker-compose.dev.yml, compose/docker-compose.test.yml,
compose/docker-compose.ci.yml, envs/.env.dev, envs/.env.test, envs/.env.ci; `.env` became `envs/.env.dev`.

```console
$ docker compose --env-file envs/.env.dev -f compose/docker-compose.dev.yml up
```
"""
PROCEDURE = "# Back\n\n`migrate.rollback` and `migrate.backups`; .env comes back. `inv dev.down` first.\n"
IGNORED = "/envs/.env.*\n!/envs/.env.*.example\n/backups/\n/.dashtam/\n*.old\n/certs/\n"
FACTS = Facts(
    project="shop",
    legacy_project="shop",
    environments=tuple(
        EnvironmentFacts(
            name=name,
            compose_file=f"compose/docker-compose.{name}.yml",
            env_file=f"envs/.env.{name}",
            legacy_files=files,
            legacy_env_file=".env" if name == "dev" else "",
        )
        for name, files in (("dev", (BASE,)), ("test", (BASE, OVERLAY)), ("ci", ()))
    ),
    app="app",
    databases=("postgres",),
    moved={".env": "envs/.env.dev"},
)


@dataclass(frozen=True)
class Migrated:
    """The project in `path`, and what a test does to it."""

    path: Path

    def boxes(self, number: str, facts: Facts = FACTS) -> dict[str, Box]:
        """Return the boxes of a step by their texts."""
        return {one.text: one for one in of_step(number, self.path, facts)}

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a text where it stands in a file."""
        text = (self.path / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        self.write(name, text.replace(old, new))

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.path / name).unlink()

    def git(self, *arguments: str) -> None:
        """Run git."""
        subprocess.run(["git", *arguments], cwd=self.path, check=True, capture_output=True)

    @property
    def saved(self) -> Path:
        """The folder of the backup."""
        return backup.existing(self.path)[0].folder


def compose_file(environment: str) -> str:
    """Return the Compose file of an environment."""
    published = {"dev": ("5432", "8000"), "test": ("5433", "8001")}.get(environment)
    ports = [
        f'ports: ["127.0.0.1:{host}:{own}"]'
        for host, own in zip(published or (), ("5432", "8000"), strict=False)
    ]
    database, app = ports or ("", "")
    kept = environment == "dev"
    text = FILE.format(
        environment=environment,
        data="volumes: [dev_data:/var/lib/postgresql/data]" if kept else "tmpfs: [/var/lib/postgresql/data]",
        database_port=database,
        app_port=app.replace("8000:8000", "${APP_PORT:-8000}:8000"),
    )
    if environment == "test":
        text = text.replace("networks:\n  net", f"{TLS}  net")
    return f"{text}volumes:\n  dev_data:\n" if kept else text


def make(folder: Path) -> Migrated:
    """Make the project: its legacy files, their backup, and what takes their place."""
    made = Migrated(folder)
    made.write(BASE, LEGACY_FILE)
    made.write(OVERLAY, "services:\n  app:\n    command: sleep infinity\n")
    made.write(".env", f"POSTGRES_PASSWORD={SECRET}\nAPP_PORT=8000\n")
    made.write("Makefile", MAKEFILE)
    backup.take(folder, LEGACY, today=date(2026, 11, 23))
    for name in (BASE, OVERLAY):
        (folder / name).rename(folder / f"{name}.old")
    made.write("certs/ca.pem", "none\n")
    for environment in ("dev", "test", "ci"):
        made.write(f"compose/docker-compose.{environment}.yml", compose_file(environment))
    (folder / "envs").mkdir()
    (folder / ".env").rename(folder / "envs/.env.dev")
    made.write("envs/.env.test", "POSTGRES_PASSWORD=t3Kd9QwZ6uYb1HnVx5Rm\n")
    made.write("envs/.env.ci", "POSTGRES_PASSWORD=postgres\nDEBUG=false\n")
    for path in (folder / "envs").iterdir():
        path.chmod(0o600)
        public = path.read_text() if path.name == ".env.ci" else "POSTGRES_PASSWORD=CHANGE_ME\n"
        env_files.example_of(path).write_text(public)
    for name, text in (
        ("tasks.py", TASKS),
        ("invoke.yaml", SETTINGS),
        ("MIGRATION_GUIDE.md", GUIDE),
        ("ROLLBACK_PROCEDURE.md", PROCEDURE),
        ("README.md", "# Shop\n\nStart it: `inv dev.up`\n"),
        (".gitignore", IGNORED),
        (".dockerignore", "envs\nbackups\n"),
    ):
        made.write(name, text)
    settings = read_settings(folder)
    made.write(settings.workflow.path, workflow.content(settings).decode())
    made.git("init", "--quiet")
    made.git("add", "--all")
    return made
