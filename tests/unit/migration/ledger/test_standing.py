import os
from pathlib import Path

import msgspec
import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.boxes import Box, Outcome
from dashtam_tasks.migration.ledger import guard, standing
from dashtam_tasks.migration.ledger.standing import Course, State
from tests.unit.migration.execution.faults import crashing
from tests.unit.migration.execution.promise import STEPS, Shop


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without waiting for the disk, which no test here cuts the power of."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "root").make().back_up()


def states(shop: Shop) -> dict[str, State]:
    return {one.number: one.state for one in standing.of(shop.project).steps}


def test_a_project_that_is_not_migrated_stands_nowhere(shop: Shop) -> None:
    assert standing.of(shop.project) == standing.Standing()


def test_each_step_is_told(shop: Shop) -> None:
    shop.save()
    assert set(states(shop).values()) == {State.PENDING}
    failed = Box(step="1.2", text="it works", outcome=Outcome.FAILED)
    shop.apply("1.1", "1.2", verify=lambda step: (failed,) if step == "1.2" else ())
    assert list(states(shop).values())[:3] == [State.VERIFIED, State.DONE, State.PENDING]
    found = standing.of(shop.project)
    assert (found.course, found.backup, found.stopped) == (Course.APPLYING, "pre-migration-20261123", "")
    step = found.step("1.2")
    assert step
    assert (step.title, step.done, step.operations) == ("A standalone Compose file for development", 2, 2)
    shop.apply(*STEPS)
    assert standing.of(shop.project).course is Course.APPLIED


def test_it_says_where_a_crash_stopped(shop: Shop) -> None:
    shop.save()
    shop.apply("1.1", "1.2")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", refuse)
        with pytest.raises(DashtamError, match="No space left"):
            shop.apply("1.3")
    found = standing.of(shop.project)
    assert found.stopped == "1.3, move .env to envs/.env.dev"
    assert states(shop)["1.3"] is State.UNDER_WAY
    with guard.held(shop.project, task="migrate.apply"):
        working = standing.of(shop.project)
        assert working.holder.startswith("migrate.apply (process ")
        assert working.stopped == ""


def test_it_says_that_it_goes_back(shop: Shop) -> None:
    shop.migrate()
    with crashing(60):
        shop.roll_back()
    found = standing.of(shop.project)
    assert found.course is Course.ROLLING_BACK
    assert sum(one.undone for one in found.steps) > 1
    assert all((one.state is State.GOING_BACK) is bool(one.undone) for one in found.steps)
    shop.roll_back()
    assert standing.of(shop.project) == standing.Standing()


def test_looking_changes_nothing_and_a_torn_line_is_told(shop: Shop) -> None:
    shop.save()
    shop.apply("1.1")
    path = shop.project / ".dashtam/journal"
    path.write_bytes(path.read_bytes() + b"torn")
    before = path.read_bytes()
    assert standing.of(shop.project).is_torn
    assert path.read_bytes() == before


def test_a_damaged_journal_is_refused(shop: Shop) -> None:
    shop.save()
    shop.apply("1.1")
    path = shop.project / ".dashtam/journal"
    path.write_bytes(b"?" + path.read_bytes())
    with pytest.raises(DashtamError, match="damaged") as caught:
        standing.of(shop.project)
    assert caught.value.code == ExitCode.DATA


def test_it_can_be_read_by_programs(shop: Shop) -> None:
    shop.migrate()
    data = msgspec.json.encode(standing.of(shop.project))
    assert msgspec.json.decode(data, type=standing.Standing) == standing.of(shop.project)
