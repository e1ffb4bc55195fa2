from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.doctor.examining import (
    container,
    examine,
    kinds,
    script_models,
    script_variables,
    the_finding,
)

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

pytestmark = pytest.mark.usefixtures("in_order")


def test_what_two_environments_share_is_found(fake_docker: "FakeDocker", project: "Project") -> None:
    test = project.test.model()
    test["services"]["app"]["volumes"][1] = {
        "type": "bind",
        "source": f"{project.folder}/certs",
        "target": "/c",
    }
    fake_docker.answer("compose", str(project.test.compose_file), "config", stdout=test)
    script_variables(fake_docker)
    found = the_finding(project)
    assert found.kind == "shared-bind-mount"
    assert found.where.partition(":")[0] == str(project.compose_file)
    assert f"{project.folder}/certs" in found.message


def test_a_service_without_a_health_check_is_found(fake_docker: "FakeDocker", project: "Project") -> None:
    model = project.model()
    del model["services"]["redis"]["healthcheck"]
    script_models(fake_docker, project)
    fake_docker.answer("compose", str(project.compose_file), "config", stdout=model)
    ask = ("image", "inspect", "--format", "{{with .Config.Healthcheck}}{{.Test}}{{end}}")
    fake_docker.answer(*ask, "redis:8.2.1-alpine3.22")
    found = the_finding(project)
    assert (found.kind, found.message) == ("no-health-check", "Service redis has no health check.")


@pytest.mark.parametrize(("owner", "found"), [("dashtam-test", ["open-port"]), ("other", [])])
def test_what_runs_is_judged_if_it_is_an_instances(
    fake_docker: "FakeDocker", project: "Project", owner: str, found: list[str]
) -> None:
    running = container("dashtam-test-app", 8001, project=owner)
    running["NetworkSettings"] = {"Ports": {"8000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8001"}]}}  # noqa: S104
    fake_docker.answer("ps", stdout="c0ffee\n")
    fake_docker.answer("inspect", stdout=[running])
    assert [one.kind for one in examine(project).findings] == found


def test_environments_are_not_compared_while_one_is_not_set_up(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    model = project.model()
    del model["services"]["redis"]["healthcheck"]
    fake_docker.answer("compose", "config", stdout=model)
    project.test.env_file.unlink()
    assert kinds(project) == {str(project.test.env_file): "missing"}


def test_an_instance_of_another_folder_is_compared_too(project: "Project", elsewhere: Path) -> None:
    volume, env_file = examine(project).findings
    assert (volume.kind, env_file.kind) == ("shared-volume", "shared-bind-mount")
    assert f"dev (far) of {elsewhere}" in volume.message
    assert env_file.message.startswith(f"{project.env_file} is mounted ")


@pytest.mark.parametrize("gone", ["compose.yml", ".env"])
def test_an_instance_whose_files_are_gone_is_not_compared(
    project: "Project", elsewhere: Path, gone: str
) -> None:
    (elsewhere / gone).unlink()
    assert examine(project).findings == ()
