import errno
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import msgspec
import pytest

from dashtam_tasks import certificates, doctor, instances
from dashtam_tasks.doctor import Diagnosis
from dashtam_tasks.engine import LOCAL_LABEL, VERSION_LABEL
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.instances import Instance
from dashtam_tasks.ownership import container_user

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

NO_ENGINE = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
)
GIB = 2**30

pytestmark = pytest.mark.usefixtures("in_order")


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


@pytest.fixture
def listener() -> Iterator[int]:
    """Hold a port in this very process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


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


def test_nothing_is_found_where_nothing_is_wrong(project: "Project") -> None:
    found = examine(project)
    assert found.findings == ()
    facts = dict(found.facts)
    assert facts["Docker Engine"] == "28.5.2, API 1.51, local (unix:///var/run/docker.sock)"
    assert facts["Docker Compose"] == "2.39.1"
    assert facts["free disk space"] == f"10.0 GiB at {project.folder}"


def test_base_images_and_their_origins_are_told(fake_docker: "FakeDocker", project: "Project") -> None:
    (project.folder / "envs/.env.images").write_text("REDIS_IMAGE=somewhere/redis:8-local\n")
    labels = {LOCAL_LABEL: "true", VERSION_LABEL: "8.0.2"}
    image = {"Id": "sha256:cafe", "Config": {"Labels": labels}}
    fake_docker.answer("image", "inspect", "somewhere/redis:8-local", stdout=[image])
    diagnosis = examine(project)
    assert diagnosis.findings == ()
    facts = dict(diagnosis.facts)
    assert facts["REDIS_IMAGE"] == "somewhere/redis:8-local, version 8.0.2, local build"
    assert facts["POSTGRES_IMAGE"].endswith("registry")


def test_a_missing_base_image_is_found(fake_docker: "FakeDocker", project: "Project") -> None:
    reference = project.settings.images.base["PYTHON_IMAGE"].reference
    fake_docker.answer("image", "inspect", reference, stderr=f"No such image: {reference}", code=1)
    fake_docker.answer("version", stdout="28.5.2\n")
    diagnosis = examine(project)
    (found,) = diagnosis.findings
    assert (found.kind, found.where) == ("image-missing", "PYTHON_IMAGE")
    assert reference in found.message
    assert "inv setup" in found.hint
    assert "PYTHON_IMAGE" not in dict(diagnosis.facts)


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


def test_an_old_compose_is_found(fake_docker: "FakeDocker", project: "Project") -> None:
    fake_docker.answer("compose", "version", stdout="v1.29.2\n")
    assert the_finding(project).kind == "compose-version"


@pytest.mark.parametrize("version", ["v2.0.0", "2.26.1-4", "5.6.1", "dev"])
def test_a_compose_from_version_2_on_is_fine(
    fake_docker: "FakeDocker", project: "Project", version: str
) -> None:
    fake_docker.answer("compose", "version", stdout=f"{version}\n")
    assert examine(project).findings == ()


@pytest.mark.parametrize(("api", "found"), [("1.40", ["engine-version"]), ("1.41", [])])
def test_an_engine_before_20_10_is_found(
    fake_docker: "FakeDocker", project: "Project", api: str, found: list[str]
) -> None:
    fake_docker.answer("version", "{{.Server.Version}} {{.Server.APIVersion}}", stdout=f"19.03.15 {api}\n")
    assert [one.kind for one in examine(project).findings] == found


def test_a_remote_engine_is_named_and_its_disk_is_not_ours(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    fake_docker.answer("context", "inspect", stdout="ssh://build@example.org\n")
    fake_docker.answer("info", stdout="/\n")
    diagnosis = examine(project)
    (found,) = diagnosis.findings
    assert (found.kind, found.where) == ("engine-remote", "ssh://build@example.org")
    assert found.severity is Severity.WARNING
    assert dict(diagnosis.facts)["free disk space"].endswith(f"at {project.folder}")


@pytest.mark.parametrize(
    ("free", "severities"),
    [
        (GIB - 1, [Severity.ERROR]),
        (GIB, [Severity.WARNING]),
        (5 * GIB - 1, [Severity.WARNING]),
        (5 * GIB, []),
    ],
)
def test_little_disk_space_is_found(
    project: "Project",
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    severities: list[Severity],
) -> None:
    have_free(free, monkeypatch)
    found = examine(project).findings
    assert [(one.kind, one.where, one.severity) for one in found] == [
        ("disk", str(project.folder), severity) for severity in severities
    ]


def test_space_is_that_of_the_project_where_the_engines_folder_is_out_of_sight(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    fake_docker.answer("info", stdout="/nowhere/docker\n")
    assert dict(examine(project).facts)["free disk space"].endswith(f"at {project.folder}")


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


def test_a_missing_env_file_is_one_finding(project: "Project") -> None:
    project.env_file.unlink()
    assert kinds(project) == {str(project.env_file): "missing"}


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


def test_a_missing_example_is_found_where_it_is_needed(project: "Project") -> None:
    project.example.unlink()
    assert examine(project).findings == ()
    project.env_file.unlink()
    assert kinds(project) == {str(project.env_file): "missing", str(project.example): "missing"}


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


def test_an_env_file_that_is_a_folder_is_one_finding(project: "Project") -> None:
    project.env_file.unlink()
    project.env_file.mkdir()
    found = the_finding(project)
    assert (found.kind, found.where) == ("unreadable", str(project.env_file))
    assert found.message == "It is a folder, and should be a file."


def test_a_malformed_line_is_one_finding(fake_docker: "FakeDocker", project: "Project") -> None:
    text = project.env_file.read_text()
    project.env_file.write_text(text.replace("POSTGRES_PORT=5432", "POSTGRES_PORT='5432"))
    assert kinds(project) == {f"{project.env_file}:2": "malformed"}
    assert str(project.compose_file) not in {word for argv in fake_docker.argvs for word in argv}


def test_a_malformed_choice_of_images_is_found(project: "Project") -> None:
    choice = project.folder / "envs/.env.images"
    choice.write_text('POSTGRES_IMAGE="never closed\n')
    assert kinds(project) == {f"{choice}:1": "malformed"}


def test_a_choice_of_images_that_is_no_text_is_found(project: "Project") -> None:
    choice = project.folder / "envs/.env.images"
    choice.write_bytes(b"POSTGRES_IMAGE=\xff\n")
    found = the_finding(project)
    assert (found.kind, found.where) == ("unreadable", str(choice))
    assert found.message == "It is not UTF-8 text: look at line 1."


def test_missing_certificates_are_found_without_their_folder_as_an_echo(project: "Project") -> None:
    shutil.rmtree(project.folder / "certs")
    found = kinds(project)
    assert found[str(project.folder / "certs/ca.pem")] == "missing"
    assert set(found.values()) == {"missing"}


def test_a_key_that_others_may_read_is_found(project: "Project") -> None:
    key = project.folder / "certs/key.pem"
    key.chmod(0o644)
    assert kinds(project) == {str(key): "mode"}


def test_a_refusal_of_the_system_ends_only_its_own_check(
    project: "Project", monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/kept/from/us")
    monkeypatch.setattr(certificates, "check", Mock(side_effect=refusal))
    (project.folder / "src").rmdir()
    assert kinds(project) == {"/kept/from/us": "certificates", str(project.folder / "src"): "bind-source"}


def test_a_mounted_folder_that_is_missing_is_found(project: "Project") -> None:
    (project.folder / "src").rmdir()
    found = examine(project).findings
    source = str(project.folder / "src")
    assert [(one.kind, one.where) for one in found] == [("bind-source", source)] * 3
    assert [one.message for one in found] == [
        f"It does not exist, and dashtam-{name} mounts it into app." for name in ("dev", "test", "ci")
    ]


def test_secrets_that_git_tracks_are_found(project: "Project") -> None:
    copy = project.env_file.with_name(".env.dev.bak-20260101T000000Z")
    copy.write_text("SECRET_KEY=old\n")
    git(project.folder, "init")
    assert examine(project).findings == ()
    git(project.folder, "add", "--all")
    certs = project.folder / "certs"
    keys = [certs / name for name in ("ca_key.pem", "key.pem", "callback_key.pem")]
    tracked = [project.env_file, project.test.env_file, project.ci.env_file, copy, *keys]
    assert kinds(project) == dict.fromkeys(map(str, tracked), "tracked-secret")


def test_secrets_that_git_tracks_are_found_from_below_the_root_of_the_checkout(project: "Project") -> None:
    git(project.folder.parent, "init")
    git(project.folder, "add", "envs")
    tracked = [project.env_file, project.test.env_file, project.ci.env_file]
    assert kinds(project) == dict.fromkeys(map(str, tracked), "tracked-secret")


def test_a_git_that_cannot_tell_is_found(project: "Project") -> None:
    (project.folder / ".git").write_text("not a pointer to a repository\n")
    found = the_finding(project)
    assert (found.kind, found.where) == ("git", str(project.folder))


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


def test_a_private_file_that_the_app_may_not_read_is_found(project: "Project") -> None:
    project.env_file.chmod(0o200)
    found = {(one.kind, one.where) for one in examine(project).findings}
    assert ("unreadable-by-app", str(project.env_file)) in found


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
