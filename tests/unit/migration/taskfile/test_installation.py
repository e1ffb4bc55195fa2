"""How a pipeline installs the package that the migration was run from."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.taskfile import installation, preferences, workflow_step
from tests.unit.migration.taskfile import blueprints

PIP = ["python", "-m", "pip", "install"]
COMMIT = "7921be1537eac1e97bc40179a57f0349c2aee67d"
RECIPE = (
    "test-all:\n\tdocker compose -f docker-compose.yml -f docker-compose.test.yml exec -T web pytest checks\n"
)
Record = Callable[..., None]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    """Return what installs the package, by a record of origin as pip writes it, or by none as from an index."""

    def install(**origin: Any) -> None:
        folder = tmp_path / "site-packages/dashtam_tasks-1.2.3.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: dashtam-tasks\nVersion: 1.2.3\n")
        if origin:
            (folder / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.syspath_prepend(folder.parent)

    return install


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


def command(project: Path) -> list[str]:
    """Return the command that is known to work elsewhere."""
    found = installation.read(project)
    assert found.remarks == ()
    return list(found.command)


def test_what_came_from_an_index_is_pinned(installed: Record, project: Path) -> None:
    installed()
    assert command(project) == [*PIP, "dashtam-tasks==1.2.3"]


def test_what_came_from_git_is_that_commit(installed: Record, project: Path) -> None:
    vcs = {"vcs": "git", "requested_revision": "main", "commit_id": COMMIT}
    installed(url="https://example.org/tools.git", vcs_info=vcs, subdirectory="tasks")
    expected = f"dashtam-tasks @ git+https://example.org/tools.git@{COMMIT}#subdirectory=tasks"
    assert command(project) == [*PIP, expected]


def test_a_wheel_of_a_url_is_held_to_its_hash(installed: Record, project: Path) -> None:
    url = "https://example.org/dashtam_tasks-1.2.3-py3-none-any.whl"
    installed(url=url, archive_info={"hash": "sha256=abc", "hashes": {"sha256": "abc"}})
    assert command(project) == [*PIP, f"dashtam-tasks @ {url}#sha256=abc"]


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("https://alice:s3cr3t@example.org/t.git", "git+https://example.org/t.git"),
        ("https://s3cr3t@example.org/t.git", "git+https://example.org/t.git"),
        ("ssh://git@example.org/t.git", "git+ssh://git@example.org/t.git"),
    ],
)
def test_credentials_are_left_out(installed: Record, project: Path, address: str, written: str) -> None:
    installed(url=address, vcs_info={"vcs": "git", "commit_id": COMMIT})
    assert command(project) == [*PIP, f"dashtam-tasks @ {written}@{COMMIT}"]


def test_a_wheel_in_the_project_is_named_by_its_place_there(installed: Record, project: Path) -> None:
    wheel = project / "tool box/dashtam_tasks-1.2.3-py3-none-any.whl"
    installed(url=wheel.as_uri(), archive_info={})
    assert command(project) == [*PIP, "./tool box/dashtam_tasks-1.2.3-py3-none-any.whl"]


@pytest.mark.parametrize(
    "origin",
    [
        {"url": "file:///home/alice/dashtam-tasks", "dir_info": {"editable": True}},
        {"url": "file:///home/alice/dashtam_tasks-1.2.3-py3-none-any.whl", "archive_info": {}},
        {"url": "file:///home/alice/tools.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
        {"url": "https://example.org/d.whl?signature=alice", "archive_info": {}},
    ],
    ids=["folder", "wheel", "git", "signed"],
)
def test_what_exists_here_alone_fails_loudly_elsewhere(
    installed: Record, project: Path, origin: dict[str, Any]
) -> None:
    installed(**origin)
    found = installation.read(project)
    assert "alice" not in repr(found)
    (remark,) = found.remarks
    assert "dashtam.workflow.install in invoke.yaml" in remark
    done = subprocess.run(found.command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (78, "")
    assert "in invoke.yaml set dashtam.workflow.install to a command that does" in done.stderr


def test_a_package_that_is_run_from_its_sources_alone_is_told_too(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    assert installation.read(project).command == installation.UNSAID


def test_the_plan_says_that_the_workflow_is_still_to_be_completed(installed: Record, tmp_path: Path) -> None:
    installed(url="file:///home/alice/dashtam-tasks", dir_info={})
    blueprint = blueprints.blueprint(blueprints.shop(tmp_path, RECIPE))
    assert preferences.read(blueprint).settings.workflow.install == (installation.UNSAID,)
    assert (
        workflow_step(blueprint)
        .remarks[0]
        .startswith("No pipeline can install dashtam-tasks as it is here: ")
    )


def test_the_command_in_the_workflow_is_the_one_that_works(installed: Record, tmp_path: Path) -> None:
    installed(url="https://example.org/t.git", vcs_info={"vcs": "git", "commit_id": COMMIT})
    blueprint = blueprints.blueprint(blueprints.shop(tmp_path, RECIPE))
    (file,) = workflow_step(blueprint).operations
    assert isinstance(file, Write)
    text = file.data.decode()
    expected = shlex.join([*PIP, f"dashtam-tasks @ git+https://example.org/t.git@{COMMIT}"])
    assert f'run: "{expected}"' in text
