import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import dashtam_tasks
from dashtam_tasks import program

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project, Terminal

SCRIPT = Path(sys.executable).with_name("dashtam-tasks")


def console_script(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed console script in a folder, with no configuration of the user's."""
    return subprocess.run(
        [SCRIPT, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_console_script_lists_the_tasks_where_there_is_no_project(tmp_path: Path) -> None:
    done = console_script(tmp_path, "--list")
    assert (done.returncode, done.stderr) == (0, "")
    assert {"dev.up", "setup", "up"} <= {line.split()[0] for line in done.stdout.splitlines() if line.strip()}
    assert list(tmp_path.iterdir()) == []


def test_a_project_that_is_not_there_is_one_clear_message(tmp_path: Path) -> None:
    done = console_script(tmp_path, "dev.status")
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines() == [
        f"error: The Compose file {tmp_path}/compose/docker-compose.dev.yml of environment dev does not exist.",
        "hint: Check dashtam.environments.dev.compose_file in invoke.yaml.",
    ]


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert console_script(tmp_path, "--version").stdout.split() == [
        "dashtam-tasks",
        dashtam_tasks.__version__,
    ]


@pytest.mark.parametrize("marker", program.MARKERS)
def test_the_project_is_the_nearest_folder_that_looks_like_one(tmp_path: Path, marker: str) -> None:
    inner = tmp_path / "project/src/deep"
    inner.mkdir(parents=True)
    (tmp_path / "project" / marker).touch()
    (tmp_path / marker).touch()
    assert program.project_dir(inner) == tmp_path / "project"


def test_a_folder_without_a_project_is_its_own(tmp_path: Path) -> None:
    assert program.project_dir(tmp_path) == tmp_path


def test_settings_are_those_of_the_project_from_any_folder_in_it(
    project: "Project", tasks: "Terminal", fake_docker: "FakeDocker", monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "dashtam: {environments: {dev: {compose_file: other.yml}}}"
    (project.folder / "invoke.yaml").write_text(text, encoding="utf-8")
    (project.folder / "other.yml").touch()
    fake_docker.answer("compose", "config", stdout=project.model())
    fake_docker.answer("ps")
    fake_docker.answer("compose", "logs")
    monkeypatch.chdir(project.folder / "src")
    assert tasks("logs").code == 0
    composed = [argv for argv in fake_docker.argvs if argv[0] == "compose"]
    assert {argv[:3] for argv in composed} == {("compose", "--file", str(project.folder / "other.yml"))}


def test_a_wrong_setting_is_one_clear_message(
    project: "Project", tasks: "Terminal", fake_docker: "FakeDocker"
) -> None:
    path = project.folder / "invoke.yaml"
    path.write_text("dashtam: {readiness: {timeuot: 5}}", encoding="utf-8")
    done = tasks("dev.up")
    assert (done.code, done.out) == (78, "")
    assert done.err.splitlines()[0] == (
        f"error: {path}: dashtam.readiness.timeuot: Object contains unknown field `timeuot`."
    )
    assert fake_docker.calls == ()
