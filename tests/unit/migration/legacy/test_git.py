import shutil
from pathlib import Path

import pytest

from dashtam_tasks import processes
from dashtam_tasks.migration.legacy import git


def run(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
    done = processes.run(["git", *identity, *arguments], cwd=folder)
    assert not done.returncode, done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Make a repository with two committed files."""
    folder = tmp_path / "shop"
    (folder / "app").mkdir(parents=True)
    for name in ("compose.yaml", "app/a name.py"):
        (folder / name).write_text(f"{name}\n" * 9, encoding="utf-8")
    run(folder, "init", "--quiet", "--initial-branch=main")
    run(folder, "add", ".")
    run(folder, "commit", "--quiet", "--message=first")
    return folder


def test_a_clean_checkout(checkout: Path) -> None:
    found = git.look(checkout)
    assert (found.is_repository, found.branch, found.is_clean, found.problem) == (True, "main", True, "")
    assert found.tracked == {"compose.yaml", "app/a name.py"}


def test_what_is_not_committed_is_named(checkout: Path) -> None:
    (checkout / "compose.yaml").write_text("changed\n", encoding="utf-8")
    (checkout / ".env").write_text("A=1\n", encoding="utf-8")
    run(checkout, "mv", "app/a name.py", "app/b name.py")
    found = git.look(checkout)
    assert (sorted(found.changed), found.untracked) == (["app/b name.py", "compose.yaml"], (".env",))
    assert not found.is_clean


def test_in_a_folder_below_names_start_there(checkout: Path) -> None:
    (checkout / "compose.yaml").write_text("changed\n", encoding="utf-8")
    (checkout / "app/new.py").touch()
    found = git.look(checkout / "app")
    assert (found.prefix, found.changed, found.untracked) == ("app/", (), ("new.py",))
    assert found.tracked == {"a name.py"}


def test_a_detached_head_has_no_branch(checkout: Path) -> None:
    run(checkout, "checkout", "--quiet", "--detach")
    assert git.look(checkout).branch == ""


def test_looking_does_not_touch_the_index(checkout: Path) -> None:
    (checkout / "compose.yaml").touch()
    before = (checkout / ".git/index").read_bytes()
    git.look(checkout)
    assert (checkout / ".git/index").read_bytes() == before


def test_no_repository_is_fine(tmp_path: Path) -> None:
    found = git.look(tmp_path)
    assert (found.is_repository, found.problem) == (False, "")


def test_no_git_is_said(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = git.look(checkout)
    assert found.is_repository
    assert "git could not be started" in found.problem


def test_what_git_refuses_is_said(checkout: Path) -> None:
    shutil.rmtree(checkout / ".git/refs")
    found = git.look(checkout)
    assert found.problem.startswith("Git cannot tell.")
    assert "not a git repository" in found.problem
