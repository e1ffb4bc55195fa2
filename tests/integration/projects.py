"""Projects to test on: copies of the repository with names of their own and free ports."""

import json
import os
import shutil
import ssl
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dashtam_tasks import env_files
from tests.integration.host_ports import claimed

ROOT = Path(__file__).parents[2]
COPIED = ("compose", "example", "images", "invoke.yaml", "tasks.py")
ENVIRONMENTS = ("dev", "test", "ci")
# CI publishes nothing.
PUBLISHING = ("dev", "test")
PORTS = ("APP_PORT", "POSTGRES_PORT", "REDIS_PORT", "CALLBACK_PORT")

LISTINGS = {"container": ("ps", "--all"), "network": ("network", "ls"), "volume": ("volume", "ls")}
NAMES = {"container": "{{.Names}}", "network": "{{.Name}}", "volume": "{{.Name}}"}


def docker(*arguments: str) -> str:
    """Run docker and return its stdout; a failure ends the test with docker's words."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def await_word(process: "subprocess.Popen[str]", word: str) -> None:
    """Return when a process printed a line that ends in a word; pytest-timeout ends a wait that is too long."""
    assert process.stdout is not None
    seen: list[str] = []
    while seen[-1:] != [word]:
        line = process.stdout.readline()
        assert line, f"{process.args!r} ended without {word!r}"
        seen = line.split()


@dataclass(frozen=True, kw_only=True)
class Project:
    """A copied project in `path` whose names end in `suffix`, and whose instances are remembered in `state`."""

    path: Path
    suffix: str
    state: Path

    @property
    def name(self) -> str:
        """The Compose project's name in development."""
        return self.compose_project("dev")

    def compose_project(self, environment: str, instance: str = "") -> str:
        """Return the Compose project's name of an instance."""
        return f"dashtam-{environment}{self.suffix}{instance and f'-{instance}'}"

    @property
    def env_file(self) -> Path:
        """The development env file."""
        return self.path / "envs/.env.dev"

    def variable(self, name: str, environment: str = "dev") -> str:
        """Return a value of an environment's env file."""
        return env_files.read(self.path / f"envs/.env.{environment}")[name]

    def start(
        self, *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """Start `inv ARGUMENTS` in the project."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, "-m", "invoke", *arguments],
            cwd=self.path,
            env={**os.environ, "XDG_STATE_HOME": str(self.state), **(environment or {})},
            text=True,
            **(streams | options),
        )

    def inv(
        self, *arguments: str, code: int = 0, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `inv ARGUMENTS` in the project to its end and hold it to an exit code."""
        with self.start(*arguments, environment=environment, stdin=subprocess.PIPE) as process:
            stdout, stderr = process.communicate(stdin, timeout=240)
        done = subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)
        assert done.returncode == code, f"inv {' '.join(arguments)}\n{stdout}\n{stderr}"
        return done

    def trust(self) -> ssl.SSLContext:
        """Return a client's TLS context that trusts the project's certificate authority alone."""
        return ssl.create_default_context(cafile=self.path / "certs/ca.pem")

    def get(
        self, path: str = "/health", *, port: str = "APP_PORT", trust: ssl.SSLContext | None = None
    ) -> Any:
        """Return the JSON that a published port of development answers."""
        url = f"https://localhost:{self.variable(port)}{path}"
        with urllib.request.urlopen(url, context=trust or self.trust(), timeout=30) as answer:
            return json.load(answer)

    def send(self, path: str, body: object) -> Any:
        """POST JSON to the app and return its answer."""
        request = urllib.request.Request(
            f"https://localhost:{self.variable('APP_PORT')}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, context=self.trust(), timeout=30) as answer:
            return json.load(answer)

    def containers(self, environment: str = "dev", instance: str = "") -> dict[str, str]:
        """Return the ids of an instance's containers, stopped ones included, by name."""
        label = f"label=com.docker.compose.project={self.compose_project(environment, instance)}"
        rows = docker("ps", "-a", "--no-trunc", "--filter", label, "--format", "{{.Names}} {{.ID}}")
        return dict(row.split() for row in rows.splitlines())

    def instances(self) -> dict[str, dict[str, Any]]:
        """Return what `inv instances` knows, by Compose project."""
        return {one["project"]: one for one in json.loads(self.inv("instances", "--json").stdout)}

    def leftovers(self) -> list[str]:
        """Return every container, network and volume that the engine has of this project's environments."""
        return [name for kind in LISTINGS for name in self.found(kind)]

    def found(self, kind: str) -> list[str]:
        """Return the names of what the engine has of one kind, of every environment and instance."""
        label = '{{.Label "com.docker.compose.project"}}'
        rows = docker(*LISTINGS[kind], "--format", f"{NAMES[kind]}|{label}").splitlines()
        return [name for name, _, owner in (row.partition("|") for row in rows) if self.suffix in owner]

    def rows(self) -> str:
        """Return every row of every table in development's database."""
        tables = self.sql(
            "select format('%I', tablename) from pg_tables where schemaname = 'public' order by 1"
        )
        return "\n".join(self.sql(f"copy (table {table} order by 1) to stdout") for table in tables.split())

    def sql(self, statement: str, environment: str = "dev") -> str:
        """Return what psql answers to a statement, one row a line."""
        return self.inv(f"{environment}.db-shell", "--", "-Atc", statement).stdout

    def replace(self, file: str, old: str, new: str) -> None:
        """Replace the one place where `old` stands in a file."""
        path = self.path / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
        path.write_text(text.replace(old, new))


def edit_service(project: Project, service: str, *, environment: str = "dev", **changes: object) -> None:
    """Change keys of a service in one of the project's Compose files."""
    path = project.path / f"compose/docker-compose.{environment}.yml"
    model = yaml.safe_load(path.read_text())
    model["services"][service].update(changes)
    path.write_text(yaml.safe_dump(model))


def make_project(path: Path, ports: Iterable[int]) -> Project:
    """Copy the repository's project to `path`, prepare it as a person would, with names and ports of its own."""
    project = Project(path=path, suffix=f"-{uuid.uuid4().hex[:8]}", state=path.with_name("state"))
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", "*.pem", ".env", ".env.test")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, path / name, ignore=ignored)
        else:
            shutil.copy2(source, path / name)
    (path / "envs").mkdir()
    numbers = iter(ports)
    for environment in ENVIRONMENTS:
        example = path / f"envs/.env.{environment}.example"
        shutil.copy2(ROOT / "envs" / example.name, example)
        example.write_text(example.read_text() + f"\nINSTANCE_SUFFIX={project.suffix}\n")
        if environment in PUBLISHING:
            env_files.update(example, {name: str(next(numbers)) for name in PORTS})
    project.inv("setup")
    return project


def disposable(path: Path) -> Iterator[Project]:
    """Yield a new project and remove its containers, network, volumes and images at the end."""
    path.mkdir()
    with claimed() as ports, cleared(make_project(path, ports)) as made:
        yield made


@contextmanager
def cleared(project: Project) -> Iterator[Project]:
    """Yield a project, and remove its containers, networks, volumes and images at the end."""
    try:
        yield project
    finally:
        for kind, options in (("container", ("--force", "--volumes")), ("network", ()), ("volume", ())):
            found = project.found(kind)
            if found:
                docker(kind, "rm", *options, *found)
        # By name: another project's image may be the very same one.
        names = ("--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference=dashtam-*{project.suffix}*")
        for image in docker("image", "ls", *names).splitlines():
            # Parents stay: without BuildKit they are the cache of a build that another test may be at.
            docker("image", "rm", "--no-prune", image)
