"""What runs of ci are told, and the environment that they use."""

import pytest

from dashtam_tasks.environments import Environment
from dashtam_tasks.opening import open_environment
from tests.unit.runs import Engine


@pytest.fixture
def environment(ci: Engine) -> Environment:
    """The first copy of the environment ci."""
    return open_environment(ci.project.settings, "ci", instance="")


@pytest.fixture
def notes() -> list[str]:
    """What a run told meanwhile."""
    return []
