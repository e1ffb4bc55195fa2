import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from dashtam_tasks import env_files, preflight
from dashtam_tasks.compose import Model
from dashtam_tasks.errors import DashtamError, ExitCode

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project


def model(project: "Project") -> Model:
    return msgspec.convert(project.model(), Model)


def test_real_secrets_are_no_hindrance(project: "Project") -> None:
    preflight.require_secrets(project.settings, project.env_file)


def test_each_secret_that_is_a_placeholder_is_named(project: "Project") -> None:
    env_files.update(project.env_file, {"POSTGRES_PASSWORD": "CHANGE_ME", "SECRET_KEY": "CHANGE_ME"})
    with pytest.raises(DashtamError) as raised:
        preflight.require_secrets(project.settings, project.env_file)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert raised.value.reason.startswith(f"{project.env_file}: ")
    assert {"POSTGRES_PASSWORD", "SECRET_KEY"} < set(raised.value.reason.replace(",", "").split())
    assert "ENCRYPTION_KEY" not in raised.value.reason
    assert raised.value.hint.endswith("Nothing was started.")


def test_a_project_without_containers_is_ours(project: "Project", fake_docker: "FakeDocker") -> None:
    fake_docker.made_from()
    preflight.require_ours(model(project), project.compose_file, project.folder)
    (argv,) = fake_docker.argvs
    assert "label=com.docker.compose.project=dashtam-dev" in argv


def test_containers_of_this_folder_are_ours_by_whatever_path(
    project: "Project", fake_docker: "FakeDocker", tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(project.compose_file.parent)
    fake_docker.made_from(str(project.compose_file.parent), str(tmp_path / "link"))
    preflight.require_ours(model(project), project.compose_file, project.folder)


def test_containers_of_another_folder_are_not_ours(
    project: "Project", fake_docker: "FakeDocker", tmp_path: Path
) -> None:
    fake_docker.made_from(str(project.compose_file.parent), str(tmp_path))
    with pytest.raises(DashtamError) as raised:
        preflight.require_ours(model(project), project.compose_file, project.folder)
    assert raised.value.code == ExitCode.BUSY
    assert raised.value.reason == f"The containers of Compose project dashtam-dev belong to {tmp_path}."
    assert raised.value.hint.startswith("Stop them there. ")
    assert "--instance NAME" in raised.value.hint


def test_containers_of_a_folder_that_is_gone_are_nobodys(
    project: "Project", fake_docker: "FakeDocker", tmp_path: Path
) -> None:
    fake_docker.made_from(str(tmp_path / "gone"))
    preflight.require_ours(model(project), project.compose_file, project.folder)


def test_a_project_that_another_folder_remembers_is_not_ours(
    project: "Project", fake_docker: "FakeDocker", state: Path, tmp_path: Path
) -> None:
    fake_docker.made_from()
    state.mkdir(parents=True)
    record = {
        "project": "dashtam-dev",
        "environment": "dev",
        "name": "",
        "folder": str(tmp_path),
        "compose_file": "compose.yml",
        "env_files": [],
        "variables": {},
        "ports": [],
        "made": "2026-01-01T00:00:00Z",
    }
    (state / "dashtam-dev.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(DashtamError, match=f"^Compose project dashtam-dev belongs to {tmp_path}") as raised:
        preflight.require_ours(model(project), project.compose_file, project.folder)
    assert raised.value.code == ExitCode.BUSY


def test_each_missing_source_of_a_bind_mount_is_named_with_its_service(project: "Project") -> None:
    missing = ("app", str(project.folder / "certs"))
    assert preflight.missing_bind_sources(model(project), ["app", "redis"]) == (missing,)
    with pytest.raises(DashtamError) as raised:
        preflight.require_bind_sources(model(project), ["app"])
    assert raised.value.code == ExitCode.CONFIGURATION
    assert raised.value.reason == f"{missing[1]} of service app does not exist."
    assert raised.value.hint.startswith("`inv setup` makes")


def test_sources_of_other_services_do_not_matter(project: "Project") -> None:
    preflight.require_bind_sources(model(project), ["postgres", "redis"])


@pytest.mark.parametrize("bind", [{"create_host_path": True}, {}])
def test_a_source_that_the_engine_makes_itself_may_be_missing(
    project: "Project", bind: dict[str, bool]
) -> None:
    resolved = project.model()
    for mount in resolved["services"]["app"]["volumes"]:
        mount["bind"] = bind
    preflight.require_bind_sources(msgspec.convert(resolved, Model), ["app"])


ADOPTED = {
    "name": "shop-dev",
    "services": {
        "db": {"image": "db:1", "volumes": [{"type": "volume", "source": "data", "target": "/data"}]},
        "web": {"image": "web:1"},
    },
    "volumes": {"data": {"name": "shop_data", "external": True}},
}


def test_another_projects_server_on_an_external_volume_is_refused(fake_docker: "FakeDocker") -> None:
    adopted = msgspec.convert(ADOPTED, Model)
    fake_docker.runs("db")
    with pytest.raises(DashtamError, match=r"^Volume shop_data is in use by dashtam-dev-db: ") as raised:
        preflight.require_alone(adopted, ["db"])
    assert raised.value.code == ExitCode.BUSY
    assert raised.value.hint.endswith("Nothing was started.")
    assert "volume=shop_data" in fake_docker.argvs[0]


def test_a_stopped_container_and_a_service_without_the_volume_are_no_hindrance(
    fake_docker: "FakeDocker",
) -> None:
    adopted = msgspec.convert(ADOPTED, Model)
    preflight.require_alone(adopted, ["web"])
    assert not fake_docker.argvs
    fake_docker.runs("db", Status="exited")
    preflight.require_alone(adopted, ["db"])


def test_a_volume_of_the_projects_own_is_not_asked_about(fake_docker: "FakeDocker") -> None:
    own = {**ADOPTED, "volumes": {"data": {"name": "shop-dev_data"}}}
    preflight.require_alone(msgspec.convert(own, Model), ["db"])
    assert not fake_docker.argvs
