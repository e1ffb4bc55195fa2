"""Legacy projects to migrate: copies of example/ with names and ports of their own, set up as its README says."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.host_ports import claimed
from tests.integration.projects import LISTINGS, NAMES, PORTS, ROOT, docker

# What names begin with in example/ is the project's in each of these.
NAMED = ("docker-compose.yml", "docker-compose.test.yml", "Makefile", "README.md", "WARP.md")
WAIT = ("up", "--detach", "--wait", "--wait-timeout", "120")


@dataclass(frozen=True, kw_only=True)
class LegacyProject:
    """A legacy project in `path`, whose names begin with `name`; its instances are remembered in `state`."""

    path: Path
    name: str
    state: Path

    def run(self, *command: str, code: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in the project's folder and hold it to an exit code."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**os.environ, "XDG_STATE_HOME": str(self.state)},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            **options,
        )
        assert done.returncode == code, f"{' '.join(command)}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
        return done

    def tasks(self, *arguments: str, code: int = 0) -> str:
        """Run `dashtam-tasks ARGUMENTS`, as in a project that has no tasks.py, and return its stdout."""
        program = "from dashtam_tasks.program import main; main()"
        return self.run(sys.executable, "-c", program, *arguments, code=code).stdout

    def inv(self, *arguments: str, code: int = 0) -> str:
        """Run `inv ARGUMENTS`, as in a project that has been migrated, and return its stdout."""
        return self.run(sys.executable, "-m", "invoke", *arguments, code=code).stdout

    def compose(self, *arguments: str) -> str:
        """Run `docker compose ARGUMENTS` as the project's people always did, and return its stdout."""
        return self.run("docker", "compose", *arguments).stdout

    def sql(self, statement: str) -> str:
        """Return what psql in the legacy database answers, one row a line."""
        login = ("psql", "-U", "dashtam_user", "-d", "dashtam", "-Atc")
        return self.compose("exec", "-T", "postgres", *login, statement)

    def found(self, kind: str) -> list[str]:
        """Return the names of what the engine has of one kind, old and new."""
        label = '{{.Label "com.docker.compose.project"}}'
        rows = docker(*LISTINGS[kind], "--format", f"{NAMES[kind]}|{label}").splitlines()
        return [name for name, _, owner in (row.partition("|") for row in rows) if self.name in owner]


def make_legacy(path: Path, ports: Sequence[int]) -> LegacyProject:
    """Copy example/ to `path`, and set it up with names and ports of its own."""
    name = path.name
    project = LegacyProject(path=path, name=name, state=path.with_name("state"))
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", "*.pem", ".env", ".env.test")
    shutil.copytree(ROOT / "example", path, ignore=ignored)
    for file in NAMED:
        text = (path / file).read_text()
        (path / file).write_text(text.replace("dashtam-", f"{name}-"))
    images = (ROOT / "envs/.env.images").read_text()
    for file, own in ((".env", ports[: len(PORTS)]), (".env.test", ports[len(PORTS) :])):
        numbers = "".join(f"{variable}={port}\n" for variable, port in zip(PORTS, own, strict=True))
        (path / file).write_text((path / f"{file}.example").read_text() + images + numbers)
    # What `make certs keys` runs; not every machine has make.
    project.run("./scripts/generate-certs.sh")
    project.run("./scripts/generate-keys.sh")
    return project


def disposable_legacy(parent: Path) -> Iterator[LegacyProject]:
    """Yield a new legacy project and remove everything that it became at the end."""
    with claimed() as ports:
        made = make_legacy(parent / f"d{uuid.uuid4().hex[:8]}", ports)
        try:
            yield made
        finally:
            for container in made.found("container"):
                docker("rm", "--force", "--volumes", container)
            for kind in ("network", "volume"):
                for name in made.found(kind):
                    docker(kind, "rm", name)
