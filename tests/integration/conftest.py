"""Projects for the tests: one of its own for each test that changes it, one that runs for those that look."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.projects import Project, disposable


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project that is prepared and not started; everything it made is removed afterwards."""
    yield from disposable(tmp_path / "project folder")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose development environment is up, shared by a module's tests."""
    for made in disposable(tmp_path_factory.mktemp("running") / "project"):
        made.inv("dev.up")
        yield made
