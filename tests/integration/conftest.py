"""What the tests work on: projects, one of its own for each that changes it, and a shop with volumes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashtam_tasks.migration.backup import Backup
from tests.integration.projects import Project, disposable, docker
from tests.integration.volume_shop import BUSYBOX, Shop, opened


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


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop with volumes, gone at the end."""
    yield from opened(tmp_path)


@pytest.fixture(scope="module")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an image whose programs are BusyBox', as Alpine's are."""
    folder, name = tmp_path_factory.mktemp("busybox"), "dashtam-tasks-test-busybox"
    (folder / "Dockerfile").write_text(BUSYBOX)
    docker("build", "--quiet", "--tag", name, str(folder))
    return name


@pytest.fixture
def kept(shop: Shop) -> Backup:
    """A backup of the shop."""
    return shop.backup()
