"""The legacy flow, to be measured: the example with its overlay and its Makefile, in a folder of its own."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.project import ROOT, VARIABLES
from benchmarks.timing import Command
from dashtam_tasks import console, env_files
from dashtam_tasks.instances.allocation import allocate

NAME = "dashtam-benchmark-legacy"
# Where the search for free host ports starts; the legacy files have development's.
PORTS = {"APP_PORT": 8000, "POSTGRES_PORT": 5432, "REDIS_PORT": 6379, "CALLBACK_PORT": 8182}

# The Makefile calls Compose by its old name.
DOCKER_COMPOSE = """\
#!/bin/sh
exec docker compose --project-name {name} "$@"
"""


@contextmanager
def legacy_project(folder: Path) -> Iterator[Path]:
    """Yield a copy of the example that is set up and built, with names and ports of its own."""
    path = folder / "example"
    shutil.copytree(ROOT / "example", path, ignore=shutil.ignore_patterns("__pycache__", "*.pem", ".env"))
    script = folder / "docker-compose"
    script.write_text(DOCKER_COMPOSE.format(name=shlex.quote(NAME)), encoding="utf-8")
    script.chmod(0o755)
    rename(path)
    with ExitStack() as stack:
        make(path, "setup").run()
        add_settings(path)
        stack.callback(make(path, "clean").run)
        console.note("building the legacy images")
        make(path, "build").run()
        yield path


def rename(path: Path) -> None:
    """Give the copy names and a callback port of its own; its other ports are variables."""
    file = path / "docker-compose.yml"
    text = file.read_text(encoding="utf-8").replace("container_name: dashtam-", f"container_name: {NAME}-")
    text = text.replace("name: dashtam-network", f"name: {NAME}").replace('"8182:', '"${CALLBACK_PORT}:')
    file.write_text(text, encoding="utf-8")


def add_settings(path: Path) -> None:
    """Add free ports and this machine's base images to both env files, and let the app's user read them."""
    values = {**allocate(PORTS, set()), **env_files.read(ROOT / "envs/.env.images")}
    for name in (".env", ".env.test"):
        lines = [f"{variable}={value}" for variable, value in values.items()]
        file = path / name
        known = file.read_text(encoding="utf-8")
        file.write_text("\n".join((known, *lines, "")), encoding="utf-8")
        file.chmod(0o644)


def make(path: Path, target: str, *, before: Command | None = None) -> Command:
    """Return the command that makes a target of the legacy Makefile."""
    search = os.pathsep.join((str(path.parent), VARIABLES["PATH"]))
    variables = {"PATH": search, "PYTHON": sys.executable}
    return Command(argv=("make", target), folder=path, variables=variables, before=before)
