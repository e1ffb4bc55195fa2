import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup
from dashtam_tasks.migration.ledger import saved_plan
from tests.unit.migration.execution.faults import crashing
from tests.unit.migration.execution.promise import GONE, LATIN, ODD_ONES, SECRET, STEPS, VOLUME, Folders, Shop

ASIDE = "backups/pre-migration-20261123/set-aside"


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without waiting for the disk, which no test here cuts the power of."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def pristine(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "root", {**STEPS, "2.6": (*STEPS["2.6"], *ODD_ONES)}).make()


@pytest.fixture
def original(pristine: Shop) -> dict[str, tuple[object, ...]]:
    return pristine.tree()


@pytest.fixture
def shop(pristine: Shop, original: dict[str, tuple[object, ...]]) -> Shop:
    assert original
    pristine.back_up().save()
    return pristine


def differing(shop: Shop, original: dict[str, tuple[object, ...]]) -> set[str]:
    found = shop.tree()
    return {path for path in found.keys() | original if found.get(path) != original.get(path)}


@pytest.mark.parametrize("steps", range(len(STEPS) + 1))
def test_it_goes_back_from_any_step(shop: Shop, original: dict[str, tuple[object, ...]], steps: int) -> None:
    shop.apply(*list(STEPS)[:steps])
    result = shop.roll_back()
    assert shop.tree() == original
    assert not (shop.project / ".dashtam").exists()
    assert (result.kept, result.set_aside) == ((), ())


def test_it_goes_back_after_cleanup_and_names_what_it_did(
    shop: Shop, original: dict[str, tuple[object, ...]]
) -> None:
    shop.migrate()
    result = shop.roll_back()
    assert shop.tree() == original
    assert set(result.restored) == {
        ".gitignore",
        ".env",
        ".env.example",
        "docker-compose.yml",
        "README.md",
        "WARP.md",
        "docs/guide.txt",
        LATIN,
        ODD_ONES[1].made,
    }
    assert {"compose/dev.yml", "compose", "envs", "docs/new", f"volume {VOLUME.target}"} <= set(
        result.removed
    )


def test_the_ledger_ends_in_the_backup_which_stays_sound(shop: Shop) -> None:
    shop.migrate()
    shop.roll_back()
    ledger = shop.project / ASIDE / ".dashtam"
    assert {"journal", "contents", "rolled-back.json"} <= {one.name for one in ledger.iterdir()}
    assert ledger.stat().st_mode & 0o777 == 0o700
    assert backup.verified(backup.existing(shop.project)[0]) == ()
    assert saved_plan.load(shop.project) is None


def test_it_may_be_migrated_and_taken_back_again(shop: Shop, original: dict[str, tuple[object, ...]]) -> None:
    for _ in range(3):
        shop.migrate()
        shop.roll_back()
        assert shop.tree() == original
    assert len(list((shop.project / ASIDE).iterdir())) == 3


def test_a_rehearsal_says_the_same_and_changes_nothing(shop: Shop) -> None:
    shop.migrate()
    (shop.project / "README.md").write_bytes(b"mine")
    (shop.project / "reports").mkdir()
    (shop.project / "reports/one.xml").write_bytes(b"<x/>")
    before, ledger = shop.tree(), (shop.project / ".dashtam/journal").read_bytes()
    for force in (True, False):
        thought = shop.roll_back(force=force, dry_run=True)
        assert shop.tree() == before
        assert (shop.project / ".dashtam/journal").read_bytes() == ledger
    foretold = "what was written to it since it was copied is dumped into the backup first"
    assert [one.endswith(f": {foretold}") for one in thought.told] == [True]
    assert shop.roll_back() == replace(thought, told=())


def test_a_copy_that_is_gone_is_not_said_to_be_removed(shop: Shop) -> None:
    shop.migrate()
    shutil.rmtree(shop.root / "engine" / VOLUME.target)
    thought = shop.roll_back(dry_run=True)
    nothing = "no whole copy is there; nothing would be dumped, and what was cut off would be removed"
    assert thought.told == (f"volume {VOLUME.target}: {nothing}",)
    assert f"volume {VOLUME.target}" not in thought.removed


def test_what_a_person_changed_stays_and_is_named(
    shop: Shop, original: dict[str, tuple[object, ...]]
) -> None:
    shop.migrate()
    mine = {"README.md": b"mine", "compose/dev.yml": b"name: mine\n", "docs/new/deep/other.md": b"mine"}
    for path, data in mine.items():
        (shop.project / path).write_bytes(data)
    result = shop.roll_back()
    assert {one.where: one.kind for one in result.kept} == {
        "README.md": "changed-since",
        "compose/dev.yml": "changed-since",
        "compose": "folder-in-use",
        "docs/new": "folder-in-use",
        "docs/new/deep": "folder-in-use",
    }
    assert {path: (shop.project / path).read_bytes() for path in mine} == mine
    assert differing(shop, original) == {
        "shop/README.md",
        "shop/compose",
        "shop/compose/dev.yml",
        "shop/docs/new",
        "shop/docs/new/deep",
        "shop/docs/new/deep/other.md",
    }


def test_force_sets_it_aside_and_puts_the_original_in_its_place(
    shop: Shop, original: dict[str, tuple[object, ...]]
) -> None:
    shop.migrate()
    mine = {"README.md": b"mine", "compose/dev.yml": b"name: mine\n", "envs/.env.dev": b"PASSWORD=mine"}
    for path, data in mine.items():
        (shop.project / path).unlink()
        (shop.project / path).write_bytes(data)
    (shop.project / "compose/notes.txt").write_bytes(b"beside")
    result = shop.roll_back(force=True)
    # The person's editor took the second name from the env file: it is another file now, with the same contents.
    assert differing(shop, original) == {"shop/.env.twin"}
    assert (shop.project / ".env.twin").read_bytes() == SECRET
    assert set(result.set_aside) == {*mine, "compose"}
    assert {path: (shop.project / ASIDE / path).read_bytes() for path in ("README.md", "envs/.env.dev")} == {
        path: mine[path] for path in ("README.md", "envs/.env.dev")
    }
    aside = shop.project / ASIDE
    assert {one.read_bytes() for one in aside.glob("compose*/*")} == {b"name: mine\n", b"beside"}
    assert result.kept == ()


def test_an_env_file_that_was_edited_stays_and_the_original_comes_back(shop: Shop) -> None:
    shop.migrate()
    edited = shop.project / "envs/.env.dev"
    edited.unlink()
    edited.write_bytes(b"PASSWORD=mine")
    result = shop.roll_back()
    assert edited.read_bytes() == b"PASSWORD=mine"
    back = shop.project / ".env"
    assert (back.read_bytes(), back.stat().st_mode & 0o7777) == (SECRET, 0o640)
    assert [one.where for one in result.kept] == ["envs/.env.dev", "envs"]


def test_what_a_person_put_in_its_place_stays_beside_the_moved_one(shop: Shop) -> None:
    shop.migrate()
    (shop.project / ".env").write_bytes(b"PASSWORD=mine")
    result = shop.roll_back()
    assert (shop.project / ".env").read_bytes() == b"PASSWORD=mine"
    assert (shop.project / "envs/.env.dev").read_bytes() == SECRET
    assert {".env", "envs/.env.dev"} <= {one.where for one in result.kept}


def test_an_edit_before_the_move_comes_back_not_the_backup(shop: Shop) -> None:
    edited = b"PASSWORD=edited between steps"
    shop.apply("1.1", "1.2")
    (shop.project / ".env").write_bytes(edited)
    shop.apply("1.3", "1.4")
    (shop.project / "envs/.env.dev").unlink()
    shop.roll_back()
    assert (shop.project / ".env").read_bytes() == edited


def test_what_a_person_deleted_comes_back(shop: Shop, original: dict[str, tuple[object, ...]]) -> None:
    shop.migrate()
    for path in ("README.md", "docs/guide.txt", "compose/dev.yml", "docker-compose.yml.old"):
        (shop.project / path).unlink()
    shop.roll_back()
    assert shop.tree() == original


def test_what_was_gone_before_it_was_moved_stays_gone(shop: Shop) -> None:
    shop.apply(*shop.steps)
    (shop.project / "docker-compose.yml").unlink()
    with pytest.raises(DashtamError, match=r"docker-compose\.yml is absent"):
        shop.migrate()
    shop.roll_back()
    assert not (shop.project / "docker-compose.yml").exists()
    assert not (shop.project / ".dashtam").exists()


def test_a_folder_that_filled_up_since_is_set_aside(
    shop: Shop, original: dict[str, tuple[object, ...]]
) -> None:
    shop.migrate()
    (shop.project / "reports/ci").mkdir(parents=True)
    (shop.project / "reports/ci/junit.xml").write_bytes(b"<x/>")
    result = shop.roll_back()
    assert result.set_aside == ("reports",)
    assert (shop.project / ASIDE / "reports/ci/junit.xml").read_bytes() == b"<x/>"
    assert shop.tree() == original


def test_modes_owners_and_times_come_back_where_only_they_differ(
    shop: Shop, original: dict[str, tuple[object, ...]]
) -> None:
    shop.migrate()
    for path in ("README.md", "envs/.env.dev"):
        (shop.project / path).chmod(0o666)
    os.utime(shop.project / "envs/.env.dev")
    shop.roll_back()
    assert shop.tree() == original


@pytest.mark.parametrize("damage", ["bit", "missing", "extra"])
def test_a_damaged_backup_is_refused_before_a_byte_is_changed(shop: Shop, damage: str) -> None:
    shop.migrate()
    folder = backup.existing(shop.project)[0].folder
    if damage == "bit":
        data = (folder / ".env").read_bytes()
        (folder / ".env").write_bytes(bytes([data[0] ^ 1]) + data[1:])
    elif damage == "missing":
        (folder / ".env").unlink()
    else:
        (folder / "extra").write_bytes(b"")
    before = shop.tree()
    for force in (False, True):
        with pytest.raises(DashtamError, match="nothing was taken back") as caught:
            shop.roll_back(force=force)
        assert caught.value.code == ExitCode.DATA
        assert f"{folder.name}/{'extra' if damage == 'extra' else '.env'}" in caught.value.details
    assert shop.tree() == before


def test_half_way_back_it_does_not_go_on(shop: Shop, original: dict[str, tuple[object, ...]]) -> None:
    shop.migrate()
    with crashing(60):
        shop.roll_back()
    half = shop.tree()
    with pytest.raises(DashtamError, match="being taken back") as caught:
        shop.migrate()
    assert caught.value.code == ExitCode.DATA
    assert "migrate.rollback" in caught.value.hint
    assert shop.tree() == half
    shop.roll_back()
    assert shop.tree() == original


def test_after_a_kill_at_the_very_end_it_is_known_what_is_left(
    shop: Shop, original: dict[str, tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.migrate()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("dashtam_tasks.migration.execution.rolling_back.finish", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.roll_back()
    assert not (shop.project / ".dashtam").exists()
    assert differing(shop, original) == {"shop"}
    with pytest.raises(DashtamError, match="being migrated"):
        shop.save()
    shop.roll_back()
    assert shop.tree() == original


def test_a_volume_that_cannot_go_is_named(shop: Shop) -> None:
    shop.migrate()
    gone = replace(GONE, is_removed=False, problem="It cannot be dumped.", changes=("3 rows are new",))
    result = shop.roll_back(volumes=Folders(shop.root / "engine", gone))
    assert [(one.kind, one.where) for one in result.kept] == [("volume-kept", f"volume {VOLUME.target}")]
    assert result.told == ("3 rows are new",)
    assert f"volume {VOLUME.target}" not in result.removed


def test_dumps_of_new_rows_are_told(shop: Shop) -> None:
    shop.migrate()
    gone = replace(GONE, dumps=("shop-dev_data.app.dump",))
    result = shop.roll_back(volumes=Folders(shop.root / "engine", gone))
    (there,) = (shop.project / "backups").glob("pre-migration-*/dumps")
    assert result.told == (f"volume shop-dev_data was dumped: {there}/shop-dev_data.app.dump",)
