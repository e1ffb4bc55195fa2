import os
import socket
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashtam_tasks.migration import snapshots
from dashtam_tasks.migration.snapshots import ABSENT, Kind, Snapshot

MOMENT = 1_700_000_000_123_456_789
HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def test_a_file_is_its_contents_its_mode_its_owner_and_its_time_to_the_nanosecond(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"hello")
    path.chmod(0o4751)
    os.utime(path, ns=(0, MOMENT))
    assert snapshots.of(path) == Snapshot(
        kind=Kind.FILE,
        sha256=HELLO,
        size=5,
        mode=0o4751,
        uid=os.geteuid(),
        gid=path.stat().st_gid,
        mtime=MOMENT,
    )


@pytest.mark.parametrize("target", ["nowhere/../else", "./", "two  words\n", "\udcff"])
def test_a_link_is_where_it_points_to_the_byte_and_is_not_followed(tmp_path: Path, target: str) -> None:
    path = tmp_path / "link"
    os.symlink(target, path)  # noqa: PTH211 - a Path would tidy it
    found = snapshots.of(path)
    assert (found.kind, found.sha256, found.size) == (Kind.LINK, "", 0)
    assert snapshots.unquoted(found.target) == target


def test_what_is_not_there_is_absent_also_below_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert snapshots.of(tmp_path / "nothing") == ABSENT
    assert snapshots.of(tmp_path / "file/below") == ABSENT


def test_folders_and_what_is_neither_have_kinds_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert snapshots.of(tmp_path / "socket").kind is Kind.OTHER
    os.mkfifo("pipe")
    assert snapshots.of(tmp_path / "pipe").kind is Kind.OTHER
    assert snapshots.of(tmp_path).kind is Kind.FOLDER


def test_the_same_contents_may_have_another_mode_and_time(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"hello")
    before = snapshots.of(path)
    path.chmod(0o600)
    os.utime(path, ns=(0, MOMENT))
    assert snapshots.of(path) != before
    assert snapshots.of(path).same_contents(before)
    path.write_bytes(b"hellO")
    assert not snapshots.of(path).same_contents(before)


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_any_name_survives_json(name: bytes) -> None:
    plain = os.fsdecode(name)
    written = msgspec.json.encode(snapshots.quoted(plain))
    assert snapshots.unquoted(msgspec.json.decode(written, type=str)) == plain


def test_people_see_names_as_they_are_unless_a_terminal_could_not_show_them() -> None:
    assert snapshots.shown("naïve file's name.yml") == "naïve file's name.yml"
    assert snapshots.shown("two\nlines") == "two%0Alines"
    assert snapshots.shown("\udcff") == "%FF"
