"""The real script as a real process, on a machine that is a folder of the test.

The script's copy there has the machine's paths led into that folder, and PATH holds fakes.
"""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


BOOTSTRAP = HERE.parents[2] / "bootstrap"


PYTHON = Path(sys.executable).resolve()


TOOLS = ("cat", "cp", "echo", "env", "install", "rm", "setsid", "sh", "touch", "true")


IMAGES = {
    "POSTGRES_IMAGE": "postgres:17.6-alpine3.22",
    "REDIS_IMAGE": "local/redis:8",
    "PYTHON_IMAGE": "python:3.13",
}


SETUP_FILES = (
    "certs/ca.pem",
    "certs/cert.pem",
    "certs/key.pem",
    "certs/callback_cert.pem",
    "certs/callback_key.pem",
    "envs/.env.dev",
    "envs/.env.test",
    "envs/.env.ci",
    "envs/.env.images",
)


PLUGIN = ".docker/cli-plugins/docker-compose"


VENV_PART = "the virtual environment .venv"


DOCKER_PART = "Docker Engine with its docker command"


COMPOSE_PART = "Docker Compose v2 or later"


Result = subprocess.CompletedProcess[str]


class Machine:
    """A checkout, a home and programs; at first without anything that bootstrap makes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.checkout = root / "a checkout"
        self.home = root / "home"
        self.programs = root / "bin"
        self.calls_file = root / "calls"
        self.socket = root / "var/run/docker.sock"
        self.pid_file = root / "var/run/docker.pid"
        for folder in ("home", "bin", "etc", "usr/sbin", "var/run", "var/log", "wheels"):
            (root / folder).mkdir(parents=True)
        self.calls_file.touch()
        self.lay_checkout()
        for tool in TOOLS:
            (self.programs / tool).symlink_to(str(shutil.which(tool)))
        (self.programs / "python3").symlink_to(PYTHON)
        # Whoever runs the tests: root does without it.
        self.program("sudo", 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"')

    def lay_checkout(self) -> None:
        package = self.checkout / "dashtam_tasks/__init__.py"
        package.parent.mkdir(parents=True)
        package.touch()
        self.script = self.checkout / "bootstrap"
        machine_path = r'(?<=")(?=/(?:(?:etc|run|usr|var)/|proc/1/))'
        self.script.write_text(re.sub(machine_path, str(self.root), BOOTSTRAP.read_text()))
        self.script.chmod(0o755)
        shutil.copy(HERE / "bootstrap_backend.py", self.checkout)
        (self.checkout / "pyproject.toml").write_text(
            '[build-system]\nrequires = []\nbuild-backend = "bootstrap_backend"\nbackend-path = ["."]\n'
        )
        self.lock("dev", self.wheel("tool", {"tool.py": "answer = 42\n"}))
        self.lock("compose", self.wheel("compose", {"c-1.data/scripts/docker-compose": "binary"}))

    def wheel(self, name: str, files: dict[str, str]) -> Path:
        path = self.root / "wheels" / f"{name}-1-py3-none-any.whl"
        info = f"{name}-1.dist-info"
        with zipfile.ZipFile(path, "w") as archive:
            for file, text in files.items():
                archive.writestr(file, text)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        return path

    def lock(self, requirements: str, wheel: Path) -> None:
        """Pin *wheel* by its hash, as `uv pip compile --generate-hashes` does."""
        name, digest = wheel.name.partition("-")[0], hashlib.sha256(wheel.read_bytes()).hexdigest()
        path = self.checkout / "requirements" / f"{requirements}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{name}==1 \\\n    --hash=sha256:{digest}\n")

    def program(self, path: Path | str, body: str = "") -> None:
        """Make a program that notes its arguments, then does what *body* says."""
        file = self.programs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'#!/bin/sh\nprintf "%s\\n" "{file.name} $*" >>"$CALLS"\n{body}\n')
        file.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines()

    def environment(self, **variables: str) -> dict[str, str]:
        return {
            "PATH": str(self.programs),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "CALLS": str(self.calls_file),
            "DOCKERD_SOCKET": str(self.socket),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.root / "wheels"),
            **variables,
        }

    @contextlib.contextmanager
    def starting(self, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
        """Start bootstrap in a session of its own; what is left of it ends with the block."""
        with subprocess.Popen(
            [self.script, *arguments],
            env=self.environment(**variables),
            cwd=self.root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def bootstrap(self, *arguments: str, stdin: str = "", **variables: str) -> Result:
        with self.starting(*arguments, **variables) as process:
            stdout, stderr = process.communicate(stdin, timeout=120)
        return Result(arguments, process.returncode, stdout, stderr)

    def module(self, monkeypatch: pytest.MonkeyPatch | None = None) -> ModuleType:
        """Import the script; with *monkeypatch*, in the machine's environment."""
        if monkeypatch:
            for name, value in self.environment().items():
                monkeypatch.setenv(name, value)
        loader = SourceFileLoader("bootstrap", str(self.script))
        spec = importlib.util.spec_from_loader(loader.name, loader)
        assert spec
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        return module

    def be_debian(self, *, candidates: str = "", installs: str = "") -> None:
        """Have apt: *candidates* are cases of its answers, *installs* is what install does."""
        (self.root / "etc/os-release").write_text('ID=mint\nID_LIKE="ubuntu debian"\n')
        self.program("apt-get", f'echo "apt-get: $*"\n[ $1 = update ] && exit\n{installs}')
        self.program("apt-cache", f"case $2 in {candidates} *) echo '  Candidate: (none)' ;; esac")

    def packages(self, *, client: str = "docker.io") -> str:
        """Return how a shell installs docker.io, and the package *client* with the command."""
        dockerd, docker = self.root / "offer/dockerd", self.root / "offer/docker"
        self.program(docker, '[ "$*" != "compose version" ]')
        dockerd.write_text(f"#!{PYTHON}\n{(HERE / 'bootstrap_dockerd.py').read_text()}")
        dockerd.chmod(0o755)
        return (
            f'case " $* " in *" docker.io "*) cp {dockerd} {self.root}/usr/sbin ;; esac\n'
            f'case " $* " in *" {client} "*) cp {docker} {self.programs} ;; esac'
        )

    def have_docker(self) -> None:
        """Have an engine that does not run."""
        subprocess.run(["sh", "-c", self.packages(), "sh", "docker.io"], check=True)

    def have_compose(self) -> None:
        self.program(self.home / PLUGIN)

    def have_venv(self, inv: str = "", python: Path = PYTHON) -> None:
        """Have what bootstrap takes for a complete virtual environment."""
        self.program(self.checkout / ".venv/bin/inv", inv)
        (self.checkout / ".venv/bin/python").symlink_to(python)
        (self.checkout / ".venv/bootstrap.sha256").write_text(self.module().venv_digest())

    def have_project(self) -> None:
        """Have what `inv setup` makes."""
        for name in SETUP_FILES:
            (self.checkout / name).parent.mkdir(exist_ok=True)
            (self.checkout / name).touch()
        lines = [f'{variable}="{image}"\n' for variable, image in IMAGES.items()]
        (self.checkout / "envs/.env.images").write_text("".join(lines))
        self.have_images(*IMAGES.values())

    def have_images(self, *images: str) -> None:
        self.socket.with_suffix(".images").write_text("\n".join(images))


def is_dockerd(pid: int) -> bool:
    """Return whether *pid* is a living process of that name; a zombie is not."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and re.match(r"\d+ \(dockerd\) [^XZ]", status.read_text()) is not None


ELSEWHERE = (
    {"DOCKER_HOST": "tcp://127.0.0.1:1"},
    {"DOCKER_HOST": "ssh://nobody@localhost"},
    {"DOCKER_CONTEXT": "remote"},
    {"DOCKER_CONFIG": "{root}/configured"},
)


def elsewhere(machine: Machine, variables: dict[str, str]) -> dict[str, str]:
    """Return *variables* for *machine*, whose other configuration folder names a context."""
    plugin = machine.root / "configured/cli-plugins/docker-compose"
    machine.program(plugin)
    (machine.root / "configured/config.json").write_text('{"currentContext": "remote"}')
    return {name: value.format(root=machine.root) for name, value in variables.items()}
