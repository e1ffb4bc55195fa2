import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.migration.blueprints import copied, copied_to
from tests.unit.migration.undertakings import SECRET, different, manifest

pytestmark = pytest.mark.shapes

if TYPE_CHECKING:
    from tests.unit.conftest import Terminal
    from tests.unit.namespaces.migrate.conftest import At

NO_VOLUMES = ("--volumes", "none")
EVERY = ["1.1", "1.2", "1.3", "1.4", "1.5", "2.1", "2.2", "2.3", "2.5", "2.6", "3.3"]
# What the documents promise of each task.
OPTIONS = {
    "plan": "--test-file --project --volumes --diff --full --json",
    "backup": "--test-file --project --volumes --database",
    "backups": "--verify --json",
    "apply": "--test-file --project --volumes --until --step --phase --dry-run --yes",
    "rollback": "--dry-run --force --yes",
    "status": "--json",
    "cleanup": "--volumes --yes",
    "validate": "--signed-off-by --json",
}


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example as a person has it, with env files, in which commands run."""
    folder = copied_to(tmp_path / "example")
    for name in (".env", ".env.test"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("POSTGRES_PASSWORD=CHANGE_ME", f"POSTGRES_PASSWORD={SECRET}"))
    monkeypatch.chdir(folder)
    return folder


def test_the_plan_of_the_example_is_proven_and_changes_nothing(example: Path, type_in: "Terminal") -> None:
    before = manifest(example)
    done = type_in("migrate.plan", "--diff")
    assert (done.code, different(before, manifest(example))) == (0, []), done.err
    assert "+name: dashtam-dev${INSTANCE_SUFFIX:-}\n" in done.out
    assert "move .env.test to envs/.env.test\n" in done.out
    assert "not asked: No Docker Engine answers." in done.out
    assert "not proven" not in done.out
    assert SECRET not in done.out
    assert "PRIVATE KEY" not in done.out


def test_a_project_in_a_folder_of_a_repository_is_planned_by_itself(
    example: Path, type_in: "Terminal"
) -> None:
    (example.parent / "compose").mkdir()
    (example.parent / "invoke.yaml").write_text("dashtam: {project: outer}\n")
    done = type_in("migrate.plan", "--json")
    assert (done.code, json.loads(done.out)["found"]["project"]["name"]) == (0, example.name)


def test_json_has_every_step_and_no_secret(example: Path, type_in: "Terminal") -> None:
    done = type_in("migrate.plan", "--json", "--project", "shop")
    made: dict[str, Any] = json.loads(done.out)
    assert (done.code, made["refusals"]) == (0, [])
    assert [step["number"] for step in made["steps"]] == EVERY
    assert not any(step["unproven"] for step in made["steps"])
    assert made["found"]["base"] == "docker-compose.yml"
    assert made["found"]["project"]["name"] == example.name
    assert SECRET not in done.out
    assert "PRIVATE KEY" not in done.out


def test_places_in_long_files_are_counted_and_listed_when_asked_for(
    example: Path, type_in: "Terminal"
) -> None:
    (example / "NOTES.md").write_text("See docker-compose.yml.\n" * 7)
    short, full = type_in("migrate.plan"), type_in("migrate.plan", "--full")
    counted = "  note: NOTES.md: 7 places name what is called otherwise now, the first in lines 1, 2, 3"
    every = [
        f"  place: NOTES.md:{number}: `docker-compose.yml` should be `compose/docker-compose.dev.yml`"
        for number in range(1, 8)
    ]
    for done in (short, full):
        assert counted in done.out.splitlines()
    assert "  note: migrate.plan --full lists all of these places, and so does MIGRATION_GUIDE.md." in (
        short.out.splitlines()
    )
    assert not [line for line in short.out.splitlines() if line.startswith("  place: ")]
    assert set(every) <= set(full.out.splitlines())


@pytest.mark.parametrize("task", ["plan", "backup"])
@pytest.mark.parametrize(
    "words", [("--test-file", "both"), ("--project", "Not A Name"), ("--volumes", "some")]
)
def test_a_choice_that_is_none_is_refused(
    at: "At", type_in: "Terminal", task: str, words: tuple[str, str]
) -> None:
    folder = at("legacy")
    before = manifest(folder)
    done = type_in(f"migrate.{task}", *words)
    assert (done.code, done.out) == (64, "")
    assert words[1] in done.err
    assert "\nhint: " in done.err
    assert different(before, manifest(folder)) == []


@pytest.mark.parametrize("task", ["plan", "apply", "backup"])
def test_a_project_without_compose_files_is_refused(
    type_in: "Terminal", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    done = type_in(f"migrate.{task}", *(("--yes",) if task == "apply" else ()))
    assert done.code == (1 if task == "plan" else 65)
    assert "Compose" in (done.out if task == "plan" else done.err)
    assert list(folder.iterdir()) == []


def test_a_backup_is_private_and_names_its_folder(at: "At", type_in: "Terminal") -> None:
    folder = at("legacy")
    done = type_in("migrate.backup", *NO_VOLUMES)
    assert done.code == 0, done.err
    (taken,) = folder.glob("backups/pre-migration-*")
    assert done.out == f"{taken}\n"
    assert done.err.endswith("Next: migrate.apply goes on, migrate.rollback takes back.\n")
    assert (taken / ".env").read_text() == f"DB_PASSWORD={SECRET}\n"
    modes = {stat.S_IMODE(one.lstat().st_mode) for one in taken.rglob("*") if one.is_file()}
    assert (modes, stat.S_IMODE(taken.stat().st_mode)) == ({0o600}, 0o700)
    assert "/envs/.env.*" in (folder / ".gitignore").read_text()
    again = type_in("migrate.backup")
    assert again.out == f"{taken}-2\n"


def test_a_refused_project_gets_a_backup_and_nothing_else(at: "At", type_in: "Terminal") -> None:
    folder = at("legacy")
    (folder / "tasks.py").write_text("# mine\n")
    before = manifest(folder)
    done = type_in("migrate.backup", *NO_VOLUMES)
    assert done.code == 0
    assert not any(line.startswith("Next:") for line in done.err.splitlines())
    (taken,) = folder.glob("backups/pre-migration-*")
    assert (taken / "docker-compose.yml").is_file()
    after = manifest(folder, without={"backups"})
    assert [one for one in different(before, after) if one != "."] == []


def test_without_an_engine_a_backup_begins_nothing_that_may_leave_data_behind(
    at: "At", type_in: "Terminal"
) -> None:
    folder = at("legacy")
    assert type_in("migrate.backup").code == 0
    assert not (folder / ".dashtam").exists()
    assert (folder / ".gitignore").read_text() == "*.pyc\n"
    assert "No migration is under way" in type_in("migrate.status").out


def test_a_database_cannot_be_dumped_without_an_engine(at: "At", type_in: "Terminal") -> None:
    folder = at("legacy")
    before = manifest(folder)
    done = type_in("migrate.backup", "--database")
    assert (done.code, done.out) == (69, "")
    assert done.err.startswith("error: No database can be dumped: No Docker Engine answers.\n")
    assert "without --database" in done.err
    assert different(before, manifest(folder)) == []


def test_backups_are_listed_and_verified(at: "At", type_in: "Terminal") -> None:
    folder = at("backed-up")
    listed = type_in("migrate.backups", "--verify")
    (taken,) = folder.glob("backups/pre-migration-*")
    assert (listed.code, listed.err) == (0, "Every file of these is as its manifest says.\n")
    heading, row = listed.out.splitlines()
    assert heading.split() == ["backup", "taken", "files", "dumps"]
    assert row.split()[0] == taken.name
    (told,) = json.loads(type_in("migrate.backups", "--json").out)
    assert (told["name"], told["findings"], told["dumps"]) == (taken.name, [], [])
    assert {".env", "Makefile", "docker-compose.yml"} <= set(told["files"])
    assert all((taken / name).is_file() for name in told["files"])


def test_what_is_wrong_with_a_backup_is_named(at: "At", type_in: "Terminal") -> None:
    folder = at("backed-up")
    (saved,) = folder.glob("backups/pre-migration-*/Makefile")
    saved.unlink()
    assert type_in("migrate.backups").code == 0
    done = type_in("migrate.backups", "--verify")
    assert (done.code, str(saved.relative_to(folder)) in done.out) == (1, True)
    told = type_in("migrate.backups", "--verify", "--json")
    (finding,) = json.loads(told.out)[0]["findings"]
    assert (told.code, finding["where"]) == (1, str(saved.relative_to(folder)))
    assert SECRET not in done.out + told.out


def test_a_file_whose_name_is_no_text_is_listed_as_valid_json(at: "At", type_in: "Terminal") -> None:
    folder = at("legacy")
    (folder / b"compos\xe9.py".decode(errors="surrogateescape")).write_text("print()\n")
    assert type_in("migrate.backup", *NO_VOLUMES).code == 0
    for task in ("plan", "backups", "status"):
        json.loads(type_in(f"migrate.{task}", "--json").out)


def test_a_question_is_asked_once_and_answered_by_the_choice(
    type_in: "Terminal", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied("signs-disagree", tmp_path)
    monkeypatch.chdir(folder)
    before = manifest(folder)
    asked = type_in("migrate.apply", "--yes", *NO_VOLUMES)
    assert (asked.code, "--test-file=overlay or --test-file=standalone" in asked.err) == (65, True)
    assert different(before, manifest(folder)) == []
    answered = type_in("migrate.apply", *NO_VOLUMES, "--test-file", "overlay", "--dry-run")
    assert (answered.code, "write compose/docker-compose.test.yml" in answered.out) == (0, True)


@pytest.mark.parametrize("task", OPTIONS)
def test_help_shows_each_option(type_in: "Terminal", task: str) -> None:
    done = type_in("--help", f"migrate.{task}")
    assert done.code == 0
    shown = {word.partition("=")[0].rstrip(",") for word in done.out.replace("[no-]", "").split()}
    assert set(OPTIONS[task].split()) <= shown
