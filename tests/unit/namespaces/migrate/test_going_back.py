import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.migration.undertakings import SECRET, Manifest, Stages, different, manifest

if TYPE_CHECKING:
    from tests.unit.conftest import Terminal
    from tests.unit.namespaces.migrate.conftest import At

BACKUP = "backups/pre-migration-*"
LOCK = ".dashtam/lock"


@pytest.fixture
def original(stages: Stages, tmp_path: Path) -> Manifest:
    """What the project was before its migration."""
    return manifest(stages.copied("legacy", tmp_path / "before"))


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("stage", ["backed-up", "1.2", "1.3", "1.5", "3.3"])
def test_everything_is_as_it_was(at: "At", type_in: "Terminal", original: Manifest, stage: str) -> None:
    folder = at(stage)
    done = type_in("migrate.rollback", "--yes")
    assert done.code == 0, done.out + done.err
    assert different(original, manifest(folder, without={"backups"})) == []
    assert ("restored .env" in done.out.splitlines()) == (stage in {"1.3", "1.5", "3.3"})
    assert SECRET not in done.out + done.err


def git(folder: Path, *arguments: str) -> str:
    """Return what git says, which keeps its hands off the index."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false")
    command = ("git", "--no-optional-locks", *identity, *arguments)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_what_is_not_committed_is_neither_committed_nor_lost(at: "At", type_in: "Terminal") -> None:
    folder = at("legacy")
    (folder / ".gitignore").write_text("/.env\n")
    for command in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "--message=all")):
        git(folder, *command)
    (folder / "README.md").write_text("# Staged\n\nRun `docker compose up`.\n")
    git(folder, "add", "README.md")
    (folder / "README.md").write_text("# Edited\n\nRun `docker compose up`.\n")
    (folder / "src/shop.py").unlink()
    (folder / "new file.txt").write_text("nobody has added it\n")
    before, told = manifest(folder), git(folder, "status", "--porcelain")
    assert told.split("\n") == ["MM README.md", " D src/shop.py", '?? "new file.txt"', ""]
    done = type_in("migrate.apply", "--yes", "--volumes", "none")
    assert done.code == 0, done.out + done.err
    assert type_in("migrate.rollback", "--yes").code == 0
    assert different(before, manifest(folder, without={"backups"})) == []
    assert git(folder, "status", "--porcelain") == told


def test_a_rehearsal_says_the_same_and_changes_nothing(at: "At", type_in: "Terminal") -> None:
    folder = at("3.3")
    before = manifest(folder)
    thought = type_in("migrate.rollback", "--dry-run")
    assert different(before, manifest(folder)) == [LOCK]
    done = type_in("migrate.rollback", "--yes")
    assert (thought.code, done.code) == (0, 0)
    assert thought.out.replace("would restore", "restored").replace("would remove", "removed") == done.out


@pytest.mark.parametrize("words", [(), ("--force",)])
def test_without_yes_nothing_is_taken_back(at: "At", type_in: "Terminal", words: tuple[str, ...]) -> None:
    folder = at("3.3")
    before = manifest(folder)
    done = type_in("migrate.rollback", *words)
    assert (done.code, done.out) == (64, "")
    assert done.err.startswith("the project goes back to pre-migration-")
    assert "Take the migration back? That was not answered with yes" in done.err
    assert different(before, manifest(folder)) == [LOCK]


def test_an_env_file_that_was_edited_is_kept_and_named(at: "At", type_in: "Terminal") -> None:
    folder = at("3.3")
    with (folder / "envs/.env.dev").open("a") as file:
        file.write("NEW=1\n")
    done = type_in("migrate.rollback", "--yes")
    assert done.code == 1
    assert "envs/.env.dev" in done.out
    assert "--force" in done.out
    assert (folder / "envs/.env.dev").read_text() == f"DB_PASSWORD={SECRET}\nNEW=1\n"
    assert (folder / ".env").read_text() == f"DB_PASSWORD={SECRET}\n"


def test_force_sets_it_aside(at: "At", type_in: "Terminal", original: Manifest) -> None:
    folder = at("3.3")
    (folder / "envs/.env.dev").write_text("EDITED=1\n")
    done = type_in("migrate.rollback", "--yes", "--force")
    assert done.code == 0, done.out
    assert "set aside envs/.env.dev" in done.out.splitlines()
    (aside,) = folder.glob(f"{BACKUP}/set-aside/envs/.env.dev")
    assert aside.read_text() == "EDITED=1\n"
    assert different(original, manifest(folder, without={"backups"})) == []


@pytest.mark.parametrize("task", ["rollback", "cleanup", "validate", "verify"])
def test_where_no_migration_is_under_way_there_is_nothing_to_do(
    at: "At", type_in: "Terminal", task: str
) -> None:
    folder = at("legacy")
    before = manifest(folder)
    options = ("--yes",) if task in {"rollback", "cleanup"} else ()
    done = type_in(f"migrate.{task}", *options)
    assert (done.code, done.out) == (64, "")
    assert done.err.startswith(f"error: No migration is under way in {folder}.\nhint: migrate.plan ")
    assert different(before, manifest(folder)) == []


def test_a_damaged_backup_is_refused_before_anybody_is_asked(at: "At", type_in: "Terminal") -> None:
    folder = at("3.3")
    (saved,) = folder.glob(f"{BACKUP}/README.md")
    saved.write_text("other\n")
    before = manifest(folder)
    done = type_in("migrate.rollback")
    assert (done.code, done.out) == (65, "")
    assert f"{saved.relative_to(folder)}" in done.err
    assert "`migrate.backups --verify` names what is wrong" in done.err
    assert "Take the migration back?" not in done.err
    assert different(before, manifest(folder)) == [LOCK]


def test_without_an_engine_it_is_told_what_may_be_left_running(at: "At", type_in: "Terminal") -> None:
    at("3.3")
    done = type_in("migrate.rollback", "--yes")
    assert "No Docker Engine answers. No container was stopped." in done.err
    assert "shop-dev or shop-test" in done.err
    assert "docker compose --project-name NAME down" in done.err


def test_half_way_back_there_is_no_way_forwards(
    at: "At", type_in: "Terminal", monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = at("1.3")
    with monkeypatch.context() as patch:
        patch.setattr("dashtam_tasks.migration.execution.putting_back.remove", interrupted)
        assert type_in("migrate.rollback", "--yes").code == 130
    told = type_in("migrate.status")
    assert told.out.startswith("rolling back; the migration began ")
    assert "Stopped at 1." in told.out
    assert told.out.endswith("migrate.rollback goes on; there is no way forwards before it has ended.\n")
    for words in (("apply", "--yes"), ("apply", "--dry-run"), ("backup",)):
        done = type_in(f"migrate.{words[0]}", *words[1:])
        assert (done.code, done.out) == (65, "")
        assert "This migration is being taken back" in done.err
    assert type_in("migrate.rollback", "--yes").code == 0
    assert (folder / ".env").is_file()
    assert not (folder / "compose").exists()


def test_what_a_crash_left_is_told_and_finished(
    at: "At", type_in: "Terminal", monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = at("1.2")
    with monkeypatch.context() as patch:
        patch.setattr("dashtam_tasks.migration.durable.move", interrupted)
        assert type_in("migrate.apply", "--yes").code == 130
    told = type_in("migrate.status")
    assert (told.code, told.err) == (0, "")
    assert "Stopped at 1.3, move .env to envs/.env.dev\n" in told.out
    assert told.out.endswith("migrate.apply goes on, migrate.rollback takes back.\n")
    assert json.loads(type_in("migrate.status", "--json").out)["stopped"].startswith("1.3, move .env")
    done = type_in("migrate.apply", "--yes", "--until", "1.3")
    assert (done.code, (folder / "envs/.env.dev").is_file()) == (0, True)
    assert "Stopped" not in type_in("migrate.status").out
