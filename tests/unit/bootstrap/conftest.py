"""Machines at each stage of bootstrap's work: bare, with a stopped engine, ready."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.bootstrap.machine import PLUGIN, PYTHON, Machine, is_dockerd


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


@pytest.fixture(scope="session")
def python_with_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an interpreter that has pip; the one that runs the tests may have none."""
    folder = tmp_path_factory.mktemp("pip")
    subprocess.run([PYTHON, "-m", "venv", folder], check=True)
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec {folder}/bin/python "$@"\n')
    script.chmod(0o755)
    return script


@pytest.fixture
def without_ensurepip(ready: Machine) -> Machine:
    (ready.checkout / ".venv/bootstrap.sha256").unlink()
    (ready.home / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    return ready


@pytest.fixture
def without_compose(ready: Machine, python_with_pip: Path) -> Machine:
    (ready.home / PLUGIN).unlink()
    shutil.rmtree(ready.checkout / ".venv")
    ready.have_venv(python=python_with_pip)
    return ready
