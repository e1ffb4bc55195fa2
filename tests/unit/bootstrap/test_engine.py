import os
import re
import signal
import socket
import subprocess

import pytest

from tests.unit.bootstrap.machine import DOCKER_PART, ELSEWHERE, IMAGES, Machine, elsewhere, is_dockerd


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
