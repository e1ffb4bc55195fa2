import os
import sys
from pathlib import Path

import msgspec
import pytest

from dashtam_tasks import __version__
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.ledger import coding, saved_plan
from dashtam_tasks.migration.operations import Write
from tests.unit.migration.execution.promise import DATA, FACTS, LATIN, ODD_ONES, SECRET, STEPS, Shop


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without waiting for the disk, which no test here cuts the power of."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "root", {**STEPS, "2.6": (*STEPS["2.6"], *ODD_ONES)}).make().back_up()


def ledger_files(shop: Shop) -> list[Path]:
    return [one for one in (shop.project / ".dashtam").rglob("*") if one.is_file()]


def test_what_is_saved_is_loaded_whatever_the_names_are(shop: Shop) -> None:
    saved = shop.save()
    assert saved_plan.load(shop.project) == saved
    assert saved.tool_version == __version__
    assert saved.facts == FACTS
    assert saved.choices == {"test-file": "overlay"}
    assert saved.backup_name == "pre-migration-20261123"
    assert LATIN in {path for _, one in saved.keyed() for path in one.before}
    assert [one.operation for one in saved.steps[1].operations] == list(STEPS["1.2"])


def test_nothing_but_the_ledger_is_changed(shop: Shop) -> None:
    before = shop.tree()
    shop.save()
    after = shop.tree()
    # A folder's time tells that the ledger was made in it.
    del before["shop"], after["shop"]
    assert after == before


def test_a_project_without_a_plan_has_none(shop: Shop) -> None:
    assert saved_plan.load(shop.project) is None


@pytest.mark.usefixtures("hostile_umask")
def test_all_of_it_is_private_and_ignored(shop: Shop) -> None:
    shop.save()
    folder = shop.project / ".dashtam"
    assert (folder / ".gitignore").read_text() == "*\n"
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_no_env_file_and_no_row_is_in_it(shop: Shop) -> None:
    shop.migrate()
    for path in ledger_files(shop):
        data = path.read_bytes()
        assert SECRET not in data, path
        assert b"made-up" not in data, path
        assert DATA not in data, path


def test_a_second_plan_is_refused(shop: Shop) -> None:
    shop.save()
    with pytest.raises(DashtamError, match="being migrated") as caught:
        shop.save()
    assert caught.value.code == ExitCode.USAGE


def test_a_changed_byte_is_found_wherever_it_is(shop: Shop) -> None:
    path = shop.save().ledger.plan
    data = path.read_bytes()
    whole = coding.decoded(data)
    refused = 0
    for place in range(len(data)):
        flipped = data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
        try:
            assert coding.decoded(flipped) == whole, place
        except (ValueError, msgspec.MsgspecError):
            refused += 1
    sys.stdout.write(f"plan with a bit of each of {len(data)} bytes flipped\n")
    # All but the newline at the end counts.
    assert refused >= len(data) - 1


def test_a_damaged_plan_says_what_to_do(shop: Shop) -> None:
    path = shop.save().ledger.plan
    path.write_bytes(path.read_bytes()[:-20])
    before = shop.tree()
    for action in (shop.migrate, shop.roll_back):
        with pytest.raises(DashtamError, match=r"plan\.json is damaged") as caught:
            action()
        assert caught.value.code == ExitCode.DATA
        assert "backups/" in caught.value.hint
        assert "migrate.backups --verify" in caught.value.hint
    assert shop.tree() == before


@pytest.mark.parametrize("damage", [b"other", None])
def test_damaged_contents_are_found_before_they_are_written(shop: Shop, damage: bytes | None) -> None:
    saved = shop.save()
    path = min(saved.ledger.contents.iterdir())
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    with pytest.raises(DashtamError, match=path.name) as caught:
        saved_plan.load(shop.project)
    assert caught.value.code == ExitCode.DATA


def test_another_format_is_refused(shop: Shop) -> None:
    path = shop.save().ledger.plan
    path.write_bytes(path.read_bytes().replace(b'{"format":1,', b'{"format":2,'))
    with pytest.raises(DashtamError, match="its format is 2"):
        saved_plan.load(shop.project)


@pytest.mark.parametrize("path", ["../outside", "/etc/hosts", "a/../../b"])
def test_a_plan_for_files_of_others_is_refused(shop: Shop, path: str) -> None:
    shop = Shop(shop.root, {"1.1": (Write(path=path, data=b"x"),)})
    shop.save()
    with pytest.raises(DashtamError, match="is not in the project"):
        saved_plan.load(shop.project)
