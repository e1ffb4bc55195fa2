import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashtam_tasks.migration.ledger import saved_plan
from dashtam_tasks.migration.verification import Box, Outcome, report
from tests.unit.migration.undertakings import SECRET, different, manifest

pytestmark = pytest.mark.shapes

if TYPE_CHECKING:
    from tests.unit.conftest import Terminal
    from tests.unit.namespaces.migrate.conftest import At

LOCK = ".dashtam/lock"
# What runs environments, which takes an engine and minutes.
SEQUENCES = "dashtam_tasks.migration.verification.sequences"
LEGACY = ("docker-compose.yml", "docker-compose.test.yml")


def verified(folder: Path, outcome: Outcome = Outcome.PASSED) -> None:
    """Write the report of a verification of these files."""
    report.write(folder, [Box(step="1.6", text="App responds", outcome=outcome)])


@pytest.mark.parametrize(
    ("stage", "first", "last"),
    [
        ("legacy", "No migration is under way: migrate.plan shows what one would do.", ""),
        (
            "backed-up",
            "applying; the migration began ",
            "migrate.apply goes on, migrate.rollback takes back.",
        ),
        ("1.3", "applying; the migration began ", "migrate.apply goes on, migrate.rollback takes back."),
        (
            "3.3",
            "applied; the migration began ",
            "dev.up starts development again, migrate.verify proves that it works, migrate.rollback takes back.",
        ),
    ],
)
def test_it_is_told_where_the_migration_stands(
    at: "At", type_in: "Terminal", stage: str, first: str, last: str
) -> None:
    folder = at(stage)
    before = manifest(folder)
    done = type_in("migrate.status")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith(first)
    assert lines[-1] == last or (lines == [first] and not last)
    rows = {line.split()[0]: line for line in lines[2:-1]}
    if stage == "1.3":
        assert "verified  2 of 2" in rows["1.3"]
        assert "pending   0 of" in rows["1.4"]
    assert different(before, manifest(folder)) == []


@pytest.mark.parametrize("stage", ["legacy", "1.3", "3.3"])
def test_its_json_is_whole_and_without_a_secret(at: "At", type_in: "Terminal", stage: str) -> None:
    at(stage)
    done = type_in("migrate.status", "--json")
    told = json.loads(done.out)
    assert told["course"] == {"legacy": "none", "1.3": "applying", "3.3": "applied"}[stage]
    assert bool(told["backup"]) == (stage != "legacy")
    assert SECRET not in done.out


@pytest.mark.parametrize("outcome", [None, Outcome.FAILED, "other files"])
def test_nothing_is_set_aside_before_it_is_verified(
    at: "At", type_in: "Terminal", outcome: Outcome | str | None
) -> None:
    folder = at("3.3")
    if outcome:
        verified(folder, Outcome.FAILED if outcome is Outcome.FAILED else Outcome.PASSED)
    if outcome == "other files":
        with (folder / "compose/docker-compose.dev.yml").open("a") as file:
            file.write("# edited\n")
    before = manifest(folder)
    done = type_in("migrate.cleanup", "--yes")
    assert (done.code, done.out) == (65, "")
    assert "This migration is not verified: " in done.err
    assert "Run migrate.verify; its report is in reports/migration." in done.err
    assert different(before, manifest(folder)) == [LOCK]


def test_cleanup_sets_aside_and_a_rollback_brings_back(at: "At", type_in: "Terminal") -> None:
    folder = at("3.3")
    texts = [(folder / name).read_bytes() for name in LEGACY]
    verified(folder)
    before = manifest(folder)
    asked = type_in("migrate.cleanup")
    assert (asked.code, asked.out) == (64, "")
    assert "move docker-compose.yml to docker-compose.yml.old\n" in asked.err
    assert different(before, manifest(folder)) == [LOCK]
    done = type_in("migrate.cleanup", "--yes")
    assert done.code == 0, done.out + done.err
    assert [(folder / f"{name}.old").read_bytes() for name in LEGACY] == texts
    assert not any((folder / name).exists() for name in LEGACY)
    again = type_in("migrate.cleanup", "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (0, "Nothing is left to do.")
    assert type_in("migrate.rollback", "--yes").code == 0
    assert [(folder / name).read_bytes() for name in LEGACY] == texts


def test_cleanup_refuses_a_damaged_backup(at: "At", type_in: "Terminal") -> None:
    folder = at("3.3")
    verified(folder)
    (saved,) = folder.glob("backups/pre-migration-*/Makefile")
    saved.unlink()
    done = type_in("migrate.cleanup", "--yes")
    assert (done.code, done.out) == (65, "")
    assert str(saved.relative_to(folder)) in done.err
    assert (folder / "docker-compose.yml").exists()


def test_without_old_volumes_there_is_none_to_remove(at: "At", type_in: "Terminal") -> None:
    folder = at("3.3")
    verified(folder)
    done = type_in("migrate.cleanup", "--volumes", "--yes")
    assert done.code == 0, done.err
    assert "No old volume is there that this migration has copied." in done.err
    assert (folder / "docker-compose.yml.old").exists()


def test_the_checklist_fails_for_what_was_not_run(at: "At", type_in: "Terminal") -> None:
    folder = at("3.3")
    before = manifest(folder)
    done = type_in("migrate.validate")
    assert (done.code, done.err) == (1, "")
    assert "3.4 failed         Dev environment works perfectly: 1.6 was not verified." in done.out
    assert "3.4 not applicable Team sign-off obtained: " in done.out
    assert "severity" not in done.out
    assert different(before, manifest(folder)) == []


def test_who_signs_off_is_named(at: "At", type_in: "Terminal") -> None:
    at("3.3")
    done = type_in("migrate.validate", "--signed-off-by", "Ada Example", "--json")
    told = json.loads(done.out)
    (box,) = [one for one in told["boxes"] if one["text"] == "Team sign-off obtained"]
    assert (box["outcome"], done.code) == ("passed", 1)
    assert "Ada Example" in json.dumps(box)
    assert SECRET not in done.out


def test_a_secret_that_git_has_is_told(at: "At", type_in: "Terminal") -> None:
    folder = at("3.3")
    for words in (("init", "--quiet"), ("add", "--force", "envs/.env.dev")):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    done = type_in("migrate.validate", "--json")
    (found,) = [one for one in json.loads(done.out)["findings"] if one["kind"] == "secret-committed"]
    assert (done.code, found["where"], found["severity"]) == (1, "envs/.env.dev", "error")
    assert SECRET not in done.out
    assert "git rm --cached envs/.env.dev" in type_in("migrate.validate").out


def test_verification_needs_an_engine_and_leaves_no_report(at: "At", type_in: "Terminal") -> None:
    folder = at("3.3")
    done = type_in("migrate.verify")
    assert done.code == 69
    assert "No Docker Engine answers." in done.err
    assert "1.3 passed         Old .env file no longer exists\n" in done.out
    assert not (folder / "reports").exists()


@pytest.mark.parametrize(("outcome", "code"), [(Outcome.PASSED, 0), (Outcome.FAILED, 1)])
def test_its_exit_code_is_that_of_the_boxes(
    at: "At", type_in: "Terminal", monkeypatch: pytest.MonkeyPatch, outcome: Outcome, code: int
) -> None:
    folder = at("3.3")
    box = Box(step="1.6", text="App responds", outcome=outcome, reason="" if code == 0 else "It does not.")
    monkeypatch.setattr(SEQUENCES, lambda *_, **__: (one for one in [box]))
    done = type_in("migrate.verify")
    assert done.code == code
    told = done.out.splitlines()
    assert [line for line in told if line.startswith(f"1.6 {outcome.value:14} App responds")]
    # What is run is not announced as still to be run.
    assert told[-1] == "3.3 passed         Tested rollback works"
    assert not [line for line in told if line.partition(" ")[2].startswith("not run yet")]
    written = report.read(folder)
    assert written
    assert [one.outcome for one in written.boxes if one.step == "1.6"] == [outcome]
    assert report.is_current(folder, written)


def test_ctrl_c_stops_what_runs_and_writes_no_report(
    at: "At", type_in: "Terminal", monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = at("3.3")
    ended: list[bool] = []

    def run(*_: object, **__: object) -> Iterator[Box]:
        try:
            yield Box(step="1.6", text="App responds", outcome=Outcome.PASSED)
            raise KeyboardInterrupt
        finally:
            ended.append(True)

    monkeypatch.setattr(SEQUENCES, run)
    assert type_in("migrate.verify").code == 130
    assert ended == [True]
    assert not (folder / "reports").exists()
    assert saved_plan.load(folder)
