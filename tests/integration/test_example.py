"""The example in its legacy layout: it runs as it is, with plain Docker Compose, and its own tests pass."""

import json
import re
import shutil
import ssl
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashtam_tasks import env_files
from tests.integration.host_ports import claimed
from tests.integration.projects import PORTS, ROOT, docker

TARGETS = (
    "help build up down logs logs-% status clean restart dev prod shell db-shell redis-cli certs keys setup"
    " test-setup test test-unit test-integration test-verify test-% test-coverage test-file test-clean lint format"
    " migrate migration auth-schwab check"
)


@dataclass(frozen=True)
class Legacy:
    """A copy of the example with names and ports of its own."""

    path: Path
    project: str
    port: int

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run plain `docker compose` in the copy."""
        argv = ["docker", "compose", "--env-file", "images.env", "--env-file", ".env", *arguments]
        return subprocess.run(
            argv,
            cwd=self.path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Legacy]:
    """The example, up and prepared for its tests; everything it made is removed afterwards."""
    path = tmp_path_factory.mktemp("legacy") / "example"
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", "*.pem", ".env", ".env.test")
    shutil.copytree(ROOT / "example", path, ignore=ignored)
    shutil.copy2(ROOT / "envs/.env.images", path / "images.env")
    project = f"legacy-{uuid.uuid4().hex[:8]}"
    base = path / "docker-compose.yml"
    text = base.read_text().replace("container_name: dashtam-", f"container_name: {project}-")
    base.write_text(text.replace("name: dashtam-network", f"name: {project}"))
    shutil.copy2(path / ".env.example", path / ".env")
    subprocess.run(["./scripts/generate-certs.sh"], cwd=path, check=True, capture_output=True, timeout=60)
    with claimed() as ports:
        numbers = dict(zip(PORTS, map(str, ports), strict=False))
        env_files.update(path / ".env", numbers | {"ENVIRONMENT": "testing"})
        made = Legacy(path, project, ports[PORTS.index("APP_PORT")])
        try:
            started = made.compose("--project-name", project, "up", "--detach", "--build", "--wait")
            assert started.returncode == 0, started.stderr
            yield made
        finally:
            made.compose("--project-name", project, "down", "--volumes", "--rmi", "local")
    assert docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={project}") == ""


def in_app(legacy: Legacy, *command: str) -> subprocess.CompletedProcess[str]:
    return legacy.compose("--project-name", legacy.project, "exec", "--no-TTY", "app", *command)


def test_plain_compose_serves_the_app_with_its_own_certificate(legacy: Legacy) -> None:
    deadline = time.monotonic() + 60
    trusting = ssl.create_default_context(cafile=legacy.path / "certs/cert.pem")
    trusting.check_hostname = False  # the legacy certificates have no subject alternative name
    url = f"https://127.0.0.1:{legacy.port}/health"
    health = None
    while health is None:
        try:
            with urllib.request.urlopen(url, context=trusting, timeout=20) as answer:
                health = json.load(answer)
        except OSError:
            # The legacy app has no health check to wait for.
            assert time.monotonic() < deadline
    assert (health["database"], health["redis"]) == ("connected", "connected")


def test_its_own_tests_pass_in_its_own_containers(legacy: Legacy) -> None:
    prepared = in_app(legacy, "uv", "run", "python", "src/core/init_test_db.py")
    assert prepared.returncode == 0, prepared.stderr
    tested = in_app(legacy, "uv", "run", "pytest", "-q")
    assert tested.returncode == 0, tested.stdout
    assert re.search(r"^\d\d passed", tested.stdout, re.MULTILINE), tested.stdout


def test_the_makefile_has_the_targets_that_people_know() -> None:
    makefile = (ROOT / "example/Makefile").read_text()
    rules = set(re.findall(r"^([a-z][a-z%-]*):", makefile, re.MULTILINE))
    assert rules >= set(TARGETS.split())
