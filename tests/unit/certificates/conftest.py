"""The user whom certificates are for, and the folder that they are in."""

from pathlib import Path

import pytest

from dashtam_tasks.ownership import User, container_user


@pytest.fixture
def user(tmp_path: Path) -> User:
    return container_user(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "certs"
