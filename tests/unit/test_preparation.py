from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from dashtam_tasks import env_files, images, instances, preparation
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.images import Choice
from dashtam_tasks.instances import Instance
from dashtam_tasks.ownership import container_user
from dashtam_tasks.settings import Settings

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

EXAMPLE = """\
# Who the app runs as.
APP_UID=1000
APP_GID=1000
APP_PORT=8000
POSTGRES_PASSWORD=CHANGE_ME
SECRET_KEY=CHANGE_ME
ENCRYPTION_KEY=CHANGE_ME
"""
LOCAL = "dashtam-local/postgres:17"


@pytest.fixture(autouse=True)
def allowed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Choose images without an engine; return what `install` was each time."""
    asked: list[bool] = []

    def choose(settings: Settings, *, report: Callable[[str], None], install: bool) -> tuple[Choice, ...]:
        report("Choosing images")
        asked.append(install)
        settings.path(settings.images.env_file).write_text(f"POSTGRES_IMAGE={LOCAL}\n", encoding="utf-8")
        return (
            Choice(variable="POSTGRES_IMAGE", reference=LOCAL, local=True, version="17.6", image_id="id"),
        )

    monkeypatch.setattr(images, "choose", choose)
    return asked


@pytest.fixture(autouse=True)
def engine(project: "Project", fake_docker: "FakeDocker") -> "FakeDocker":
    """An engine without any volume."""
    fake_docker.answer("compose", "config", stdout=project.model())
    fake_docker.answer("volume", "ls")
    return fake_docker


@pytest.fixture
def fresh(project: "Project") -> "Project":
    """A project as it is after a clone."""
    project.env_file.unlink()
    project.example.write_text(EXAMPLE, encoding="utf-8")
    return project


def prepare(project: "Project", *, install: bool = True) -> tuple[tuple[str, ...], list[str]]:
    """Prepare the project; return what was made and what was reported meanwhile."""
    reported: list[str] = []
    return preparation.prepare(project.settings, report=reported.append, install=install), reported


def test_everything_is_made_and_named_after_a_clone(fresh: "Project") -> None:
    done, reported = prepare(fresh)
    certificates = fresh.folder / "certs"
    lines = [line.partition(" (")[0] for line in done]
    assert {
        f"made {fresh.env_file} from .env.dev.example",
        *(f"made {key} in {fresh.env_file}" for key in ("POSTGRES_PASSWORD", "SECRET_KEY", "ENCRYPTION_KEY")),
        *(f"made {certificates}/{name}.pem" for name in ("ca", "cert", "callback_cert")),
        f"chose POSTGRES_IMAGE={LOCAL}",
    } <= set(lines)
    assert lines[0] == f"made {fresh.env_file} from .env.dev.example"
    assert reported == ["Choosing images"]


def test_every_environment_gets_secrets_of_its_own(fresh: "Project") -> None:
    fresh.test.env_file.unlink()
    prepare(fresh)
    dev, test = env_files.read(fresh.env_file), env_files.read(fresh.test.env_file)
    assert test["APP_PORT"] == "8001"
    for key in ("POSTGRES_PASSWORD", "SECRET_KEY", "ENCRYPTION_KEY"):
        assert "CHANGE_ME" != test[key] != dev[key]


def test_a_new_env_file_is_private_complete_and_for_the_apps_user(fresh: "Project") -> None:
    prepare(fresh)
    values = env_files.read(fresh.env_file)
    user = container_user(fresh.folder)
    assert (values["APP_UID"], values["APP_GID"]) == (str(user.uid), str(user.gid))
    assert values["APP_PORT"] == "8000"
    assert "CHANGE_ME" not in values.values()
    assert fresh.env_file.stat().st_mode & 0o777 == 0o600
    assert fresh.env_file.stat().st_uid == user.uid
    assert fresh.example.read_text(encoding="utf-8") == EXAMPLE


def test_no_message_holds_a_secret(fresh: "Project") -> None:
    made, reported = prepare(fresh)
    values = env_files.read(fresh.env_file)
    for key in ("POSTGRES_PASSWORD", "SECRET_KEY", "ENCRYPTION_KEY"):
        assert not [line for line in (*made, *reported) if values[key] in line]


def test_a_second_time_nothing_is_made_or_touched(fresh: "Project") -> None:
    prepare(fresh)
    before = {
        path: (path.stat().st_ino, path.read_bytes()) for path in fresh.folder.rglob("*") if path.is_file()
    }
    # The choice of images is the only part that writes anew, and only in this test.
    del before[fresh.folder / "envs/.env.images"]
    made, _ = prepare(fresh)
    assert made == ()
    assert before == {path: (path.stat().st_ino, path.read_bytes()) for path in before}


def test_a_persons_own_values_stay(fresh: "Project") -> None:
    fresh.env_file.write_text("POSTGRES_PASSWORD=mine\nSECRET_KEY=CHANGE_ME\n", encoding="utf-8")
    made, _ = prepare(fresh)
    values = env_files.read(fresh.env_file)
    assert values["POSTGRES_PASSWORD"] == "mine"
    assert values["SECRET_KEY"] != "CHANGE_ME"
    assert f"made SECRET_KEY in {fresh.env_file}" in made
    assert f"made POSTGRES_PASSWORD in {fresh.env_file}" not in made


def test_the_password_that_a_volume_was_made_with_is_spared(fresh: "Project", engine: "FakeDocker") -> None:
    engine.answer("volume", "ls", stdout="dashtam-dev_dev_postgres_data\n")
    done, _ = prepare(fresh)
    values = env_files.read(fresh.env_file)
    assert values["POSTGRES_PASSWORD"] == "CHANGE_ME"
    assert values["SECRET_KEY"] != "CHANGE_ME"
    (spared,) = (index for index, line in enumerate(done) if line.startswith("left "))
    assert done[spared].startswith(f"left POSTGRES_PASSWORD in {fresh.env_file} alone: ")
    assert done[spared + 1].startswith("Put that one back.")
    assert "inv dev.up --instance NAME" in done[spared + 1]
    assert done[spared + 1].endswith("inv dev.down --volumes")


@pytest.mark.parametrize(("volume", "spared"), [("dashtam-dev-x_data", True), ("dashtam-dev-y_data", False)])
def test_the_password_that_a_named_instances_volume_was_made_with_is_spared(
    fresh: "Project", engine: "FakeDocker", volume: str, *, spared: bool
) -> None:
    instances.write(
        Instance(
            project="dashtam-dev-x",
            environment="dev",
            name="x",
            folder=str(fresh.folder),
            compose_file=str(fresh.compose_file),
            env_files=(str(fresh.env_file),),
            variables={"INSTANCE_SUFFIX": "-x"},
            ports=(),
            made=datetime.now(UTC),
        )
    )
    named = {"volumes": {"dev_postgres_data": {"name": "dashtam-dev${INSTANCE_SUFFIX:-}_data"}}}
    engine.answer("compose", "config", stdout=fresh.model() | named, expands=True)
    engine.answer("volume", "ls", stdout=f"{volume}\n")
    prepare(fresh)
    assert (env_files.read(fresh.env_file)["POSTGRES_PASSWORD"] == "CHANGE_ME") is spared


def test_any_volume_counts_where_the_settings_do_not_name_the_database(
    fresh: "Project", engine: "FakeDocker"
) -> None:
    engine.answer("volume", "ls", stdout="dashtam-dev_dev_postgres_data\n")
    services = msgspec.structs.replace(fresh.settings.services, database="elsewhere")
    chosen = msgspec.structs.replace(fresh.settings, services=services)
    env_files.create(fresh.env_file, fresh.example, values={}, user=container_user(fresh.folder))
    made = preparation.generate_keys(chosen, "dev", force=True)
    assert made.skipped == ("POSTGRES_PASSWORD",)


def test_an_example_may_leave_the_apps_user_to_the_default(fresh: "Project") -> None:
    fresh.example.write_text("APP_PORT=8000\n", encoding="utf-8")
    prepare(fresh)
    assert env_files.read(fresh.env_file) == {"APP_PORT": "8000"}


def test_one_env_file_is_made_alone_and_never_over_another(project: "Project") -> None:
    path, user = project.ci.env_file, container_user(project.folder)
    path.unlink()
    assert preparation.make_env_file(project.settings, path)
    machine = {"APP_UID": str(user.uid), "APP_GID": str(user.gid)}
    assert env_files.read(path) == {**env_files.read(project.ci.example), **machine}
    path.write_text("APP_UID=5\n", encoding="utf-8")
    assert not preparation.make_env_file(project.settings, path)
    assert env_files.read(path) == {"APP_UID": "5"}


def test_with_nothing_to_make_no_engine_is_asked(project: "Project", engine: "FakeDocker") -> None:
    prepare(project)
    assert engine.calls == ()


def test_an_environment_without_an_example_is_left_alone(fresh: "Project") -> None:
    fresh.example.unlink()
    made, _ = prepare(fresh)
    assert not fresh.env_file.exists()
    assert not [line for line in made if str(fresh.env_file) in line]


@pytest.mark.parametrize("install", [True, False])
def test_installing_is_allowed_only_by_the_caller(
    project: "Project", allowed: list[bool], *, install: bool
) -> None:
    prepare(project, install=install)
    assert allowed == [install]


def test_a_malformed_env_file_ends_it_before_certificates_are_made(project: "Project") -> None:
    project.env_file.write_text("no assignment\n", encoding="utf-8")
    with pytest.raises(DashtamError, match=f"{project.env_file}:1: ") as raised:
        prepare(project)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert not Path(project.folder, "certs").exists()
