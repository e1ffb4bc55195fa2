"""The end of a migration as a library; its tasks have tests of their own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import finishing
from dashtam_tasks.migration.ledger import guard, saved_plan
from dashtam_tasks.migration.verification import Box, Outcome, report
from tests.unit.conftest import FakeDocker
from tests.unit.migration.undertakings import Asked, Stages, different, ignored, manifest

PASSED = Box(step="1.6", text="App responds", outcome=Outcome.PASSED)


@pytest.mark.usefixtures("engine")
def test_a_verification_that_is_left_early_writes_no_report(stages: Stages, tmp_path: Path) -> None:
    folder = stages.copied("3.3", tmp_path)
    run = finishing.verify(folder, notify=ignored)
    assert next(run).step == "1.1"
    assert guard.holder_of(folder).startswith("migrate.verify (process ")
    run.close()
    assert (guard.holder_of(folder), report.read(folder)) == ("", None)


@pytest.mark.usefixtures("engine")
def test_cleanup_is_asked_for_by_name_before_anything_is_moved(stages: Stages, tmp_path: Path) -> None:
    folder, asked = stages.copied("3.3", tmp_path), Asked()
    report.write(folder, [Box(step="1.6", text="App responds", outcome=Outcome.PASSED)])
    before = manifest(folder)
    with pytest.raises(DashtamError, match=r"^No\.$"):
        finishing.clean_up(folder, consent=asked, notify=ignored)
    assert "move docker-compose.yml to docker-compose.yml.old" in asked.facts[0]
    assert different(before, manifest(folder)) == [".dashtam/lock"]
    saved = saved_plan.load(folder)
    assert saved
    assert saved.step(finishing.CLEANUP) is None


def test_a_box_that_failed_before_and_passed_later_has_passed(stages: Stages, tmp_path: Path) -> None:
    folder = stages.copied("3.3", tmp_path)
    failed = Box(step="1.6", text="App responds", outcome=Outcome.FAILED, reason="It does not.")
    report.write(folder, [failed])
    with pytest.raises(DashtamError, match=r"This migration is not verified: 1 box failed\."):
        finishing.require_verified(folder)
    report.write(folder, [failed, PASSED])
    finishing.require_verified(folder)


def test_without_copies_nobody_is_asked_about_old_volumes(
    stages: Stages, tmp_path: Path, engine: FakeDocker
) -> None:
    folder, asked, told = stages.copied("3.3", tmp_path), Asked(), list[str]()
    report.write(folder, [PASSED])
    finishing.remove_old_volumes(folder, consent=asked, notify=told.append)
    assert (asked.facts, told) == ([], ["No old volume is there that this migration has copied."])
    assert not [argv for argv in engine.argvs if argv[1:2] == ("rm",)]


@pytest.mark.parametrize(
    "task",
    [
        lambda folder: next(finishing.verify(folder, notify=ignored)),
        lambda folder: finishing.clean_up(folder, consent=Asked(), notify=ignored),
        lambda folder: finishing.remove_old_volumes(folder, consent=Asked(), notify=ignored),
        lambda folder: finishing.validate(folder, signed_off_by="me"),
    ],
    ids=["verify", "cleanup", "cleanup --volumes", "validate"],
)
def test_nothing_is_finished_that_is_being_taken_back(
    stages: Stages, tmp_path: Path, engine: FakeDocker, task: Callable[[Path], object]
) -> None:
    folder = stages.copied("3.3", tmp_path)
    report.write(folder, [PASSED])
    asked_before = engine.argvs
    saved = saved_plan.load(folder)
    assert saved
    saved_plan.keep(replace(saved, is_rolling_back=True))
    before = manifest(folder)
    with pytest.raises(DashtamError, match="This migration is being taken back") as caught:
        task(folder)
    assert caught.value.code == ExitCode.DATA
    assert set(different(before, manifest(folder))) <= {".dashtam/lock"}
    assert engine.argvs == asked_before
