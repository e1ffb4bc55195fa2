"""A project and a machine with which nothing is wrong, and neighbours of it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashtam_tasks import certificates
from dashtam_tasks.ownership import container_user
from tests.unit.doctor.examining import GIB, git, have_free, remember, script_models

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project


@pytest.fixture
def in_order(fake_docker: "FakeDocker", project: "Project", monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the project and its machine such that nothing is wrong with them."""
    certificates.ensure(project.settings, user=container_user(project.folder))
    for name in ("POSTGRES_PASSWORD", "POSTGRES_PORT", "APP_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    have_free(10 * GIB, monkeypatch)
    fake_docker.answer("version", "{{.Server.Version}} {{.Server.APIVersion}}", stdout="28.5.2 1.51\n")
    fake_docker.answer("context", "inspect", stdout="unix:///var/run/docker.sock\n")
    fake_docker.answer("info", stdout=f"{project.folder}\n")
    fake_docker.answer("ps")
    fake_docker.answer("image", "inspect", stdout=[{"Id": "sha256:beef", "Config": {"Labels": None}}])
    fake_docker.answer("compose", "version", stdout="2.39.1\n")
    script_models(fake_docker, project)


@pytest.fixture
def listener() -> Iterator[int]:
    """Hold a port in this very process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def elsewhere(fake_docker: "FakeDocker", project: "Project", tmp_path: Path) -> Path:
    """Make another folder's instance, which mounts what is ours."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name in ("compose.yml", ".env"):
        (folder / name).touch()
    remember(folder, folder / "compose.yml", folder / ".env", called="far", port=8100)
    model = project.model() | {"name": "dashtam-dev-far"}
    fake_docker.answer("compose", str(folder / "compose.yml"), "config", stdout=model)
    return folder


@pytest.fixture
def worktree(project: "Project", tmp_path: Path) -> str:
    """Make the project's folder a linked worktree, and return the name of its own instance."""
    repository, linked = tmp_path / "repository", tmp_path / "feature"
    repository.mkdir()
    git(repository, "init")
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    git(repository, *author, "commit", "--allow-empty", "--message=First")
    git(repository, "worktree", "add", "--detach", str(linked))
    (linked / ".git").rename(project.folder / ".git")
    return linked.name
