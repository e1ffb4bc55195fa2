from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashtam_tasks.migration.ledger import guard
from tests.unit.migration.blueprints import copied
from tests.unit.migration.undertakings import BASE, SECRET, different, manifest

pytestmark = pytest.mark.shapes

if TYPE_CHECKING:
    from tests.unit.conftest import Terminal
    from tests.unit.namespaces.migrate.conftest import At

NO_VOLUMES = ("--volumes", "none")
YES = ("--yes", *NO_VOLUMES)
MADE = {
    "compose",
    "envs",
    "tasks.py",
    "noxfile.py",
    "invoke.yaml",
    "MIGRATION_GUIDE.md",
    "ROLLBACK_PROCEDURE.md",
}


def unchanged(folder: Path, before: dict[str, tuple[object, ...]]) -> bool:
    return different(before, manifest(folder)) == []


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def test_all_steps_are_taken_and_verified(at: "At", type_in: "Terminal") -> None:
    folder = at("legacy")
    done = type_in("migrate.apply", *YES)
    assert done.code == 0, done.err
    assert names(folder) >= {*MADE, ".dashtam", "backups", "docker-compose.yml"}
    assert (folder / "envs/.env.dev").read_text() == f"DB_PASSWORD={SECRET}\n"
    assert not (folder / ".env").exists()
    assert "1.3 passed         .env.dev exists\n" in done.out
    assert "1.3: move .env to envs/.env.dev\n" in done.err
    assert SECRET not in done.out + done.err


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("legacy", ()),
        ("legacy", ("--until", "1.3")),
        ("legacy", ("--step", "1.1")),
        ("legacy", ("--phase", "1")),
        ("backed-up", ()),
        ("1.2", ("--until", "1.3")),
    ],
)
def test_a_dry_run_changes_nothing(at: "At", type_in: "Terminal", stage: str, words: tuple[str, ...]) -> None:
    folder = at(stage)
    before = manifest(folder)
    done = type_in("migrate.apply", "--dry-run", *NO_VOLUMES, *words)
    assert (done.code, done.err) == (0, "")
    assert unchanged(folder, before)
    moves = "move .env to envs/.env.dev" in done.out
    assert moves == ("--step" not in words)
    assert ("write tasks.py" in done.out) == (words in {(), ("--phase", "1")})
    assert ("write MIGRATION_GUIDE.md" in done.out) == (words == ())
    assert ("write .gitignore" in done.out) == (stage == "legacy")


@pytest.mark.parametrize(
    ("words", "taken", "missing"),
    [
        (("--until", "1.2"), {"compose"}, {"envs", "tasks.py"}),
        (("--phase", "1"), {"compose", "envs", "tasks.py"}, {"MIGRATION_GUIDE.md"}),
        (("--step", "1.1"), {"backups"}, {"compose", "envs", "tasks.py"}),
    ],
)
def test_only_the_chosen_steps_are_taken(
    at: "At", type_in: "Terminal", words: tuple[str, ...], taken: set[str], missing: set[str]
) -> None:
    folder = at("legacy")
    assert type_in("migrate.apply", *YES, *words).code == 0
    assert taken <= names(folder)
    assert not missing & names(folder)


def test_single_steps_are_taken_in_turn(at: "At", type_in: "Terminal") -> None:
    folder = at("1.2")
    done = type_in("migrate.apply", "--yes", "--step", "1.3")
    assert (done.code, (folder / "envs/.env.dev").is_file()) == (0, True)
    assert not (folder / "tasks.py").exists()


@pytest.mark.parametrize("stage", ["legacy", "1.2"])
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--step", "1.5"), "Step 1.5 needs step "),
        (("--step", "9.9"), "No step 9.9 changes anything in this project."),
        (("--until", "1.6"), "No step 1.6 changes anything in this project."),
        (("--phase", "2"), "Step 2.1 needs step "),
        (("--phase", "4"), "--phase is '4'."),
        (("--until", "1.5", "--phase", "1"), "--until, --step and --phase each say which steps."),
        (("--test-file", "both"), "--test-file is 'both'."),
        (("--volumes", "some"), "--volumes is 'some'."),
        (("--project", "Not A Name"), "No name can begin with 'Not A Name'."),
    ],
)
def test_what_cannot_be_chosen_is_refused_before_anything_is_changed(
    at: "At", type_in: "Terminal", stage: str, words: tuple[str, ...], reason: str
) -> None:
    folder = at(stage)
    before = manifest(folder, without={".dashtam"})
    volumes = () if "--volumes" in words else NO_VOLUMES
    done = type_in("migrate.apply", "--yes", *volumes, *words)
    assert (done.code, done.out) == (64, "")
    assert done.err.startswith(f"error: {reason}")
    assert "\nhint: " in done.err
    assert different(before, manifest(folder, without={".dashtam"})) == []
    assert (folder / ".dashtam").exists() == (stage != "legacy")


@pytest.mark.parametrize("stage", ["legacy", "backed-up", "1.2"])
def test_without_yes_nothing_is_changed(at: "At", type_in: "Terminal", stage: str) -> None:
    folder = at(stage)
    before = manifest(folder, without={".dashtam/lock"})
    done = type_in("migrate.apply", *NO_VOLUMES)
    assert (done.code, done.out) == (64, "")
    assert "Migrate this project? That was not answered with yes, so nothing was done." in done.err
    lock = ".dashtam/lock"
    assert [one for one in different(before, manifest(folder)) if one != lock] == []


def test_without_an_engine_nobody_knows_which_data_to_take_along(at: "At", type_in: "Terminal") -> None:
    folder = at("legacy")
    before = manifest(folder)
    for words in (("--yes",), ("--dry-run",), ("--yes", "--volumes", "adopt")):
        done = type_in("migrate.apply", *words)
        assert (done.code, done.out) == (69, "")
        assert "No Docker Engine answers." in done.err
        assert "--volumes=none" in done.err
        assert unchanged(folder, before)


@pytest.mark.parametrize("name", ["tasks.py", "noxfile.py", "invoke.yaml", "compose/docker-compose.dev.yml"])
def test_a_file_of_the_persons_own_in_the_way_is_named(at: "At", type_in: "Terminal", name: str) -> None:
    folder = at("legacy")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("# mine: {}\n")
    before = manifest(folder)
    for task in (("migrate.apply", *YES), ("migrate.apply", "--dry-run", *NO_VOLUMES)):
        done = type_in(*task)
        assert (done.code, done.out) == (65, "")
        assert name in done.err
        assert unchanged(folder, before)


@pytest.mark.parametrize("name", ["compose", "envs"])
def test_a_file_where_a_folder_is_to_be_is_named(at: "At", type_in: "Terminal", name: str) -> None:
    folder = at("legacy")
    (folder / name).write_text("mine\n")
    before = manifest(folder)
    done = type_in("migrate.apply", *YES)
    assert (done.code, done.out) == (65, "")
    assert name in done.err
    assert unchanged(folder, before)


def test_a_second_run_changes_nothing_and_asks_nothing(at: "At", type_in: "Terminal") -> None:
    folder = at("3.3")
    before = manifest(folder)
    done = type_in("migrate.apply")
    assert (done.code, done.out, done.err) == (0, "Nothing is left to do.\n", "")
    assert different(before, manifest(folder)) == [".dashtam/lock"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--volumes", "adopt"), "with --volumes=none"),
        (("--test-file", "standalone"), "without --test-file"),
        (("--project", "other"), "without --project"),
    ],
)
def test_other_choices_than_those_under_way_are_refused(
    at: "At", type_in: "Terminal", words: tuple[str, ...], said: str
) -> None:
    folder = at("1.2")
    before = manifest(folder)
    for task in ("migrate.apply", "migrate.backup"):
        options = ("--yes",) if task == "migrate.apply" else ()
        done = type_in(task, *options, *words)
        assert (done.code, done.out) == (64, "")
        assert done.err.startswith(f"error: The migration under way was planned {said}.\nhint: ")
    assert different(before, manifest(folder)) == [".dashtam/lock"]


def test_after_a_backup_it_goes_on_with_the_same_plan(at: "At", type_in: "Terminal") -> None:
    folder = at("backed-up")
    done = type_in("migrate.apply", "--yes", "--until", "1.2")
    assert (done.code, "Planned anew" in done.err) == (0, False)
    assert len(list((folder / "backups").glob("pre-migration-*"))) == 1


@pytest.mark.parametrize(
    ("name", "old", "new", "made"),
    [
        ("docker-compose.yml", "8000:8000", "8009:8000", "compose/docker-compose.dev.yml"),
        ("Makefile", "-T web pytest", "-T web pytest -x", "invoke.yaml"),
    ],
)
def test_what_was_edited_after_the_backup_is_planned_anew(
    at: "At", type_in: "Terminal", name: str, old: str, new: str, made: str
) -> None:
    folder = at("backed-up")
    ignored = (folder / ".gitignore").read_bytes()
    edited = (folder / name).read_text().replace(old, new)
    (folder / name).write_text(edited)
    done = type_in("migrate.apply", "--yes")
    assert done.code == 0, done.err
    assert "Planned anew, since this changed after the backup: step 1." in done.err
    word = "8009" if name != "Makefile" else "-x"
    assert word in (folder / made).read_text()
    assert (folder / ".gitignore").read_bytes() == ignored
    (newest,) = (folder / "backups").glob("pre-migration-*-2")
    assert (newest / name).read_text() == edited
    assert type_in("migrate.rollback", "--yes").code == 0
    assert ((folder / name).read_text(), (folder / ".gitignore").read_text()) == (edited, "*.pyc\n")


def test_what_is_edited_after_further_steps_is_told(at: "At", type_in: "Terminal") -> None:
    folder = at("1.2")
    written = (folder / "compose/docker-compose.dev.yml").read_bytes()
    (folder / "docker-compose.yml").write_text(BASE.replace("8000:8000", "8009:8000"))
    done = type_in("migrate.apply", "--yes", "--until", "1.3")
    assert done.code == 0
    assert "docker-compose.yml changed since the plan was made: carry the change over" in done.err
    assert (folder / "compose/docker-compose.dev.yml").read_bytes() == written


def test_a_file_that_appears_in_the_way_later_stops_the_step(at: "At", type_in: "Terminal") -> None:
    folder = at("1.2")
    mine = folder / "envs/.env.dev"
    mine.parent.mkdir()
    mine.write_text("MINE=1\n")
    done = type_in("migrate.apply", "--yes", "--until", "1.4")
    assert done.code == 65
    assert str(mine) in done.err
    assert (mine.read_text(), (folder / ".env").exists()) == ("MINE=1\n", True)
    assert not (folder / "compose/docker-compose.test.yml").exists()


def test_a_step_that_is_not_verified_stops_there(at: "At", type_in: "Terminal") -> None:
    folder = at("legacy")
    disabled = BASE.replace("  db:\n", "  db:\n    healthcheck: { disable: true }\n")
    (folder / "docker-compose.yml").write_text(disabled)
    done = type_in("migrate.apply", *YES)
    assert done.code == 1
    assert "1.4 failed         Health checks configured: compose/docker-compose.test.yml:" in done.out
    assert done.err.endswith("Step 1.4 is not verified: mend what failed, and run the same task again.\n")
    assert not (folder / "tasks.py").exists()


def test_two_at_once_are_refused(at: "At", type_in: "Terminal") -> None:
    folder = at("1.2")
    with guard.held(folder, task="migrate.verify"):
        for words in (
            ("apply", "--yes"),
            ("backup",),
            ("rollback", "--yes"),
            ("cleanup", "--yes"),
            ("verify",),
        ):
            done = type_in(f"migrate.{words[0]}", *words[1:])
            assert (done.code, done.out) == (75, "")
            assert "migrate.verify (process " in done.err


@pytest.mark.parametrize("name", ["crlf", "non-ascii", "no-final-newline"])
def test_odd_texts_get_there_and_back(
    type_in: "Terminal", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = copied(name, tmp_path)
    monkeypatch.chdir(folder)
    before = manifest(folder)
    done = type_in("migrate.apply", *YES)
    assert done.code == 0, done.out + done.err
    assert "failed" not in done.out
    # Nobody but its people knows how to ask an app of their own; the others have a check, or run tests and end.
    told = "1.4 passed         Health checks configured: As before, " in done.out
    assert told == (name == "crlf")
    done = type_in("migrate.rollback", "--yes")
    assert done.code == 0, done.err
    assert different(before, manifest(folder, without={"backups"})) == []
