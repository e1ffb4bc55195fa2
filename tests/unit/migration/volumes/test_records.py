import stat
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.postgresql.counting import Rows
from dashtam_tasks.migration.volumes import copying, records
from dashtam_tasks.migration.volumes.records import Record

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
