import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dashtam_tasks import env_files, instances
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import claimed, open_environment
from dashtam_tasks.pipeline import kept, slots
from tests.unit.holders import holding
from tests.unit.runs import DOWN, Engine, container

if TYPE_CHECKING:
    import subprocess

    from tests.unit.conftest import Project

pytestmark = pytest.mark.usefixtures("ci")

Hold = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def hold(project: "Project") -> Iterator[Hold]:
    """Return what lets another process hold a copy until the test is over."""
    with ExitStack() as stack:

        def start(label: str) -> "subprocess.Popen[str]":
            process = stack.enter_context(holding(project.folder, label))
            stack.callback(process.kill)
            return process

        yield start


def taken(project: "Project", **options: Any) -> Environment:
    """Take a copy, and return which one it was."""
    options = {"instance": None, "task": "ci.run", "waiting": pytest.fail, **options}
    with slots.taken(project.settings, **options) as environment:
        assert environment.model.name in {one.project for one in instances.remembered()}
        return environment


def test_a_run_has_the_first_copy_alone_and_leaves_nothing_of_it(ci: Engine, project: "Project") -> None:
    with slots.taken(project.settings, instance=None, task="ci.run", waiting=pytest.fail) as environment:
        assert (environment.label, environment.model.name) == ("ci", "dashtam-ci")
        assert [one.project for one in instances.remembered()] == ["dashtam-ci"]
        assert ci.composed == []
    assert ci.composed == [DOWN]
    assert instances.remembered() == ()


def test_what_others_have_is_left_to_them(ci: Engine, project: "Project", hold: Hold) -> None:
    for label, free in (("ci", "2"), ("ci (2)", "3")):
        hold(label)
        found = taken(project)
        assert (found.instance, found.model.name) == (free, f"dashtam-ci-{free}")
        assert found.compose.variables == {"INSTANCE_SUFFIX": f"-{free}"}
        # The images of a named copy go too: nothing else uses them.
        assert ci.composed[-1] == (*DOWN[:-2], "--rmi", "local", *DOWN[-2:])


def test_other_environments_do_not_count(project: "Project", hold: Hold) -> None:
    for label in ("dev", "test", "ci (2)"):
        hold(label)
    assert taken(project).instance == ""


def test_when_every_copy_is_taken_that_is_said(
    ci: Engine, project: "Project", hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_AT_ONCE", 2)
    hold("ci")
    other = hold("ci (2)")
    with pytest.raises(DashtamError) as raised:
        taken(project)
    assert raised.value.code == ExitCode.BUSY
    assert raised.value.reason == f"inv dev.rebuild (process {other.pid}) works on ci (2)."
    assert ci.composed == []


def test_a_second_copy_needs_a_file_that_keeps_copies_apart(
    ci: Engine, project: "Project", hold: Hold
) -> None:
    ci.resolves(app={"container_name": "dashtam-ci-app"})
    assert taken(project).instance == ""
    hold("ci")
    with pytest.raises(DashtamError, match="Container name dashtam-ci-app") as raised:
        taken(project)
    assert raised.value.code == ExitCode.CONFIGURATION


def test_a_linked_worktrees_copies_have_its_name(project: "Project", hold: Hold) -> None:
    (project.folder / ".git").write_text("gitdir: /shop/.git/worktrees/fix\n", encoding="utf-8")
    assert taken(project).instance == "fix"
    hold("ci (fix)")
    assert taken(project).instance == "fix-2"


def test_the_variable_names_the_copies_too(
    project: "Project", hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASHTAM_INSTANCE", "mine")
    hold("ci (mine)")
    assert taken(project).instance == "mine-2"


def test_a_copy_that_is_named_is_waited_for(project: "Project", hold: Hold) -> None:
    other, told = hold("ci (x)"), []

    def let_go(text: str) -> None:
        told.append(text)
        other.communicate("\n")

    assert taken(project, instance="x", waiting=let_go).instance == "x"
    assert told == [f"waiting for inv dev.rebuild (process {other.pid}), which works on ci (x)"]


def test_a_copy_that_is_named_is_not_replaced_by_another(ci: Engine, project: "Project", hold: Hold) -> None:
    other = hold("ci")
    with pytest.raises(DashtamError) as raised:
        taken(project, instance="", patience=0)
    assert (raised.value.code, str(other.pid) in raised.value.reason) == (ExitCode.BUSY, True)
    assert ci.composed == []


def test_the_copy_of_another_folder_is_left_to_it(project: "Project", tmp_path: Path) -> None:
    clone = shutil.copytree(project.folder, tmp_path / "clone")
    theirs = msgspec.structs.replace(project.settings, project_dir=str(clone))
    claimed(open_environment(theirs, "ci"))
    assert taken(project).instance == "2"
    assert [one.folder for one in instances.remembered()] == [str(clone)]


def test_the_copy_of_a_folder_that_is_gone_is_free(project: "Project", tmp_path: Path) -> None:
    clone = shutil.copytree(project.folder, tmp_path / "clone")
    claimed(open_environment(msgspec.structs.replace(project.settings, project_dir=str(clone)), "ci"))
    shutil.rmtree(clone)
    assert taken(project).instance == ""


def test_what_a_killed_run_left_goes_first(ci: Engine, project: "Project") -> None:
    ci.has(container("app", "exited", code=137), container("postgres", "running"))
    with slots.taken(project.settings, instance=None, task="ci.run", waiting=pytest.fail):
        assert ci.composed == [DOWN]
    assert ci.composed == [DOWN, DOWN]


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError])
def test_nothing_is_left_whatever_happens(ci: Engine, project: "Project", error: type[BaseException]) -> None:
    taking = slots.taken(project.settings, instance=None, task="ci.run", waiting=pytest.fail)
    with pytest.raises(error), taking:
        raise error
    assert ci.composed == [DOWN]
    assert instances.remembered() == ()


def test_a_copy_that_could_not_be_removed_stays_remembered(ci: Engine, project: "Project") -> None:
    ci.answer("compose", "down", stderr="network has active endpoints\n", code=1)
    with pytest.raises(DashtamError) as raised:
        taken(project)
    assert raised.value.details == "network has active endpoints\n"
    assert [one.project for one in instances.remembered()] == ["dashtam-ci"]


def test_copies_are_known_by_what_is_remembered_and_by_their_reports(project: "Project") -> None:
    assert slots.known(project.settings, notify=pytest.fail) == ("",)
    claimed(open_environment(project.settings, "ci", instance="x"))
    for name in ("ci", "ci-1", "ci-2", "ci-10", "ci-99", "ci-100", "ci-x-2", "ci-archive", "test"):
        (project.folder / "reports" / name).mkdir(parents=True)
    (project.folder / "reports/ci-3").touch()
    assert slots.known(project.settings, notify=pytest.fail) == ("", "x", "2", "10", "99")


def test_copies_of_a_linked_worktree_are_known_by_its_name(project: "Project") -> None:
    (project.folder / ".git").write_text("gitdir: /shop/.git/worktrees/fix\n", encoding="utf-8")
    for name in ("ci-2", "ci-fix", "ci-fix-2"):
        (project.folder / "reports" / name).mkdir(parents=True)
    assert slots.known(project.settings, notify=pytest.fail) == ("fix", "fix-2")


def test_the_env_file_is_made_where_it_is_missing(project: "Project") -> None:
    path = project.ci.env_file
    path.unlink()
    told: list[str] = []
    taken(project, waiting=told.append)
    assert told == [f"made {path} from .env.ci.example"]
    assert env_files.read(path)["SECRET_KEY"] == env_files.read(project.ci.example)["SECRET_KEY"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("POSTGRES_PASSWORD=mine\n", encoding="utf-8")
    taken(project)
    assert path.read_text(encoding="utf-8") == "POSTGRES_PASSWORD=mine\n"


def test_the_job_is_that_of_the_settings(project: "Project", environment: Environment) -> None:
    assert slots.job_of(environment) == "app"
    files = msgspec.structs.replace(project.settings.files("ci"), job="redis")
    settings = msgspec.structs.replace(project.settings, environments={"ci": files})
    assert slots.job_of(open_environment(settings, "ci")) == "redis"


@pytest.mark.parametrize("job", ["", "web"])
def test_a_job_that_is_no_service_is_told_with_those_that_are(project: "Project", job: str) -> None:
    files = msgspec.structs.replace(project.settings.files("ci"), job=job)
    settings = msgspec.structs.replace(project.settings, environments={"ci": files})
    with pytest.raises(DashtamError) as raised:
        slots.job_of(open_environment(settings, "ci"))
    assert raised.value.code == ExitCode.CONFIGURATION
    assert raised.value.reason == (
        f"dashtam.environments.ci.job is {job!r}, and {project.ci.compose_file} has no such service."
    )
    assert raised.value.hint.endswith("one of app, postgres, redis.")
