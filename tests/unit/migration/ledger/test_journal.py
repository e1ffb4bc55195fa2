import os
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import ledger
from dashtam_tasks.migration.ledger import Ledger, journal, saved_plan
from dashtam_tasks.migration.ledger.journal import Event, Journal
from dashtam_tasks.migration.snapshots import Kind, Snapshot
from tests.cases import CountCases
from tests.unit.migration.execution.faults import copied, crashing
from tests.unit.migration.execution.promise import Shop, without_times

FOUND = Snapshot(kind=Kind.FILE, sha256="0" * 64, size=3, mode=0o644, mtime=1)


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without waiting for the disk, which no test here cuts the power of."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def kept(tmp_path: Path) -> Ledger:
    made = ledger.of(tmp_path)
    made.make()
    return made


def filled(kept: Ledger) -> Journal:
    made, _ = journal.opened(kept, plan="one")
    made.intend(Event.INTENT, ("1.1", 0), before={"a\n\udce9": FOUND}, after={}, old={})
    made.finish(Event.DONE, ("1.1", 0))
    made.append(Event.VERIFIED, step="1.1")
    return made


def test_what_is_written_is_read_again(kept: Ledger) -> None:
    made = filled(kept)
    again, was_torn = journal.opened(kept, plan="one")
    assert again.records == made.records
    assert not was_torn
    assert [one.event for one in again.records] == ["begun", "intent", "done", "verified"]
    assert kept.journal.stat().st_mode & 0o777 == 0o600
    assert kept.folder.stat().st_mode & 0o777 == 0o700


def test_an_opened_journal_goes_on_with_the_chain(kept: Ledger) -> None:
    filled(kept)
    again, _ = journal.opened(kept, plan="one")
    again.append(Event.ROLLBACK_BEGUN)
    assert journal.read(kept.journal).records[-1].event is Event.ROLLBACK_BEGUN


def test_another_plans_journal_is_refused(kept: Ledger) -> None:
    filled(kept)
    with pytest.raises(DashtamError, match="of another plan") as caught:
        journal.opened(kept, plan="two")
    assert caught.value.code == ExitCode.DATA


def outcome(path: Path, data: bytes, whole: tuple[journal.Record, ...]) -> str:
    """Return how damaged data are read: refused, or as the records up to some point."""
    refusal = None
    try:
        found = journal.parsed(data, path).records
    except DashtamError as error:
        refusal = error
    if refusal:
        assert refusal.code == ExitCode.DATA
        assert str(path) in refusal.reason
        assert "migrate.backups --verify" in refusal.hint
        return "refused"
    assert found == whole[: len(found)], "a record was made up"
    return "whole" if len(found) == len(whole) else "replayed"


def test_cut_at_any_byte_it_is_a_journal_with_fewer_records(kept: Ledger, count_cases: CountCases) -> None:
    whole, data = tuple(filled(kept).records), kept.journal.read_bytes()
    outcomes = [outcome(kept.journal, data[:size], whole) for size in range(len(data))]
    count_cases(len(outcomes))
    assert set(outcomes) == {"replayed"}


def test_a_flipped_bit_is_found_and_only_the_last_record_may_go(
    kept: Ledger, count_cases: CountCases
) -> None:
    whole, data = tuple(filled(kept).records), kept.journal.read_bytes()
    last = len(data) - len(data.splitlines(keepends=True)[-1])
    outcomes: dict[str, int] = {}
    for place in range(len(data)):
        for bit in range(8):
            flipped = data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
            found = outcome(kept.journal, flipped, whole)
            assert found == "refused" or place >= last - 1, (place, bit)
            outcomes[found] = outcomes.get(found, 0) + 1
    count_cases(f"{len(data) * 8}: {outcomes}")
    assert "whole" not in outcomes


def test_dropped_and_swapped_lines_are_found(kept: Ledger) -> None:
    whole = tuple(filled(kept).records)
    lines = kept.journal.read_bytes().splitlines(keepends=True)
    for changed in (
        lines[:1] + lines[2:],
        [lines[0], lines[2], lines[1], lines[3]],
        lines[1:],
        [*lines[:2], lines[1], *lines[2:]],
    ):
        assert outcome(kept.journal, b"".join(changed), whole) == "refused"


def test_a_torn_line_is_cut_off_and_said(kept: Ledger) -> None:
    whole = filled(kept).records
    data = kept.journal.read_bytes()
    kept.journal.write_bytes(data + b'4 {"event":"do')
    again, was_torn = journal.opened(kept, plan="one")
    assert was_torn
    assert again.records == whole
    assert kept.journal.read_bytes() == data


def test_damage_is_refused_before_anything_is_done(shop: Shop) -> None:
    shop.apply("1.1", "1.2")
    path = shop.project / ".dashtam/journal"
    data = path.read_bytes()
    path.write_bytes(data[:50] + b"?" + data[51:])
    before = shop.tree()
    for action in (shop.migrate, shop.roll_back):
        with pytest.raises(DashtamError, match=r"journal is damaged: line 1") as caught:
            action()
        assert caught.value.code == ExitCode.DATA
    assert shop.tree() == before


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "root").make().back_up()
    made.save()
    return made


def cut(shop: Shop, lines: int) -> bool:
    """Leave so many lines of a journal; return whether there were more."""
    path = shop.project / ".dashtam/journal"
    whole = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole[:lines]))
    return lines < len(whole)


def test_records_lost_at_the_end_do_no_harm_to_a_migration(tmp_path: Path, count_cases: CountCases) -> None:
    start = Shop(tmp_path / "start").make()
    original = start.tree()
    start.back_up().migrate()
    result, cases = without_times(start.tree()), 0
    while cut(work := copied(start, tmp_path / "work"), cases):
        again = copied(work, tmp_path / "again")
        again.migrate()
        assert without_times(again.tree()) == result, cases
        assert not work.roll_back().kept
        assert work.tree() == original, cases
        cases += 1
    count_cases(cases)
    assert cases > 25


@pytest.mark.parametrize("at", [20, 60, 90, 110])
def test_records_lost_at_the_end_do_no_harm_to_a_rollback(
    tmp_path: Path, at: int, count_cases: CountCases
) -> None:
    start = Shop(tmp_path / "start").make()
    original = start.tree()
    start.back_up().migrate()
    with crashing(at):
        start.roll_back()
    cases = 0
    while cut(work := copied(start, tmp_path / "work"), cases):
        with pytest.raises(DashtamError, match="being taken back"):
            work.migrate()
        work.roll_back()
        assert work.tree() == original, cases
        cases += 1
    count_cases(cases)
    assert cases > 25


def test_without_its_journal_a_plan_still_knows_what_is_done(shop: Shop) -> None:
    shop.migrate()
    result = without_times(shop.tree())
    (shop.project / ".dashtam/journal").unlink()
    shop.migrate()
    assert without_times(shop.tree()) == result
    saved = saved_plan.load(shop.project)
    assert saved
    assert len(journal.read(saved.ledger.journal).records) > 25
