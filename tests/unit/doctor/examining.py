"""Examining a project: what a machine is made to answer, and what was found."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashtam_tasks import doctor, instances
from dashtam_tasks.doctor import Diagnosis
from dashtam_tasks.findings import Finding
from dashtam_tasks.instances import Instance

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project


NO_ENGINE = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
)


GIB = 2**30


def have_free(free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage("/"))(100 * GIB, 100 * GIB - free, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)


def script_models(fake: "FakeDocker", project: "Project", **ports: int) -> None:
    """Script what Compose resolves; `ports` are dev's."""
    fake.answer("compose", "config", stdout=project.model(**ports))
    for one in (project.test, project.ci):
        fake.answer("compose", str(one.compose_file), "config", stdout=one.model())
    script_variables(fake, "POSTGRES_PASSWORD", "POSTGRES_PORT", "APP_PORT", "HOME")


def script_variables(fake: "FakeDocker", *names: str) -> None:
    fake.answer("compose", "config", "--variables", stdout={name: {"Name": name} for name in names})


def script_images(fake: "FakeDocker", project: "Project", **images: str) -> None:
    """Script which images Compose resolves for services of one environment."""
    model = project.model()
    for service, image in images.items():
        model["services"][service]["image"] = image
    fake.answer("compose", str(project.compose_file), "config", stdout=model)
    script_variables(fake, "HOME")


def lack(fake: "FakeDocker", reference: str) -> None:
    """Script that the engine does not have an image."""
    fake.answer("image", "inspect", reference, stderr=f"No such image: {reference}", code=1)
    fake.answer("version", stdout="28.5.2\n")


def stop_engine(fake: "FakeDocker") -> None:
    fake.scripted.clear()
    for command in ("version", "context", "info", "ps"):
        fake.answer(command, stderr=NO_ENGINE, code=1)
    fake.answer("compose", "version", stdout="2.39.1\n")


def examine(project: "Project") -> Diagnosis:
    return doctor.examine(project.settings)


def the_finding(project: "Project") -> Finding:
    (found,) = examine(project).findings
    return found


def kinds(project: "Project") -> dict[str, str]:
    return {found.where: found.kind for found in examine(project).findings}


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def container(name: str, port: int, *, project: str) -> dict[str, object]:
    labels = {"com.docker.compose.project": project} if project else {}
    return {
        "Id": "c0ffee",
        "Name": f"/{name}",
        "State": {
            "Status": "running",
            "ExitCode": 0,
            "StartedAt": "2026-01-01T00:00:00Z",
            "Health": {"Status": "healthy"},
        },
        "Config": {"Image": "some:image", "Labels": labels},
        "NetworkSettings": {"Ports": {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}},
    }


def remember(folder: Path, compose_file: Path, env_file: Path, *, called: str, port: int) -> None:
    """Remember an instance of dev, as its `up` in `folder` does."""
    made = Instance(
        project=f"dashtam-dev-{called}",
        environment="dev",
        name=called,
        folder=str(folder),
        compose_file=str(compose_file),
        env_files=(str(env_file),),
        variables={"INSTANCE_SUFFIX": f"-{called}", "APP_PORT": str(port)},
        ports=(port,),
        made=datetime.now(UTC),
    )
    instances.write(made)
