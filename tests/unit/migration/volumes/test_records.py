import stat
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.volumes import copying, counting, records
from dashtam_tasks.migration.volumes.progress import Progress, amount, duration
from dashtam_tasks.migration.volumes.records import Record, Rows

ROWS = (
    Rows(database="shop", schema="public", table="a", rows=1),
    Rows(database="shop", schema="public", table="b", rows=2),
)
RECORD = Record(source="old", target="new", id="1", counted=ROWS, rows=ROWS)


def test_record_is_read_as_it_was_written_and_is_private(tmp_path: Path) -> None:
    records.write(tmp_path, RECORD)
    path = tmp_path / ".dashtam/volumes/new.json"
    assert records.read(tmp_path, "new") == RECORD
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert records.read(tmp_path, "other") is None
    records.remove(tmp_path, "new")
    records.remove(tmp_path, "new")
    assert records.read(tmp_path, "new") is None


def test_damaged_record_is_never_guessed_at(tmp_path: Path) -> None:
    records.write(tmp_path, RECORD)
    path = tmp_path / ".dashtam/volumes/new.json"
    whole = path.read_bytes().rstrip()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with pytest.raises(DashtamError, match=r"new\.json is damaged") as error:
            records.read(tmp_path, "new")
        assert error.value.code == ExitCode.DATA


def test_tables_with_other_numbers_of_rows_are_named() -> None:
    after = (ROWS[0], Rows(database="shop", schema="public", table="c", rows=0))
    assert counting.changed(ROWS, after) == (
        "shop: public.b: 2 became none",
        "shop: public.c: none became 0",
    )
    assert counting.changed(ROWS, ROWS[::-1]) == ()


def test_other_rows_than_were_counted_are_an_error_and_the_next_run_goes_by_the_bytes(tmp_path: Path) -> None:
    fewer = Record(source="old", target="new", id="1", counted=ROWS, counted_in="c", rows=ROWS[:1])
    with pytest.raises(DashtamError, match="new has other rows than old") as error:
        copying.require_same_rows(fewer, tmp_path)
    assert error.value.code == ExitCode.DATA
    assert error.value.details == "shop: public.b: 2 became none"
    kept = records.read(tmp_path, "new")
    assert kept is not None
    assert (kept.counted, kept.is_complete) == (None, False)
    copying.require_same_rows(kept, tmp_path)


@pytest.mark.parametrize("name", ["shop", "other = 'db'", "back\\slash", "postgres://elsewhere"])
def test_name_of_a_database_is_never_taken_for_a_connection_string(name: str) -> None:
    text = counting.connection(name)
    assert text.startswith("dbname='")
    assert text[8:-1].replace("\\'", "'").replace("\\\\", "\\") == name


def test_progress_has_a_rate_and_an_estimate_once_a_second() -> None:
    said, now = list[str](), iter((0.0, 0.5, 2.0, 2.1, 4.0))
    progress = Progress(subject="new", total=8 << 20, notify=said.append, clock=lambda: next(now))
    for _ in range(4):
        progress.add(1 << 20)
    assert said == [
        "new: 2.0 MiB of 8.0 MiB, 1.0 MiB/s, 6 s left",
        "new: 4.0 MiB of 8.0 MiB, 1.0 MiB/s, 4 s left",
    ]


def test_amounts_and_durations_are_for_people() -> None:
    assert [amount(one) for one in (0, 1023, 1024, 15 << 20, 3 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "15 MiB",
        "3.0 TiB",
    ]
    assert [duration(one) for one in (0.4, 59, 200)] == ["0 s", "59 s", "3 min 20 s"]
