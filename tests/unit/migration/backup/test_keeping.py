from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup, snapshots
from dashtam_tasks.migration.backup import Backup
from tests.unit.migration.backup.trees import NAME, SHOP, TODAY, modes, shop, write


@pytest.fixture
def taken(tmp_path: Path) -> Backup:
    return backup.take(shop(tmp_path), SHOP, today=TODAY)


def add(taken: Backup, data: bytes, *, volume: str = "shop_postgres_data", database: str = "shop") -> Backup:
    finished = write(taken.folder.parent, "finished", data)
    return backup.add_dump(
        taken,
        finished,
        volume=volume,
        service="postgres",
        database=database,
        objects=7,
        server_version="17.6",
    )


def test_contents_are_kept_by_their_hash_and_the_same_once(taken: Backup, tmp_path: Path) -> None:
    edited = write(tmp_path, ".env", b"PASSWORD=edited", mode=0o666)
    sha256 = backup.keep(taken, edited)
    assert sha256 == snapshots.sha256_of(edited) == backup.keep(taken, edited)
    assert backup.kept(taken, sha256).read_bytes() == b"PASSWORD=edited"
    assert modes(taken.folder) == {"folders": {0o700}, "files": {0o600}}
    assert [one.name for one in (taken.folder / "kept").iterdir()] == [sha256]
    assert backup.verified(taken) == ()


def test_keeping_what_is_damaged_mends_it(taken: Backup, tmp_path: Path) -> None:
    sha256 = backup.keep(taken, tmp_path / ".env")
    backup.kept(taken, sha256).write_bytes(b"")
    assert backup.verified(taken) != ()
    backup.keep(taken, tmp_path / ".env")
    assert backup.verified(taken) == ()


@pytest.mark.parametrize("sha256", ["0" * 64, "../manifest.json", ""])
def test_what_was_not_kept_is_said(taken: Backup, sha256: str) -> None:
    with pytest.raises(DashtamError, match=rf"backups/{NAME}/kept/{sha256} is missing") as error:
        backup.kept(taken, sha256)
    assert error.value.code == ExitCode.DATA


def test_what_cannot_be_read_is_not_kept(taken: Backup, tmp_path: Path) -> None:
    with pytest.raises(DashtamError, match="/gone cannot be read") as error:
        backup.keep(taken, tmp_path / "gone")
    assert error.value.code == ExitCode.IO
    assert list((taken.folder / "kept").iterdir()) == []
    assert sorted(one.name for one in taken.folder.parent.iterdir()) == [".gitignore", NAME]


def test_a_dump_moves_into_the_backup_and_its_manifest(taken: Backup, tmp_path: Path) -> None:
    added = add(add(taken, b"one"), b"two", database="")
    database, roles = added.dumps
    assert (database.volume, database.service, database.database) == (
        "shop_postgres_data",
        "postgres",
        "shop",
    )
    assert (database.size, database.objects, database.server_version) == (3, 7, "17.6")
    assert database.name == f"shop_postgres_data.shop.{database.sha256[:16]}.dump"
    assert roles.name == f"shop_postgres_data.globals.{roles.sha256[:16]}.sql"
    assert added.dump_file(roles).read_bytes() == b"two"
    assert not (taken.folder.parent / "finished").exists()
    assert modes(taken.folder) == {"folders": {0o700}, "files": {0o600}}
    assert (added.entries, added.taken) == (taken.entries, taken.taken)
    assert backup.existing(tmp_path) == (added,)
    assert backup.verified(added) == ()


def test_the_same_dump_is_there_once(taken: Backup) -> None:
    assert len(add(add(taken, b"one"), b"one").dumps) == 1


@pytest.mark.parametrize("database", ["a/b", "..", "it's \n", "ü" * 31])
def test_a_database_may_have_any_name(taken: Backup, database: str) -> None:
    added = add(taken, b"one", volume="v" * 255, database=database)
    assert added.dump_file(added.dumps[0]).read_bytes() == b"one"
    assert added.dumps[0].database == database
    assert backup.verified(added) == ()


def test_nothing_is_added_to_a_backup_with_a_damaged_manifest(taken: Backup) -> None:
    manifest = taken.folder / "manifest.json"
    damaged = manifest.read_bytes().replace(b"0", b"1", 1)
    manifest.write_bytes(damaged)
    with pytest.raises(DashtamError, match=rf"backups/{NAME}/manifest.json is damaged, and no dump") as error:
        add(taken, b"one")
    assert error.value.code == ExitCode.DATA
    assert manifest.read_bytes() == damaged
