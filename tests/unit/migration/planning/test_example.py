"""The example and the committed files hold together: migrated, its files are the very model of compose/."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks import processes
from dashtam_tasks.migration import legacy
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.planning import standalone
from dashtam_tasks.migration.planning.choices import Choices, sources
from dashtam_tasks.migration.rules.draft import Draft

ROOT = Path(__file__).parents[4]
# What both sides are resolved with; that a variable is used, and where, shows by its value.
SHARED = {
    "APP_PORT": "20000",
    "POSTGRES_PORT": "20001",
    "REDIS_PORT": "20002",
    "CALLBACK_PORT": "20003",
    "APP_UID": "4711",
    "APP_GID": "4712",
    "INSTANCE_SUFFIX": "-example",
    "POSTGRES_IMAGE": "localhost/postgres:17",
    "REDIS_IMAGE": "localhost/redis:8",
    "PYTHON_IMAGE": "localhost/python:3.13",
}
LOGIN = {"POSTGRES_DB": "some_database", "POSTGRES_USER": "somebody", "POSTGRES_PASSWORD": "some-password"}
SWITCHES = {
    "ENVIRONMENT": "elsewhere",
    "DEBUG": "perhaps",
    "SSL_ENABLED": "maybe",
    "TESTING": "surely",
    "MOCK_PROVIDERS": "of-course",
    "DISABLE_EXTERNAL_CALLS": "by-all-means",
    "CALLBACK_BASE_URL": "http://callback.invalid",
}


@dataclass(frozen=True)
class Migrated:
    """A copy of the example, and the Compose files that the migration makes for it."""

    folder: Path
    files: Mapping[str, Draft]

    def model(self, text: str, values: Mapping[str, str]) -> dict[str, Any]:
        """Return what Compose resolves a text to, as a file among the migrated ones."""
        path = self.folder / "compose/docker-compose.yml"
        path.write_text(text)
        argv = ["docker", "compose", "--env-file", "/dev/null", "--profile", "*", "--file", str(path)]
        done = processes.run([*argv, "config", "--format", "json"], environment=values)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    folder = tmp_path_factory.mktemp("parent") / "example"
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", "*.pem", ".env", ".env.test")
    shutil.copytree(ROOT / "example", folder, ignore=ignored)
    for name in (".env", ".env.test"):
        shutil.copy2(folder / f"{name}.example", folder / name)
    (folder / "compose").mkdir()
    return Migrated(folder, dict(drafts(legacy.survey(folder))))


def drafts(found: Legacy) -> dict[str, Draft]:
    chosen = {one.environment: one for one in sources(found, Choices())}
    moved = {one.env_file: one.new_env_file for one in chosen.values()}
    job = standalone.ci_job(chosen["test"], found)
    assert job is not None
    return {
        "dev": standalone.draft(chosen["dev"], found, moved=moved),
        "test": standalone.with_tls(standalone.draft(chosen["test"], found, moved=moved), found),
        "ci": standalone.ci_draft(chosen["test"], found, job, moved=moved),
    }


@pytest.mark.parametrize("values", [{}, SWITCHES], ids=["defaults", "set"])
@pytest.mark.parametrize("environment", ["dev", "test", "ci"])
def test_the_committed_file_is_what_the_migration_makes(
    migrated: Migrated, environment: str, values: dict[str, str]
) -> None:
    committed = (ROOT / f"compose/docker-compose.{environment}.yml").read_text()
    # Where CI's env file sets nothing, the two have defaults of their own.
    chosen = {"ENVIRONMENT": "ci", **SHARED, **values} if environment == "ci" else {**SHARED, **values}
    prefix = "" if environment == "dev" else "TEST_"
    legacy_login = {f"{prefix}{name}": value for name, value in LOGIN.items()}
    made = migrated.model(migrated.files[environment].document.text, chosen | legacy_login)
    assert made == migrated.model(committed, chosen | LOGIN)


@pytest.mark.parametrize("environment", ["dev", "test", "ci"])
def test_nothing_but_loopback_is_published(migrated: Migrated, environment: str) -> None:
    committed = (ROOT / f"compose/docker-compose.{environment}.yml").read_text()
    services = migrated.model(committed, SHARED | LOGIN)["services"]
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert {port["host_ip"] for port in ports} <= {"127.0.0.1"}
    assert bool(ports) == (environment != "ci")
