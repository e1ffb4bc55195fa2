import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from dashtam_tasks.engine import Container
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import open_environment
from dashtam_tasks.pipeline import kept
from tests.unit.conftest import bind
from tests.unit.runs import Engine, container

if TYPE_CHECKING:
    from tests.unit.conftest import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of reports with those of an earlier run in it."""
    made = tmp_path / "reports/ci"
    (made / "coverage").mkdir(parents=True)
    for name in ("junit.xml", "coverage/index.html"):
        (made / name).touch()
    return made


def mounting(ci: Engine, source: Path | None) -> Environment:
    """Return the environment, whose job mounts a folder for its reports, or none."""
    ci.resolves(app={"volumes": [bind(source, "/reports")] if source else []})
    return open_environment(ci.project.settings, "ci", instance="")


def test_reports_are_in_the_folder_that_the_job_mounts(ci: Engine) -> None:
    elsewhere = ci.project.folder / "reports/elsewhere/deep"
    assert kept.folder_of(mounting(ci, elsewhere), "app") == elsewhere


@pytest.mark.parametrize("instance", ["", "2"])
def test_each_copy_has_a_folder_of_its_own(ci: Engine, project: "Project", instance: str) -> None:
    expected = project.folder / "reports" / (f"ci-{instance}" if instance else "ci")
    opened = open_environment(project.settings, "ci", instance=instance)
    assert opened.compose.variables == ({"INSTANCE_SUFFIX": f"-{instance}"} if instance else {})
    assert kept.folder_of(opened, "app") == expected
    ci.resolves(app={"volumes": []})
    assert kept.folder_of(open_environment(project.settings, "ci", instance=instance), "app") == expected


def test_a_folder_that_is_not_for_reports_is_refused(ci: Engine, tmp_path: Path) -> None:
    reports = ci.project.folder / "reports"
    (reports / "link").parent.mkdir()
    (reports / "link").symlink_to(tmp_path)
    for folder in (ci.project.folder / "src", ci.project.folder, reports, reports / "link", tmp_path):
        with pytest.raises(DashtamError) as raised:
            kept.folder_of(mounting(ci, folder), "app")
        assert raised.value.code == ExitCode.CONFIGURATION
        assert raised.value.reason == f"Service app mounts {folder} at /reports, which every run empties."
        assert f"below {reports}" in raised.value.hint


def test_old_reports_go_and_the_folder_stays(folder: Path) -> None:
    before = folder.stat().st_ino
    assert kept.emptied(folder) == folder
    assert list(folder.iterdir()) == []
    assert folder.stat().st_ino == before


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    assert kept.emptied(tmp_path / "reports/ci").is_dir()


def test_what_links_in_it_lead_to_stays(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "app.py").touch()
    (folder / "sources").symlink_to(source)
    (folder / "app.py").symlink_to(source / "app.py")
    kept.emptied(folder)
    assert list(folder.iterdir()) == []
    assert list(source.iterdir()) == [source / "app.py"]


def test_a_folder_that_cannot_be_emptied_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    with pytest.raises(DashtamError) as raised:
        kept.emptied(tmp_path / "reports/ci")
    assert raised.value.code == ExitCode.CANNOT_CREATE
    assert str(tmp_path / "reports/ci") in raised.value.reason


def test_a_folder_goes_with_all_that_is_in_it_and_nothing_else(folder: Path) -> None:
    (folder.parent / "test").mkdir()
    kept.remove(folder)
    assert list(folder.parent.iterdir()) == [folder.parent / "test"]


def test_what_is_no_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ci").write_text("mine", encoding="utf-8")
    kept.remove(tmp_path / "ci")
    kept.remove(tmp_path / "ci-2")
    assert [path.name for path in tmp_path.iterdir()] == ["ci"]
    assert (tmp_path / "ci").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("instance", ["", "fix"])
def test_a_further_copy_has_the_folder_that_its_number_says(ci: Engine, instance: str) -> None:
    first, third = (
        kept.folder_of(open_environment(ci.project.settings, "ci", instance=name), "app")
        for name in (instance, f"{instance}-3".removeprefix("-"))
    )
    assert kept.of_copy(first, 3) == third


@pytest.mark.parametrize("last", ["ci", "ci-2", "ci-10"])
def test_the_latest_folder_is_that_of_the_copy_that_ran_last(tmp_path: Path, last: str) -> None:
    for name in ("ci", "ci-2", "ci-10", "ci-archive", "test"):
        (tmp_path / name).mkdir()
    for name in {"ci", "ci-2", "ci-10"} - {last}:
        os.utime(tmp_path / name, (1, 1))
    os.utime(tmp_path / last, (2, 2))
    # Not a folder, so no copy's.
    (tmp_path / "ci-3").touch()
    assert kept.latest(tmp_path / "ci") == tmp_path / last


def test_without_any_folder_the_latest_is_that_of_the_first_copy(tmp_path: Path) -> None:
    assert kept.latest(tmp_path / "reports/ci") == tmp_path / "reports/ci"


def test_each_service_has_its_log_kept(ci: Engine, folder: Path) -> None:
    there = [container("app", "exited"), container("postgres", "running")]
    ci.answer("logs", "id-postgres", stdout="ready\n")
    kept.save_logs(msgspec.convert(there, list[Container]), folder)
    written = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.log")}
    assert written == {"app.log": "what it said\n", "postgres.log": "ready\n"}


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ((), ["app | one", "app | t�wo", "postgres | ready"]),
        (("postgres",), ["postgres | ready"]),
        (("postgres", "app"), ["postgres | ready", "app | one", "app | t�wo"]),
    ],
)
def test_kept_logs_are_shown_with_their_services(
    folder: Path, services: tuple[str, ...], expected: list[str]
) -> None:
    (folder / "app.log").write_bytes(b"one\nt\xffwo\n")
    (folder / "postgres.log").write_text("ready\n", encoding="utf-8")
    assert list(kept.logs(folder, services)) == expected


def test_a_log_that_is_not_kept_is_named_with_those_that_are(folder: Path) -> None:
    for name in ("redis", "app"):
        (folder / f"{name}.log").touch()
    with pytest.raises(DashtamError) as raised:
        list(kept.logs(folder, ("web", "app", "mail")))
    assert raised.value.code == ExitCode.USAGE
    assert raised.value.reason == f"There is no log of mail, web in {folder}."
    assert raised.value.hint == "There is app, redis."


def test_without_any_log_it_is_said_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(DashtamError, match="no log of any service") as raised:
        list(kept.logs(tmp_path / "reports/ci", ()))
    assert (raised.value.code, raised.value.hint) == (ExitCode.USAGE, "`inv ci.run` makes them.")
