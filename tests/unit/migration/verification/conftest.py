"""A migrated project for each test."""

from pathlib import Path

import pytest

from tests.unit.migration.verification.projects import Migrated, make


@pytest.fixture
def migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Migrated:
    """A project of which every step holds, and no engine to ask."""
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    return make(tmp_path / "shop")
