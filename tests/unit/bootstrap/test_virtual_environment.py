import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.unit.bootstrap.machine import PLUGIN, VENV_PART, Machine


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
        process.wait(timeout=60)
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


def test_a_wheel_with_a_wrong_hash_is_refused(without_compose: Machine) -> None:
    without_compose.wheel("compose", {"c-1.data/scripts/docker-compose": "tampered with"})
    result = without_compose.bootstrap("touch", "ran")
    assert result.returncode == 69
    assert "Docker Compose failed: `" in result.stderr
    assert not (without_compose.home / PLUGIN).exists()
    assert not (without_compose.root / "ran").exists()
