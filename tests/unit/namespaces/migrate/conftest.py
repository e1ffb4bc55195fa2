"""A legacy project in which a person types `dashtam-tasks migrate.…`, from a script and without an engine."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.conftest import Terminal
from tests.unit.migration.undertakings import Stages

At = Callable[[str], Path]


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """The stages of the project, each made once."""
    return Stages(tmp_path_factory.mktemp("stages"))


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no engine answer, and wait for no disk; Compose resolves files all the same."""
    for name in [name for name in os.environ if name.startswith(("DOCKER_", "COMPOSE_", "INVOKE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    # Compose may be a plugin of the person's own.
    monkeypatch.setenv("DOCKER_CONFIG", str(Path.home() / ".docker"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def at(stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> At:
    """Return what makes a copy of a stage, in which commands run from then on."""

    def go(stage: str) -> Path:
        folder = stages.copied(stage, tmp_path)
        monkeypatch.chdir(folder)
        return folder

    return go


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Terminal:
    """Return what runs `dashtam-tasks` where a person stands."""
    return Terminal(monkeypatch, capfd)
