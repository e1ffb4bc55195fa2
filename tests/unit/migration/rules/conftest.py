"""A stage for a few files."""

from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from tests.unit.migration.rules.stages import Stage, staged


class MakeStage(Protocol):
    def __call__(
        self, files: dict[str, str], *, file: str = "docker-compose.yml", env_file: str = ""
    ) -> Stage: ...


@pytest.fixture
def make_stage(tmp_path: Path) -> MakeStage:
    """Return what makes the stage of a project that has some files."""
    return partial(staged, tmp_path)
