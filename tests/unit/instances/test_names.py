import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.instances import names

Git = Callable[..., None]

WHO = ("user.email=me@example.invalid", "user.name=Me", "protocol.file.allow=always")


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Return what runs git in a folder, whatever the machine's own configuration is."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "no.gitconfig"))
    options = [part for one in WHO for part in ("-c", one)]

    def run(folder: Path, *arguments: str) -> None:
        subprocess.run(["git", *options, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)

    return run


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "Begin")
    return folder


@pytest.mark.parametrize("name", ["", "a", "7", "feature-x", "a_b", "0" * 40])
def test_a_possible_name_is_returned(name: str) -> None:
    assert names.require_possible(name) == name


@pytest.mark.parametrize(
    "name", ["Feature", "a b", "-a", "a-", "_a", "a.b", "a/b", "../a", "ä", "a\n", "0" * 41]
)
def test_an_impossible_name_is_a_usage_error(name: str) -> None:
    with pytest.raises(DashtamError, match=r"cannot be the name of an instance\.$") as raised:
        names.require_possible(name)
    assert raised.value.code == ExitCode.USAGE
    assert raised.value.reason.startswith(repr(name))
    assert "40 lower-case letters" in raised.value.hint


def test_a_folder_without_git_has_no_name_of_its_own(tmp_path: Path) -> None:
    assert names.own(tmp_path) == ""


def test_the_main_checkout_has_no_name_of_its_own(repository: Path) -> None:
    (repository / "app").mkdir()
    assert names.own(repository) == ""
    assert names.own(repository / "app") == ""


def test_a_linked_worktree_has_its_own_name_in_every_folder(
    repository: Path, git: Git, tmp_path: Path
) -> None:
    worktree = tmp_path / "feature-x"
    git(repository, "worktree", "add", "--quiet", str(worktree))
    (worktree / "backend/app").mkdir(parents=True)
    assert names.own(worktree) == "feature-x"
    assert names.own(worktree / "backend/app") == "feature-x"
    (tmp_path / "link").symlink_to(worktree / "backend")
    assert names.own(tmp_path / "link") == "feature-x"


def test_a_repository_inside_of_a_worktree_is_no_worktree(repository: Path, git: Git, tmp_path: Path) -> None:
    worktree = tmp_path / "feature-x"
    git(repository, "worktree", "add", "--quiet", str(worktree))
    inner = worktree / "vendor"
    inner.mkdir()
    git(inner, "init", "--quiet")
    assert names.own(inner) == ""


def test_a_submodule_is_where_the_checkout_around_it_is(repository: Path, git: Git, tmp_path: Path) -> None:
    part = tmp_path / "part"
    git(tmp_path, "clone", "--quiet", str(repository), str(part))
    git(repository, "submodule", "--quiet", "add", str(part), "part")
    git(repository, "commit", "--quiet", "--message", "Add a part")
    worktree = tmp_path / "feature-x"
    git(repository, "worktree", "add", "--quiet", str(worktree))
    git(worktree, "submodule", "--quiet", "update", "--init")
    assert (repository / "part/.git").is_file()
    assert (worktree / "part/.git").is_file()
    assert names.own(repository / "part") == ""
    assert names.own(worktree / "part") == "feature-x"


def test_a_worktree_of_a_submodule_has_its_own_name(repository: Path, git: Git, tmp_path: Path) -> None:
    part = tmp_path / "part"
    git(tmp_path, "clone", "--quiet", str(repository), str(part))
    git(repository, "submodule", "--quiet", "add", str(part), "part")
    git(repository / "part", "worktree", "add", "--quiet", str(tmp_path / "fix"))
    assert names.own(tmp_path / "fix") == "fix"


def test_a_git_folder_elsewhere_is_no_worktree(git: Git, tmp_path: Path) -> None:
    checkout = tmp_path / "shop"
    checkout.mkdir()
    git(checkout, "init", "--quiet", "--separate-git-dir", str(tmp_path / "shop.git"))
    assert (checkout / ".git").is_file()
    assert names.own(checkout) == ""


@pytest.mark.parametrize(
    ("folder", "readable"),
    [
        ("Feature", "feature-"),
        ("v1.2", "v1-2-"),
        ("-x-", "x-"),
        ("über", "ber-"),
        ("FIX " * 20, "fix-fix-"),
        ("...", ""),
    ],
)
def test_a_worktrees_name_becomes_a_possible_one(
    repository: Path, git: Git, tmp_path: Path, folder: str, readable: str
) -> None:
    place = tmp_path / f"worktrees/{folder}"
    git(repository, "worktree", "add", "--quiet", "--detach", str(place))
    name = names.own(place)
    assert names.require_possible(name) == name
    assert name.startswith(readable)
    assert name != readable.rstrip("-")
    assert names.own(place) == name


def test_no_two_worktrees_have_one_name(repository: Path, git: Git, tmp_path: Path) -> None:
    places = [
        tmp_path / f"{parent}/{name}"
        for parent in ("one", "two")
        for name in ("fix", "Fix", "FIX", "fix.1", "fix-1", "fix 1", f"{'x' * 60}a", f"{'x' * 60}b")
    ]
    for place in places:
        git(repository, "worktree", "add", "--quiet", "--detach", str(place))
    found = {names.own(place) for place in places}
    assert len(found) == len(places)
    assert all(found)


def test_an_instances_names_end_in_its_own() -> None:
    assert names.variables("", {"INSTANCE_SUFFIX": "-blue"}) == {}
    assert names.variables("x", {}) == {"INSTANCE_SUFFIX": "-x"}
    assert names.variables("x", {"INSTANCE_SUFFIX": "-blue"}) == {"INSTANCE_SUFFIX": "-blue-x"}
