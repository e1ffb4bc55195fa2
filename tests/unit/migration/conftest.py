"""What tests of a whole migration share."""

from pathlib import Path

import pytest

from tests.unit.conftest import FakeDocker
from tests.unit.migration.undertakings import Stages, legacy, silent


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """The stages of a small project, each made once."""
    return Stages(tmp_path_factory.mktemp("stages"))


@pytest.fixture
def engine(fake_docker: FakeDocker) -> FakeDocker:
    """An engine by script that has nothing; Compose is real."""
    return silent(fake_docker)


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no engine answer; Compose resolves files all the same."""
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small legacy project."""
    return legacy(tmp_path / "shop")
