"""The real script as a real process, on a machine that is a folder of the test.

The script's copy there has the machine's paths led into that folder, and PATH holds fakes.
"""

import ast
import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
BOOTSTRAP = HERE.parents[1] / "bootstrap"
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


@pytest.fixture
def bare() -> Iterator[Machine]:
    """Give a machine that has nothing; its path is short, since a socket's must be."""
    with tempfile.TemporaryDirectory(prefix="bs") as folder:
        machine = Machine(Path(folder).resolve())
        yield machine
        if machine.pid_file.exists() and is_dockerd(pid := int(machine.pid_file.read_text())):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def stopped(bare: Machine) -> Machine:
    """Give a machine that has everything, but its engine does not run."""
    bare.have_venv()
    bare.have_docker()
    bare.have_compose()
    bare.have_project()
    return bare


@pytest.fixture
def ready(stopped: Machine) -> Machine:
    """Give a machine that has everything."""
    stopped.bootstrap("true")
    assert is_dockerd(int(stopped.pid_file.read_text()))
    stopped.calls_file.write_text("")
    return stopped


@pytest.fixture(scope="module")
def python_with_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an interpreter that has pip; the one that runs the tests may have none."""
    folder = tmp_path_factory.mktemp("pip")
    subprocess.run([PYTHON, "-m", "venv", folder], check=True)
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec {folder}/bin/python "$@"\n')
    script.chmod(0o755)
    return script


# Becoming COMMAND


@pytest.mark.parametrize("arguments", [[], ["--no-install"], ["--"], ["--nonsense", "true"]])
def test_wrong_usage_is_told_with_64(bare: Machine, arguments: list[str]) -> None:
    result = bare.bootstrap(*arguments)
    assert (result.returncode, result.stdout) == (64, "")
    assert "usage: ./bootstrap [--no-install] COMMAND" in result.stderr


def test_an_old_python_gets_as_far_as_the_message(
    bare: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ast.parse(BOOTSTRAP.read_text(), feature_version=(3, 6))
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    with pytest.raises(SystemExit) as ended:
        bare.module()
    assert ended.value.code == 69
    assert "needs Python 3.11 or later" in capsys.readouterr().err


def test_becomes_the_command_and_says_nothing(ready: Machine) -> None:
    words = ["two words", "$HOME", "it's", '"', "", "*", "--no-install"]
    result = ready.bootstrap(
        "sh", "-c", 'cat; printf "<%s>" "$@"; exit 7', "sh", *words, stdin="to the command\n"
    )
    assert result.stdout == "to the command\n" + "".join(f"<{word}>" for word in words)
    assert (result.returncode, result.stderr) == (7, "")


@pytest.mark.parametrize("name", ["TERM", "INT", "PIPE", "KILL"])
def test_the_commands_signal_is_bootstraps(ready: Machine, name: str) -> None:
    result = ready.bootstrap("sh", "-c", f"kill -{name} $$; echo survived")
    assert (result.returncode, result.stdout) == (-signal.Signals[f"SIG{name}"], "")


def test_the_command_runs_in_the_virtual_environment_and_in_the_callers_folder(
    ready: Machine,
) -> None:
    result = ready.bootstrap(
        "sh", "-c", 'echo "$VIRTUAL_ENV|$PATH|$PWD|$PYTHONHOME"', PYTHONHOME=sys.base_prefix
    )
    venv = ready.checkout / ".venv"
    assert result.stdout == f"{venv}|{venv}/bin:{ready.programs}|{ready.root}|\n"


def test_a_command_that_cannot_run_is_told_as_a_shell_tells_it(ready: Machine) -> None:
    (ready.programs / "plain").touch(mode=0o644)
    absent, plain = ready.bootstrap("absent"), ready.bootstrap("plain")
    assert (absent.returncode, plain.returncode) == (127, 126)
    assert absent.stderr == "bootstrap: cannot run absent: No such file or directory\n"


# What may not be installed


def test_no_install_names_what_is_missing_and_touches_nothing(bare: Machine) -> None:
    bare.be_debian()
    for arguments, value in ((["--no-install"], ""), ([], "1")):
        result = bare.bootstrap(*arguments, "touch", "ran", DASHTAM_NO_INSTALL=value)
        assert result.returncode == 69
        assert f": {VENV_PART}, {DOCKER_PART}, {COMPOSE_PART}\n" in result.stderr
    assert bare.calls == []
    assert not (bare.checkout / ".venv").exists()
    assert not (bare.root / "ran").exists()


def test_no_install_still_starts_the_engine_and_is_passed_on_to_setup(stopped: Machine) -> None:
    (stopped.checkout / "certs/ca.pem").unlink()
    result = stopped.bootstrap("--no-install", "echo", "ran")
    assert (result.returncode, result.stdout) == (0, "ran\n")
    assert "inv setup --no-install" in stopped.calls


@pytest.mark.parametrize("release", ["ID=fedora\n", 'ID=notdebian\nID_LIKE="suse"\n', None])
def test_no_engine_elsewhere_than_on_debian_says_what_to_install(bare: Machine, release: str | None) -> None:
    bare.program("apt-get")
    if release:
        (bare.root / "etc/os-release").write_text(release)
    result = bare.bootstrap("touch", "ran")
    assert result.returncode == 69
    assert "Install Docker Engine 20.10 or later with Compose v2" in result.stderr
    assert bare.calls == []
    assert not (bare.checkout / ".venv").exists()
    assert not (bare.root / "ran").exists()


# The virtual environment


@pytest.mark.parametrize("change", ["lock", "pyproject", "moved", "interpreter", "stamp"])
def test_a_virtual_environment_that_does_not_fit_is_missing(ready: Machine, change: str) -> None:
    match change:
        case "lock":
            (ready.checkout / "requirements/dev.txt").write_text("# another\n")
        case "pyproject":
            (ready.checkout / "pyproject.toml").write_text("# another\n")
        case "moved":
            ready.checkout = ready.checkout.rename(ready.root / "moved")
            ready.script = ready.checkout / "bootstrap"
        case "interpreter":
            (ready.checkout / ".venv/bin/python").unlink()
            (ready.checkout / ".venv/bin/python").symlink_to(ready.root / "gone")
        case _:
            (ready.checkout / ".venv/bootstrap.sha256").unlink()
    result = ready.bootstrap("--no-install", "true")
    assert result.returncode == 69
    assert result.stderr.endswith(f": {VENV_PART}\n")


def test_an_interrupted_virtual_environment_is_made_again(ready: Machine) -> None:
    stamp, gate = ready.checkout / ".venv/bootstrap.sha256", ready.root / "gate"
    stamp.write_text("of another lock file")
    os.mkfifo(gate)
    with ready.starting("true", BUILD_GATE=str(gate)) as process, gate.open("w"):
        os.killpg(process.pid, signal.SIGKILL)  # while pip waits behind the gate
        process.wait(timeout=10)
    assert not stamp.exists()

    imports = "import dashtam_tasks, tool; print(dashtam_tasks.__cached__, tool.answer)"
    made = ready.bootstrap("python", "-c", imports)
    package, answer = made.stdout.rsplit(maxsplit=1)
    assert (made.returncode, answer) == (0, "42")
    assert Path(package).is_file()
    assert made.stderr.startswith(f"bootstrap: missing, about to be installed: {VENV_PART}\n")
    python = ready.checkout / ".venv/bin/python"
    inode = python.lstat().st_ino
    again = ready.bootstrap("true")
    assert (again.returncode, again.stderr, python.lstat().st_ino) == (0, "", inode)


def test_a_wrong_hash_is_refused(ready: Machine) -> None:
    ready.wheel("tool", {"tool.py": "answer = 'tampered with'\n"})
    (ready.checkout / ".venv/bootstrap.sha256").unlink()
    result = ready.bootstrap("touch", "ran")
    assert result.returncode == 73
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in result.stderr
    assert re.search(
        r"^bootstrap: virtual environment failed: `.* --require-hashes .*` ended with exit code 1$",
        result.stderr,
        re.MULTILINE,
    )
    assert not list((ready.checkout / ".venv").rglob("tool.py"))
    assert not (ready.root / "ran").exists()
    assert VENV_PART in ready.bootstrap("--no-install", "true").stderr


@pytest.fixture
def without_ensurepip(ready: Machine) -> Machine:
    (ready.checkout / ".venv/bootstrap.sha256").unlink()
    (ready.home / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    return ready


def test_debians_missing_ensurepip_is_installed(without_ensurepip: Machine) -> None:
    machine = without_ensurepip
    machine.be_debian(installs=f"rm {machine.home}/sitecustomize.py")
    result = machine.bootstrap("python", "-c", "import tool", PYTHONPATH=str(machine.home))
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert machine.calls[-1].endswith(f" {package}")
    assert result.returncode == 0


def test_a_missing_ensurepip_is_told_elsewhere(without_ensurepip: Machine) -> None:
    result = without_ensurepip.bootstrap("true", PYTHONPATH=str(without_ensurepip.home))
    assert result.returncode == 69
    assert re.search(r"has no ensurepip: install python3\.\d+-venv", result.stderr)


# Docker Engine


@pytest.mark.parametrize(
    ("candidates", "client", "packages"),
    [
        ("", "docker.io", "docker.io iptables"),
        ("docker-cli) echo '  Candidate: 26.1.5' ;;", "docker-cli", "docker.io iptables docker-cli"),
    ],
    ids=["one package", "client in its own package"],
)
def test_debian_gets_its_own_engine(bare: Machine, candidates: str, client: str, packages: str) -> None:
    bare.have_venv()
    bare.have_compose()
    bare.have_project()
    bare.be_debian(candidates=candidates, installs=bare.packages(client=client))
    result = bare.bootstrap("echo", "ran")
    assert (result.returncode, result.stdout) == (0, "ran\n")
    told = result.stderr.splitlines()
    assert told[0] == f"bootstrap: missing, about to be installed: {DOCKER_PART}"
    installed = next(i for i, line in enumerate(told) if line.startswith("apt-get: install"))
    assert told[installed].endswith(f" {packages}")
    assert re.match(
        rf"bootstrap: Docker Engine: (sudo .* )?apt-get install .* {packages}$", told[installed - 1]
    )
    assert bare.bootstrap("true").stderr == ""


def test_a_failing_package_manager_is_named_with_its_exit_code(bare: Machine) -> None:
    bare.have_venv()
    bare.be_debian(installs="exit 100")
    result = bare.bootstrap("touch", "ran")
    assert result.returncode == 69
    assert re.search(
        r"^bootstrap: Docker Engine failed: `(sudo .* )?apt-get install .*` ended with exit code 100$",
        result.stderr,
        re.MULTILINE,
    )
    assert not (bare.root / "ran").exists()


def test_the_engine_outlives_the_command(stopped: Machine) -> None:
    with stopped.starting("cat") as process:
        _, stderr = process.communicate("", timeout=60)
        group = process.pid
    pid = int(stopped.pid_file.read_text())
    assert is_dockerd(pid)
    assert os.getsid(pid) not in {group, os.getsid(0)}
    assert "missing" not in stderr
    assert stopped.bootstrap("true").stderr == ""


@pytest.mark.parametrize("owner", ["nobody", "another process", "a zombie"])
def test_a_killed_engine_starts_again(stopped: Machine, owner: str) -> None:
    with subprocess.Popen(["true"]) as finished:
        os.waitid(os.P_PID, finished.pid, os.WEXITED | os.WNOWAIT)
        pids = {"nobody": 2**22 + 1, "another process": os.getpid(), "a zombie": finished.pid}
        containerd = stopped.root / "var/run/docker/containerd/containerd.pid"
        containerd.parent.mkdir(parents=True)
        for pid_file in (stopped.pid_file, containerd):
            pid_file.write_text(str(pids[owner]))
        assert stopped.bootstrap("true").returncode == 0
    assert is_dockerd(int(stopped.pid_file.read_text()))
    assert not containerd.exists()


def test_an_engine_that_is_about_to_answer_is_not_started_twice(
    ready: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, pid = ready.module(monkeypatch), ready.pid_file.read_text()
    assert module.is_running("dockerd")
    module.start_engine()
    assert ready.pid_file.read_text() == pid


def test_an_engine_that_dies_ends_with_its_last_lines(stopped: Machine) -> None:
    lines = "; ".join(f"echo line {n}." for n in range(50))
    stopped.program(stopped.root / "usr/sbin/dockerd", f"{lines}; exit 3")
    result = stopped.bootstrap("touch", "ran")
    assert result.returncode == 69
    assert f"ended with exit code 3; the end of {stopped.root}/var/log/dockerd.log" in result.stderr
    assert "line 49." in result.stderr
    assert "line 29." not in result.stderr
    assert not (stopped.root / "ran").exists()


def test_an_engine_that_does_not_answer_ends_in_bounded_time(stopped: Machine) -> None:
    stopped.script.write_text(stopped.script.read_text().replace("START_SECONDS = 60", "START_SECONDS = 1"))
    os.mkfifo(stopped.root / "never")
    stopped.program(stopped.root / "usr/sbin/dockerd", f"echo $$ >&2; read _ <{stopped.root}/never")
    result = stopped.bootstrap("true")
    assert result.returncode == 69
    assert f"no answer at {stopped.socket} in 1 s" in result.stderr
    os.kill(int(result.stderr.split()[-1]), signal.SIGKILL)


@pytest.mark.parametrize("init", ["systemd", "other"])
def test_systemd_starts_the_engine_where_it_runs(stopped: Machine, init: str) -> None:
    (stopped.root / "run/systemd/system").mkdir(parents=True)
    (stopped.root / "proc/1").mkdir(parents=True)
    (stopped.root / "proc/1/comm").write_text(f"{init}\n")
    dockerd = stopped.root / "usr/sbin/dockerd"
    stopped.program("systemctl", f"setsid {dockerd} </dev/null >/dev/null 2>&1 &")
    assert stopped.bootstrap("true").returncode == 0
    assert ("systemctl start docker" in stopped.calls) == (init == "systemd")
    assert (stopped.root / "var/log/dockerd.log").exists() == (init != "systemd")


def test_a_user_who_is_not_root_needs_sudo(stopped: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    module = stopped.module(monkeypatch)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (stopped.programs / "sudo").rename(stopped.programs / "password-less")
    assert not module.may_be_root()
    with pytest.raises(module.Failure, match="start it: sudo systemctl start docker"):
        module.start_engine()
    stopped.program("sudo", "exit 1")
    assert not module.may_be_root()
    (stopped.programs / "password-less").rename(stopped.programs / "sudo")
    assert module.may_be_root()
    module.start_engine()
    assert any(call.startswith("sudo -n ") and "rm -f" in call for call in stopped.calls)
    assert any(call.endswith(f"{stopped.root}/usr/sbin/dockerd") for call in stopped.calls)


def test_a_user_who_may_not_use_the_engine_is_told_of_the_group(
    ready: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    module = ready.module(monkeypatch)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(module.Failure, match="usermod -aG docker") as failed:
        module.main(["true"])
    assert failed.value.code == 69


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


@pytest.mark.parametrize("variables", ELSEWHERE)
def test_an_engine_elsewhere_is_asked_through_the_docker_command(
    ready: Machine, variables: dict[str, str]
) -> None:
    result = ready.bootstrap("echo", "ran", **elsewhere(ready, variables))
    assert (result.returncode, result.stdout, result.stderr) == (0, "ran\n", "")
    assert ready.calls == ["docker version", f"docker image inspect {' '.join(IMAGES.values())}"]


@pytest.mark.parametrize("variables", [*ELSEWHERE, {"DOCKER_HOST": "unix://{root}/rootless.sock"}])
def test_an_engine_elsewhere_is_neither_started_nor_replaced(
    stopped: Machine, variables: dict[str, str]
) -> None:
    stopped.be_debian()
    stopped.program("docker", "exit 1")
    result = stopped.bootstrap("touch", "ran", **elsewhere(stopped, variables))
    assert result.returncode == 69
    assert "no Docker Engine answers where DOCKER_HOST or the docker context" in result.stderr
    assert not any(call.startswith("apt-get") for call in stopped.calls)
    assert not stopped.pid_file.exists()
    assert not (stopped.root / "ran").exists()


def test_docker_host_comes_before_the_context(ready: Machine) -> None:
    result = ready.bootstrap("true", DOCKER_HOST=f"unix://{ready.socket}", DOCKER_CONTEXT="remote")
    assert (result.returncode, result.stderr, ready.calls) == (0, "", [])


def test_a_broken_docker_configuration_is_named(ready: Machine) -> None:
    (ready.home / ".docker/config.json").write_text("{")
    result = ready.bootstrap("true")
    assert result.returncode == 78
    assert f"{ready.home}/.docker/config.json is not JSON" in result.stderr


# Docker Compose


@pytest.fixture
def without_compose(ready: Machine, python_with_pip: Path) -> Machine:
    (ready.home / PLUGIN).unlink()
    shutil.rmtree(ready.checkout / ".venv")
    ready.have_venv(python=python_with_pip)
    return ready


@pytest.mark.parametrize("release", ["debian with an old one", "another"])
def test_compose_comes_from_the_wheel(without_compose: Machine, release: str) -> None:
    machine = without_compose
    if release != "another":
        machine.be_debian(candidates="docker-compose) echo '  Candidate: 1.29.2-3' ;;")
    result = machine.bootstrap("echo", "ran")
    plugin = machine.home / PLUGIN
    assert (result.returncode, result.stdout) == (0, "ran\n")
    assert result.stderr.startswith(f"bootstrap: missing, about to be installed: {COMPOSE_PART}\n")
    assert f" goes from a wheel to {plugin}\n" in result.stderr
    assert (plugin.read_text(), plugin.stat().st_mode & 0o777) == ("binary", 0o755)
    assert list(plugin.parent.iterdir()) == [plugin]


def test_a_wheel_with_a_wrong_hash_is_refused(without_compose: Machine) -> None:
    without_compose.wheel("compose", {"c-1.data/scripts/docker-compose": "tampered with"})
    result = without_compose.bootstrap("touch", "ran")
    assert result.returncode == 69
    assert "Docker Compose failed: `" in result.stderr
    assert not (without_compose.home / PLUGIN).exists()
    assert not (without_compose.root / "ran").exists()


@pytest.mark.parametrize(
    ("package", "version"), [("docker-compose-v2", "2.27.1+ds1-0"), ("docker-compose", "2:5.0-1")]
)
def test_compose_comes_from_the_distribution_that_has_it(
    without_compose: Machine, package: str, version: str
) -> None:
    plugin = without_compose.root / "usr/libexec/docker/cli-plugins/docker-compose"
    without_compose.be_debian(
        candidates=f"{package}) echo '  Candidate: {version}' ;;",
        installs=f"install -D '{without_compose.script}' {plugin}",
    )
    result = without_compose.bootstrap("true")
    assert result.returncode == 0
    assert without_compose.calls[-1].endswith(f" {package}")
    assert not (without_compose.home / PLUGIN).exists()
    assert without_compose.bootstrap("true").stderr == ""


def test_a_compose_that_only_the_docker_command_finds_will_do(without_compose: Machine) -> None:
    without_compose.program("docker")
    result = without_compose.bootstrap("true")
    assert (result.returncode, result.stderr) == (0, "")


# What the project makes


@pytest.mark.parametrize("name", SETUP_FILES)
def test_setup_makes_a_file_that_is_missing(ready: Machine, name: str) -> None:
    (ready.checkout / name).unlink()
    result = ready.bootstrap("echo", "ran")
    assert (result.returncode, result.stdout) == (0, "ran\n")
    assert ready.calls == ["inv setup"]


@pytest.mark.parametrize("image", IMAGES.values())
def test_setup_makes_an_image_that_is_missing(ready: Machine, image: str) -> None:
    ready.have_images(*(other for other in IMAGES.values() if other != image))
    assert ready.bootstrap("true").returncode == 0
    assert ready.calls == ["inv setup"]


def test_setup_chooses_an_image_that_is_not_chosen(ready: Machine) -> None:
    (ready.checkout / "envs/.env.images").write_text("POSTGRES_IMAGE=postgres:17.6-alpine3.22\n")
    assert ready.bootstrap("true").returncode == 0
    assert ready.calls == ["inv setup"]


@pytest.mark.parametrize("command", ["inv setup", "invoke --echo setup", "inv setup --no-install"])
def test_setup_itself_does_not_run_twice(ready: Machine, command: str) -> None:
    (ready.checkout / "envs/.env.dev").unlink()
    ready.program(ready.checkout / ".venv/bin/invoke")
    assert ready.bootstrap(*command.split()).returncode == 0
    assert ready.calls == [command]


def test_a_failing_setup_ends_with_its_exit_code(ready: Machine) -> None:
    ready.program(ready.checkout / ".venv/bin/inv", "exit 78")
    (ready.checkout / "envs/.env.dev").unlink()
    result = ready.bootstrap("touch", "ran")
    assert result.returncode == 78
    assert "/inv' setup` ended with exit code 78\n" in result.stderr
    assert not (ready.root / "ran").exists()


def test_standard_input_and_output_are_the_commands_alone(ready: Machine) -> None:
    ready.program(ready.checkout / ".venv/bin/inv", 'echo "inv read <$(cat)>"')
    (ready.checkout / "envs/.env.dev").unlink()
    result = ready.bootstrap("cat", stdin="for the command")
    assert result.stdout == "for the command"
    assert "inv read <>" in result.stderr


# Two at once, and Ctrl-C


def test_the_second_of_two_waits_and_finds_everything_made(ready: Machine) -> None:
    env_file, gate = ready.checkout / "envs/.env.dev", ready.root / "gate"
    env_file.unlink()
    os.mkfifo(gate)
    ready.program(ready.checkout / ".venv/bin/inv", f"cat {gate}; touch '{env_file}'")
    with ready.starting("echo", "first") as first, gate.open("w") as opened:
        with ready.starting("echo", "second") as second:
            assert second.stderr
            assert "waiting for another bootstrap" in second.stderr.readline()
            opened.close()
            assert second.communicate(timeout=60)[0] == "second\n"
        assert first.communicate(timeout=60)[0] == "first\n"
    assert ready.calls == ["inv setup"]


def test_ctrl_c_lets_the_package_manager_clean_up(bare: Machine) -> None:
    started, cleanup = bare.root / "started", bare.root / "cleanup"
    os.mkfifo(started)
    os.mkfifo(cleanup)
    bare.have_venv()
    bare.be_debian(installs=f"trap 'cat {cleanup}; exit 1' INT; cat {started}")
    with bare.starting("touch", "ran") as process:
        with started.open("w"):
            os.killpg(process.pid, signal.SIGINT)
        with cleanup.open("w"), pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        assert process.wait(timeout=10) == 130
    assert not (bare.root / "ran").exists()
