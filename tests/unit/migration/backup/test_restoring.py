import os
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup, snapshots
from dashtam_tasks.migration.backup import Backup, temporary_of
from dashtam_tasks.migration.snapshots import ABSENT, Kind, Snapshot
from tests.unit.migration.backup.trees import SHOP, TODAY, as_nobody, looks, shop, write

MOMENT = 1_500_000_000_111_222_333


@pytest.fixture
def taken(tmp_path: Path) -> Backup:
    return backup.take(shop(tmp_path), SHOP, today=TODAY)


def restore(taken: Backup, path: str) -> None:
    snapshot = taken.entries[path]
    source = taken.file(path) if snapshot.kind is Kind.FILE else taken.folder
    backup.put_back(source, taken.folder.parents[1] / path, snapshot)


@pytest.mark.parametrize("path", ["docker-compose.yml", ".env", "scripts/run me.sh", "Makefile"])
def test_what_was_edited_or_removed_is_as_it_was_and_nothing_is_beside_it(
    taken: Backup, tmp_path: Path, path: str
) -> None:
    before = looks(tmp_path)
    (tmp_path / path).unlink()
    restore(taken, path)
    write(tmp_path, path, b"edited", mode=0o777) if path != "Makefile" else None
    restore(taken, path)
    after = looks(tmp_path)
    folder = str(Path(path).parent)
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} <= {folder}
    if folder != ".":
        backup.put_back_times(tmp_path / folder, taken.entries[folder])
        assert looks(tmp_path) == before


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o751, 0o4755, 0o2755])
def test_modes_owners_and_times_are_those_of_the_snapshot(tmp_path: Path, mode: int) -> None:
    owner = (12345, 23456) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    path = write(tmp_path, "file")
    os.chown(path, *owner)
    path.chmod(mode)
    os.utime(path, ns=(MOMENT, MOMENT))
    before = snapshots.of(path)
    backup.put_back(write(tmp_path, "source"), path, before)
    assert snapshots.of(path) == before
    assert before.mode == mode


def test_an_owner_that_only_root_may_set_is_left_and_the_rest_is_as_it_was() -> None:
    with as_nobody() as folder:
        source, target = write(folder, "source"), folder / "target"
        wanted = Snapshot(
            kind=Kind.FILE, sha256=snapshots.sha256_of(source), size=5, mode=0o640, uid=1, gid=1, mtime=MOMENT
        )
        backup.put_back(source, target, wanted)
        found = snapshots.of(target)
        assert found.same_contents(wanted)
        assert (found.uid, found.mode, found.mtime) == (os.geteuid(), 0o640, MOMENT)


def test_contents_that_are_not_what_was_saved_replace_nothing(taken: Backup, tmp_path: Path) -> None:
    taken.file(".env").write_bytes(b"PASSWORD=other")
    target = write(tmp_path, ".env", b"mine")
    before = looks(tmp_path)
    with pytest.raises(DashtamError, match=r"/backups/.*/\.env does not hold what was saved") as error:
        restore(taken, ".env")
    assert error.value.code == ExitCode.DATA
    assert "made-up" not in str(error.value)
    assert looks(tmp_path) == before
    assert target.read_bytes() == b"mine"


def test_contents_that_are_gone_replace_nothing(taken: Backup, tmp_path: Path) -> None:
    source = taken.file(".env")
    source.unlink()
    before = looks(tmp_path)
    with pytest.raises(DashtamError, match=r"/\.env cannot be read: No such file") as error:
        restore(taken, ".env")
    assert error.value.code == ExitCode.IO
    assert looks(tmp_path) == before


def test_a_folder_in_the_way_is_named_and_kept(taken: Backup, tmp_path: Path) -> None:
    (tmp_path / ".env").unlink()
    write(tmp_path, ".env/mine")
    before = looks(tmp_path)
    with pytest.raises(DashtamError, match=r"/\.env cannot be written: Is a directory"):
        restore(taken, ".env")
    assert looks(tmp_path).keys() == before.keys()


def test_a_missing_folder_is_said(taken: Backup, tmp_path: Path) -> None:
    with pytest.raises(DashtamError, match="No such file or directory") as error:
        backup.put_back(taken.file(".env"), tmp_path / "gone/.env", taken.entries[".env"])
    assert error.value.code == ExitCode.CANNOT_CREATE


def test_what_a_killed_run_left_is_replaced(taken: Backup, tmp_path: Path) -> None:
    before = looks(tmp_path)
    write(tmp_path, temporary_of(tmp_path / ".env").name, b"half")
    restore(taken, ".env")
    assert looks(tmp_path) == before


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127, "short"])
def test_there_is_a_name_for_what_is_unfinished_however_long_the_files_own_is(
    tmp_path: Path, name: str
) -> None:
    source = write(tmp_path, "source")
    backup.put_back(source, tmp_path / name, snapshots.of(source))
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(["source", name])


def test_what_was_not_there_is_nothing_to_put_back(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="absent is not put back"):
        backup.put_back(tmp_path / "source", tmp_path / "target", ABSENT)


def test_another_link_takes_the_place_of_a_link_and_what_it_led_to_stays(tmp_path: Path) -> None:
    project = shop(tmp_path)
    (project / "Makefile").unlink()
    (project / "Makefile").symlink_to(".env")
    wanted = Snapshot(kind=Kind.LINK, target="docker-compose.yml", mtime=MOMENT, uid=os.geteuid())
    env_file = snapshots.of(project / ".env")
    backup.put_back(project, project / "Makefile", wanted)
    found = snapshots.of(project / "Makefile")
    assert (found.target, found.mtime) == ("docker-compose.yml", MOMENT)
    assert snapshots.of(project / ".env") == env_file
