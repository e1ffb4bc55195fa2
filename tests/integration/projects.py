"""Projects to test on: copies of the repository with names of their own and free ports."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashtam_tasks import env_files

ROOT = Path(__file__).parents[2]
COPIED = ("compose", "example", "images", "invoke.yaml", "tasks.py")
PORTS = ("APP_PORT", "POSTGRES_PORT", "REDIS_PORT", "CALLBACK_PORT")


def docker(*arguments: str) -> str:
    """Run docker and return its stdout; a failure ends the test with docker's words."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def free_ports(count: int) -> list[int]:
    """Return host ports that nothing holds, each different, by holding all of them at once."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@dataclass(frozen=True, kw_only=True)
class Project:
    """A copied project in `path` whose names end in `suffix`."""

    path: Path
    suffix: str

    @property
    def name(self) -> str:
        """The Compose project's name."""
        return f"dashtam-dev{self.suffix}"

    @property
    def env_file(self) -> Path:
        """The development env file."""
        return self.path / "envs/.env.dev"

    def variable(self, name: str) -> str:
        """Return a value of the development env file."""
        return env_files.read(self.env_file)[name]

    def start(
        self, *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """Start `inv ARGUMENTS` in the project."""
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, "-m", "invoke", *arguments],
            cwd=self.path,
            env={**os.environ, **(environment or {})},
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
        """Return the JSON that a published port answers."""
        url = f"https://localhost:{self.variable(port)}{path}"
        with urllib.request.urlopen(url, context=trust or self.trust(), timeout=10) as answer:
            return json.load(answer)

    def send(self, path: str, body: object) -> Any:
        """POST JSON to the app and return its answer."""
        request = urllib.request.Request(
            f"https://localhost:{self.variable('APP_PORT')}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, context=self.trust(), timeout=10) as answer:
            return json.load(answer)

    def containers(self) -> dict[str, str]:
        """Return the ids of the project's containers, stopped ones included, by name."""
        label = f"label=com.docker.compose.project={self.name}"
        rows = docker("ps", "-a", "--no-trunc", "--filter", label, "--format", "{{.Names}} {{.ID}}")
        return dict(row.split() for row in rows.splitlines())

    def leftovers(self) -> list[str]:
        """Return every container, network and volume that the engine has of this project."""
        label = f"label=com.docker.compose.project={self.name}"
        return [
            *docker("ps", "-aq", "--filter", label).split(),
            *docker("network", "ls", "-q", "--filter", label).split(),
            *docker("volume", "ls", "-q", "--filter", label).split(),
        ]

    def replace(self, file: str, old: str, new: str) -> None:
        """Replace the one place where `old` stands in a file."""
        path = self.path / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
        path.write_text(text.replace(old, new))


def make_project(path: Path) -> Project:
    """Copy the repository's project to `path`, prepare it as a person would, and give it its own names."""
    project = Project(path=path, suffix=f"-{uuid.uuid4().hex[:8]}")
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", "*.pem", ".env", ".env.test")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, path / name, ignore=ignored)
        else:
            shutil.copy2(source, path / name)
    (path / "envs").mkdir()
    example = path / "envs/.env.dev.example"
    shutil.copy2(ROOT / "envs/.env.dev.example", example)
    example.write_text(example.read_text() + f"\nINSTANCE_SUFFIX={project.suffix}\n")
    ports = (str(port) for port in free_ports(len(PORTS)))
    env_files.update(example, dict(zip(PORTS, ports, strict=True)))
    project.inv("setup")
    return project


def disposable(path: Path) -> Iterator[Project]:
    """Yield a new project and remove its containers, network, volumes and images at the end."""
    path.mkdir()
    made = make_project(path)
    try:
        yield made
    finally:
        for kind, listing in (("container", ("ps", "-aq")), ("volume", ("volume", "ls", "-q"))):
            found = docker(*listing, "--filter", f"label=com.docker.compose.project={made.name}").split()
            if found:
                docker(kind, "rm", "--force", *found)
        label = f"label=com.docker.compose.project={made.name}"
        for network in docker("network", "ls", "-q", "--filter", label).split():
            docker("network", "rm", network)
        # By name: another project's image may be the very same one.
        names = ("--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={made.name}-*")
        for image in docker("image", "ls", *names).splitlines():
            docker("image", "rm", image)
