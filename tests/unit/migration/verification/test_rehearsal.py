"""A rollback is tried on a copy: what it says holds, and the project itself stays as it is."""

from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks.migration import backup, undertaking
from dashtam_tasks.migration.execution import rolling_back
from dashtam_tasks.migration.ledger import saved_plan
from dashtam_tasks.migration.verification import Box, Outcome, rehearse
from dashtam_tasks.migration.verification.subject import Subject
from tests.unit.migration.undertakings import EMPTY, SECRET, Stages, different, manifest

pytestmark = pytest.mark.usefixtures("engine")


def rehearsed(folder: Path) -> Box:
    saved = saved_plan.load(folder)
    assert saved
    (box,) = rehearse(Subject(folder=folder, facts=saved.facts), saved)
    assert (box.step, box.text) == ("3.3", "Tested rollback works")
    return box


def test_a_rollback_that_brings_everything_back_has_passed(stages: Stages, tmp_path: Path) -> None:
    folder = stages.copied("3.3", tmp_path)
    before = manifest(folder)
    box = rehearsed(folder)
    assert (box.outcome, box.reason) == (Outcome.PASSED, "")
    assert " restored, " in box.evidence[0].output
    assert different(before, manifest(folder)) == ["backups"], "only the time of our own folder"


def test_what_a_person_wrote_since_is_no_failure(stages: Stages, tmp_path: Path) -> None:
    folder = stages.copied("3.3", tmp_path)
    file = folder / "compose/docker-compose.dev.yml"
    file.write_text(f"{file.read_text()}# ours\n")
    assert rehearsed(folder).outcome is Outcome.PASSED
    assert file.read_text().endswith("# ours\n")


def test_an_env_file_that_was_edited_before_its_step_comes_back_as_edited(
    stages: Stages, tmp_path: Path
) -> None:
    folder = stages.copied("1.2", tmp_path)
    file = folder / ".env"
    file.write_text(f"{file.read_text()}MORE=1\n")
    undertaking.apply(folder, EMPTY, list, consent=lambda _: None, notify=lambda _: None)
    assert rehearsed(folder).outcome is Outcome.PASSED


def test_dumps_are_not_copied_for_it(stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stages.copied("3.3", tmp_path)
    (taken,) = backup.existing(folder)
    file = folder / "made"
    file.write_text("rows")
    made = backup.add_dump(
        taken, file, volume="data", service="db", database="shop", objects=1, server_version="17.1"
    )
    (dump,) = (made.dump_file(one) for one in made.dumps)
    seen, rolled_back = list[Path](), rolling_back.roll_back

    def looked(copy: Path, *arguments: Any, **options: Any) -> Any:
        seen.extend(copy.glob("backups/*/dumps/*"))
        assert [one.samefile(dump) for one in seen] == [True]
        return rolled_back(copy, *arguments, **options)

    monkeypatch.setattr(rolling_back, "roll_back", looked)
    assert rehearsed(folder).outcome is Outcome.PASSED
    assert len(seen) == 1
    assert (dump.read_text(), [one.exists() for one in seen]) == ("rows", [False])
    assert [one.name for one in (folder / "backups").iterdir() if one.name.startswith("rehearsal")] == []


def test_a_backup_that_lacks_a_file_fails_the_rollback(stages: Stages, tmp_path: Path) -> None:
    folder = stages.copied("3.3", tmp_path)
    (saved,) = (folder / "backups").glob("*/.env")
    saved.write_text("DB_PASSWORD=other\n")
    box = rehearsed(folder)
    assert box.outcome is Outcome.FAILED
    assert "is damaged" in box.reason
    assert SECRET not in box.reason
