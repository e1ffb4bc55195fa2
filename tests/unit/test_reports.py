import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashtam_tasks import reports
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import open_environment
from tests.unit.copies import composed

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

RunsAs = Callable[[str], None]

ORDINARY, SOMEBODY = 4321, 5432
EARLIER = ("junit-unit.xml", "html/index.html")


@pytest.fixture
def environment(project: "Project", fake_docker: "FakeDocker") -> Environment:
    """The environment test, in whose containers every command succeeds."""
    fake_docker.answer("compose")
    fake_docker.answer("compose", "config", stdout=project.test.model())
    return open_environment(project.settings, "test", instance="")


@pytest.fixture
def runs_as(project: "Project", fake_docker: "FakeDocker") -> RunsAs:
    """Return what lets the app's container run as a user."""

    def script(user: str) -> None:
        model = project.test.model()
        model["services"]["app"]["user"] = user
        fake_docker.answer("compose", "config", stdout=model)

    return script


@pytest.fixture
def folder(project: "Project") -> Path:
    """A folder of reports with those of an earlier run in it."""
    made = project.folder / "reports/test"
    for name in EARLIER:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).touch(mode=0o644)
    return made


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch, folder: Path) -> int:
    """Run as an ordinary user, to whom the folder belongs; return the user's id."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, ORDINARY, -1)
        monkeypatch.setattr(os, "geteuid", lambda: ORDINARY)
    return os.geteuid()


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> dict[Path, tuple[int, int]]:
    """Run as root, and return what is given to whom, since only the real root may do that."""
    given: dict[Path, tuple[int, int]] = {}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "lchown", lambda path, uid, gid: given.update({path: (uid, gid)}))
    return given


def modes(folder: Path) -> dict[str, int]:
    """Return the mode of a folder and of everything in it."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in (folder, *folder.rglob("*"))
    }


def of_earlier(*, directories: int, files: int) -> dict[str, int]:
    """Return the modes of a folder with the reports of an earlier run."""
    return {".": directories, "html": directories, **dict.fromkeys(EARLIER, files)}


def foreign(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the next look at a new file find that it belongs to somebody else, and return the file."""
    made = folder / "coverage-unit.xml"
    made.touch()
    lstat = Path.lstat

    def look(path: Path) -> os.stat_result:
        found = lstat(path)
        return os.stat_result((*found[:4], SOMEBODY, *found[5:])) if path == made else found

    monkeypatch.setattr(Path, "lstat", look)
    return made


def given_back(fake: "FakeDocker") -> list[tuple[str, ...]]:
    """Return what ran as root in a container."""
    return [argv for argv in composed(fake) if "0:0" in argv]


@pytest.mark.parametrize(("instance", "name"), [("", "test"), ("x", "test-x")])
def test_each_instance_has_a_folder_of_its_own(project: "Project", instance: str, name: str) -> None:
    opened = open_environment(project.settings, "test", instance=instance)
    assert reports.folder_of(opened) == project.folder / "reports" / name


def test_the_folder_is_made(tmp_path: Path) -> None:
    made = reports.made(tmp_path / "reports/test")
    assert made == tmp_path / "reports/test"
    assert made.is_dir()
    assert reports.made(made) == made


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    with pytest.raises(DashtamError) as raised:
        reports.made(tmp_path / "reports/test")
    assert raised.value.code == ExitCode.CANNOT_CREATE
    assert str(tmp_path / "reports/test") in raised.value.reason


def test_a_file_where_the_folder_has_to_be_is_named_and_left(tmp_path: Path) -> None:
    (tmp_path / "test").write_text("mine", encoding="utf-8")
    with pytest.raises(DashtamError) as raised:
        reports.made(tmp_path / "test")
    assert raised.value.code == ExitCode.CANNOT_CREATE
    assert raised.value.reason == f"{tmp_path / 'test'} is not a folder, and reports go there."
    assert (tmp_path / "test").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("user", ["4242", "4242:4242", "", "app", "app:app"])
def test_an_ordinary_caller_opens_the_folder_while_another_user_writes(
    environment: Environment,
    runs_as: RunsAs,
    fake_docker: "FakeDocker",
    folder: Path,
    ordinary: int,
    user: str,
) -> None:
    runs_as(user)
    with reports.writable(environment, "app", folder):
        assert modes(folder) == of_earlier(directories=0o777, files=0o666)
    assert modes(folder) == of_earlier(directories=0o755, files=0o644)
    assert folder.stat().st_uid == ordinary
    assert given_back(fake_docker) == []


def test_the_callers_own_user_needs_no_open_folder(
    environment: Environment, runs_as: RunsAs, folder: Path, ordinary: int
) -> None:
    runs_as(f"{ordinary}:{ordinary}")
    with reports.writable(environment, "app", folder):
        assert modes(folder) == of_earlier(directories=0o755, files=0o644)


@pytest.mark.usefixtures("ordinary")
def test_the_folder_is_closed_although_the_suite_failed(
    environment: Environment, runs_as: RunsAs, folder: Path
) -> None:
    runs_as("4242")
    with pytest.raises(KeyboardInterrupt), reports.writable(environment, "app", folder):
        raise KeyboardInterrupt
    assert modes(folder) == of_earlier(directories=0o755, files=0o644)


@pytest.mark.usefixtures("ordinary")
def test_a_link_opens_nothing_elsewhere(
    environment: Environment, runs_as: RunsAs, folder: Path, tmp_path: Path
) -> None:
    runs_as("4242")
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    (folder / "link").symlink_to(secret)
    with reports.writable(environment, "app", folder):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_an_ordinary_caller_gets_files_back_through_a_container(
    environment: Environment,
    runs_as: RunsAs,
    fake_docker: "FakeDocker",
    folder: Path,
    ordinary: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs_as("4242")
    with reports.writable(environment, "app", folder):
        foreign(folder, monkeypatch)
    ((*command, service, _, owner, target),) = given_back(fake_docker)
    assert command[:4] == ["run", "--rm", "--no-deps", "--no-TTY"]
    assert command[4:] == ["--user", "0:0", "--volume", f"{folder}:/reports", "--entrypoint", "chown"]
    assert (service, owner, target) == ("app", f"{ordinary}:{os.getegid()}", "/reports")


@pytest.mark.usefixtures("ordinary")
def test_files_that_cannot_be_given_back_are_named(
    environment: Environment,
    runs_as: RunsAs,
    fake_docker: "FakeDocker",
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs_as("4242")
    fake_docker.answer("compose", "run", "0:0", code=1)
    with pytest.raises(DashtamError) as raised, reports.writable(environment, "app", folder):
        made = foreign(folder, monkeypatch)
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert raised.value.reason.startswith(f"{made} belongs to the user of the container")
    assert "docker-compose.test.yml" in raised.value.hint
    assert modes(folder)["."] == 0o755


@pytest.mark.parametrize(("user", "owner"), [("4242:4343", (4242, 4343)), ("4242", (4242, -1))])
def test_root_gives_the_folder_to_the_containers_user(
    environment: Environment,
    runs_as: RunsAs,
    folder: Path,
    root: dict[Path, tuple[int, int]],
    user: str,
    owner: tuple[int, int],
) -> None:
    runs_as(user)
    with reports.writable(environment, "app", folder):
        assert root == dict.fromkeys([folder, folder / "html", *(folder / name for name in EARLIER)], owner)
        assert modes(folder) == of_earlier(directories=0o755, files=0o644)


def test_root_takes_files_back_itself(
    environment: Environment,
    runs_as: RunsAs,
    fake_docker: "FakeDocker",
    folder: Path,
    root: dict[Path, tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs_as("4242:4343")
    with reports.writable(environment, "app", folder):
        made = foreign(folder, monkeypatch)
    assert root[made] == (0, os.getegid())
    assert composed(fake_docker) == []


@pytest.mark.parametrize("user", ["", "app"])
def test_root_opens_the_folder_for_a_user_without_a_number(
    environment: Environment, runs_as: RunsAs, folder: Path, user: str, root: dict[Path, tuple[int, int]]
) -> None:
    runs_as(user)
    with reports.writable(environment, "app", folder):
        ours = folder.stat().st_uid == 0
        assert stat.S_IMODE(folder.stat().st_mode) == (0o777 if ours else 0o755)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert all(owner[0] == 0 for owner in root.values())
