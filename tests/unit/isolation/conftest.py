"""Instances and containers as Compose and the engine tell of them, with the files that they come from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashtam_tasks.compose import Model
from dashtam_tasks.engine import Container
from dashtam_tasks.isolation import Subject

MakeSubject = Callable[..., Subject]
MakeContainer = Callable[..., Container]
HEALTHY = {"test": ["CMD", "true"]}


def place(file: Path, text: str) -> str:
    """Return `file:line` of the only line with `text` in it."""
    (number,) = [
        at for at, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if text in line
    ]
    return f"{file}:{number}"


@pytest.fixture
def line() -> Callable[[Path, str], str]:
    """Return what finds the only line with a text in a file."""
    return place


@pytest.fixture
def make_subject(tmp_path: Path) -> MakeSubject:
    """Return what makes an instance from a file's text and what its services and the rest resolve to."""

    def make(
        name: str, text: str, services: dict[str, Any], *, project: str = "", sound: bool = True, **rest: Any
    ) -> Subject:
        file = tmp_path / f"{name}.yml"
        file.write_text(text, encoding="utf-8")
        base = {"healthcheck": HEALTHY} if sound else {}
        model = {
            "name": project or name,
            "services": {key: base | service for key, service in services.items()},
            **rest,
        }
        return Subject(name=name, file=file, model=msgspec.convert(model, Model))

    return make


@pytest.fixture
def make_container() -> MakeContainer:
    """Return what makes a healthy container of a Compose project, but for what differs."""

    def make(project: str, service: str, *, file: Path | str = "", **differs: Any) -> Container:
        labels = {
            "com.docker.compose.project": project,
            "com.docker.compose.service": service,
            "com.docker.compose.project.config_files": str(file),
            **differs.pop("labels", {}),
        }
        state = {
            "Status": "running",
            "ExitCode": 0,
            "StartedAt": "2026-01-01T00:00:00Z",
            "Health": {"Status": "healthy"},
        }
        shown = {
            "Id": f"id-{project}-{service}",
            "Name": f"/{project}-{service}-1",
            "State": state | differs.pop("state", {}),
            "Config": {"Image": "some:image", "Labels": labels},
            "NetworkSettings": {
                "Ports": differs.pop("ports", {}),
                "Networks": {name: {} for name in differs.pop("networks", ())},
            },
            "Path": "serve",
            "Args": [],
            **differs,
        }
        return msgspec.convert(shown, Container)

    return make
