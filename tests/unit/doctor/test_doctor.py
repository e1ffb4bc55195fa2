import errno
import os
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from dashtam_tasks import certificates
from dashtam_tasks.findings import Severity
from tests.unit.doctor.examining import NO_ENGINE, examine, kinds, script_models, stop_engine

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

pytestmark = pytest.mark.usefixtures("in_order")


def test_nothing_is_found_where_nothing_is_wrong(project: "Project") -> None:
    found = examine(project)
    assert found.findings == ()
    facts = dict(found.facts)
    assert facts["Docker Engine"] == "28.5.2, API 1.51, local (unix:///var/run/docker.sock)"
    assert facts["Docker Compose"] == "2.39.1"
    assert facts["free disk space"] == f"10.0 GiB at {project.folder}"


def test_nothing_is_started_or_changed(fake_docker: "FakeDocker", project: "Project") -> None:
    before = {path: path.stat().st_mtime_ns for path in project.folder.rglob("*")}
    examine(project)
    assert {path: path.stat().st_mtime_ns for path in project.folder.rglob("*")} == before
    asked = {call.argv[0] for call in fake_docker.calls}
    assert asked <= {"version", "context", "info", "ps", "compose", "image"}


def test_each_question_is_asked_once(fake_docker: "FakeDocker", project: "Project") -> None:
    examine(project)
    # What Compose resolves is asked for once by the check of each environment, and once by that of all together.
    asked = [argv for argv in fake_docker.argvs if "config" not in argv]
    assert len(asked) == len(set(asked))


def test_without_an_engine_the_rest_is_still_examined(
    fake_docker: "FakeDocker", project: "Project", listener: int
) -> None:
    stop_engine(fake_docker)
    script_models(fake_docker, project, app=listener)
    project.env_file.chmod(0o644)
    engine, mode, port = examine(project).findings
    assert (engine.kind, engine.where, engine.severity) == ("engine", "Docker", Severity.ERROR)
    assert engine.message == f"No Docker Engine answers. {NO_ENGINE}"
    assert (mode.kind, mode.where) == ("mode", str(project.env_file))
    assert (port.kind, port.where) == ("port", f"127.0.0.1:{listener}")
    assert f"process {os.getpid()} (" in port.message


def test_without_the_docker_command_that_is_said_once(fake_docker: "FakeDocker", project: "Project") -> None:
    path = os.environ["PATH"].split(os.pathsep)
    fake_docker.remove()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path[0])
        project.env_file.chmod(0o644)
        assert kinds(project) == {"Docker": "engine", str(project.env_file): "mode"}


def test_without_the_compose_plugin_the_rest_is_still_examined(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    fake_docker.answer("compose", "version", stderr="docker: 'compose' is not a docker command.", code=1)
    project.compose_file.unlink()
    assert kinds(project) == {"Docker": "compose", str(project.compose_file): "compose-file"}


def test_what_two_checks_find_is_found_once(project: "Project") -> None:
    lines = project.env_file.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("SECRET_KEY", "ENCRYPTION_KEY"))]
    project.env_file.write_text("\n".join([*kept, "ENCRYPTION_KEY=CHANGE_ME", ""]))
    missing, placeholder = examine(project).findings
    assert (missing.kind, missing.where) == ("missing", str(project.env_file))
    assert missing.message == "SECRET_KEY is not set."
    assert missing.severity is Severity.ERROR
    assert (placeholder.kind, placeholder.where) == ("placeholder", f"{project.env_file}:4")
    assert placeholder.hint == "Run `inv keys --env dev`."


def test_a_refusal_of_the_system_ends_only_its_own_check(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/kept/from/us")
    monkeypatch.setattr(certificates, "check", Mock(side_effect=refusal))
    (project.folder / "src").rmdir()
    assert kinds(project) == {"/kept/from/us": "certificates", str(project.folder / "src"): "bind-source"}


def test_errors_come_before_warnings(project: "Project", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOSE_FILE", "other.yml")
    project.compose_file.unlink()
    assert [one.kind for one in examine(project).findings] == ["compose-file", "shell-variable"]


def test_no_secret_appears(project: "Project", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "secret-of-the-shell")
    with project.env_file.open("a") as file:
        file.write("SECRET_KEY=secret-twice\nOTHER=secret-extra\n")
    text = repr(examine(project))
    assert "OTHER" in text
    assert "secret-" not in text
    assert "q8Zr2LmX0vBn4TsY7wKc" not in text
