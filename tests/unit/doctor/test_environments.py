from typing import TYPE_CHECKING

import msgspec
import pytest

from dashtam_tasks import doctor
from dashtam_tasks.findings import Severity
from tests.unit.doctor.examining import (
    container,
    examine,
    kinds,
    remember,
    script_models,
    script_variables,
    the_finding,
)

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

pytestmark = pytest.mark.usefixtures("in_order")


def test_an_invalid_compose_file_is_found_with_composes_words(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    fake_docker.answer("compose", "config", stderr="services.app.ports must be\na list\n", code=15)
    found = the_finding(project)
    assert (found.kind, found.where) == ("compose-file", str(project.compose_file))
    assert found.message.startswith("It is not a valid Compose file")
    assert found.message.endswith("services.app.ports must be a list")


def test_every_environment_is_examined(project: "Project") -> None:
    environments = project.settings.environments
    absent = msgspec.structs.replace(environments["dev"], compose_file="compose/docker-compose.staging.yml")
    more = msgspec.structs.replace(project.settings, environments={**environments, "staging": absent})
    (found,) = doctor.examine(more).findings
    assert (found.kind, found.where) == (
        "compose-file",
        str(project.folder / "compose/docker-compose.staging.yml"),
    )


@pytest.mark.parametrize(("owner", "name"), [("other", "other-web"), ("", "loner")])
def test_a_port_that_a_foreign_container_has_is_found(
    fake_docker: "FakeDocker", project: "Project", listener: int, owner: str, name: str
) -> None:
    script_models(fake_docker, project, app=listener)
    fake_docker.answer("ps", stdout="c0ffee\n")
    fake_docker.answer("inspect", stdout=[container(name, listener, project=owner)])
    found = the_finding(project)
    assert (found.kind, found.where) == ("port", f"127.0.0.1:{listener}")
    assert f"container {name}" in found.message
    assert "Service app of dashtam-dev" in found.message


def test_a_port_that_the_environment_itself_has_is_fine(
    fake_docker: "FakeDocker", project: "Project", listener: int
) -> None:
    script_models(fake_docker, project, app=listener)
    fake_docker.answer("ps", stdout="c0ffee\n")
    fake_docker.answer("inspect", stdout=[container("dashtam-dev-app", listener, project="dashtam-dev")])
    assert examine(project).findings == ()


def test_ports_of_a_missing_env_file_are_those_of_its_example(
    fake_docker: "FakeDocker", project: "Project", listener: int
) -> None:
    project.env_file.unlink()
    fake_docker.answer("compose", str(project.example), "config", stdout=project.model(app=listener))
    script_variables(fake_docker)
    assert kinds(project) == {
        str(project.env_file): "missing",
        f"127.0.0.1:{listener}": "port",
    }


def test_a_mounted_folder_that_is_missing_is_found(project: "Project") -> None:
    (project.folder / "src").rmdir()
    found = examine(project).findings
    source = str(project.folder / "src")
    assert [(one.kind, one.where) for one in found] == [("bind-source", source)] * 3
    assert [one.message for one in found] == [
        f"It does not exist, and dashtam-{name} mounts it into app." for name in ("dev", "test", "ci")
    ]


def test_a_shell_variable_that_changes_plain_compose_is_found(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPOSE_FILE", "other.yml")
    monkeypatch.setenv("POSTGRES_PASSWORD", "from-the-shell")
    monkeypatch.setenv("UNRELATED", "value")
    found = examine(project).findings
    assert [(one.kind, one.where) for one in found] == [
        ("shell-variable", "COMPOSE_FILE"),
        ("shell-variable", "POSTGRES_PASSWORD"),
    ]
    assert {one.severity for one in found} == {Severity.WARNING}


def test_a_shell_variable_that_changes_nothing_is_fine(
    fake_docker: "FakeDocker", project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in (project.test, project.ci):
        fake_docker.answer("compose", str(one.compose_file), "config", "--variables", stdout={})
    monkeypatch.setenv("APP_PORT", "8000")
    monkeypatch.setenv("COMPOSE_PROFILES", "")
    assert examine(project).findings == ()


def test_a_compose_that_cannot_list_variables_is_said(fake_docker: "FakeDocker", project: "Project") -> None:
    fake_docker.answer("compose", "config", "--variables", stderr="unknown flag: --variables", code=16)
    diagnosis = examine(project)
    assert diagnosis.findings == ()
    assert dict(diagnosis.facts)["shell variables"].startswith("not checked")


@pytest.mark.usefixtures("worktree")
def test_ports_of_a_worktree_are_unknown_before_its_first_start(
    fake_docker: "FakeDocker", project: "Project", listener: int
) -> None:
    script_models(fake_docker, project, app=listener)
    assert examine(project).findings == ()


def test_ports_of_a_worktree_are_those_of_its_own_instance(
    fake_docker: "FakeDocker", project: "Project", worktree: str, listener: int
) -> None:
    remember(project.folder, project.compose_file, project.env_file, called=worktree, port=listener)
    script_models(fake_docker, project, app=listener)
    assert kinds(project) == {f"127.0.0.1:{listener}": "port"}
    resolved = [one for one in fake_docker.calls if {"config", str(project.compose_file)} <= {*one.argv}]
    given = {
        (one.environment.get("INSTANCE_SUFFIX"), one.environment.get("APP_PORT"))
        for one in resolved
        if "--variables" not in one.argv
    }
    assert given == {("-feature", str(listener))}
