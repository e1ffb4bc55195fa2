"""What a rollback puts back where the system refuses a part of it, or a person is quicker than it is."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.ledger import guard, saved_plan
from dashtam_tasks.migration.ledger.journal import Event, Journal
from tests.unit.migration.execution.promise import SECRET, Shop

ASIDE = "backups/pre-migration-20261123/set-aside"


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without waiting for the disk, which no test here cuts the power of."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def pristine(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "root").make()


@pytest.fixture
def shop(pristine: Shop) -> Shop:
    pristine.back_up().save()
    return pristine


def refusing(number: int) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


def not_an_owner(monkeypatch: pytest.MonkeyPatch, *refused: str) -> None:
    """Let us be somebody who may write here, but to whom nothing belongs."""
    monkeypatch.setattr(guard, "put_time", lambda *_: None)
    for name in refused:
        monkeypatch.setattr(os, name, refusing(errno.EPERM))


def test_what_only_an_owner_may_set_is_named_and_stops_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.migrate()
    os.utime(shop.project / "envs/.env.dev", ns=(0, 7))
    not_an_owner(monkeypatch, "utime", "fchmod")
    kept = {one.where: one for one in shop.roll_back().kept}
    assert (shop.project / ".env").read_bytes() == SECRET
    assert kept[".env"].kind == "look-differs"
    assert kept[".env"].message.startswith("All but its mode and time is as before")
    assert "chmod 0640 .env && touch --no-dereference --date=@15000000" in kept[".env"].hint
    assert {".", "docs"} <= kept.keys()
    assert saved_plan.load(shop.project) is None
    assert not (shop.project / ".dashtam").exists()


def test_the_end_of_a_killed_rollback_names_it_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.migrate()
    with monkeypatch.context() as patch:
        patch.setattr("dashtam_tasks.migration.execution.rolling_back.finish", refusing(errno.EIO))
        with pytest.raises(OSError, match="Input/output"):
            shop.roll_back()
    not_an_owner(monkeypatch, "utime")
    assert [one.where for one in shop.roll_back().kept] == ["."]
    assert saved_plan.load(shop.project) is None


def test_every_other_refusal_ends_it_until_the_next_time(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.migrate()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fchmod", refusing(errno.EIO))
        with pytest.raises(DashtamError) as caught:
            shop.roll_back()
    assert caught.value.code == ExitCode.CANNOT_CREATE
    assert shop.roll_back().kept == ()


@pytest.mark.parametrize("path", ["compose/dev.yml", ".gitignore"])
def test_what_is_edited_in_the_very_moment_stays(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    shop.migrate()
    real = Journal.intend

    def intend(journal: Journal, event: Event, *arguments: Any, **options: Any) -> None:
        real(journal, event, *arguments, **options)
        if event is Event.UNDO_INTENT and path in options["before"]:
            (shop.project / path).write_bytes(b"mine, just now")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "intend", intend)
        with pytest.raises(DashtamError, match=f"{path} is being changed right now") as caught:
            shop.roll_back()
    assert caught.value.code == ExitCode.BUSY
    assert path in {one.where for one in shop.roll_back().kept}
    assert (shop.project / path).read_bytes() == b"mine, just now"


def test_a_file_that_is_saved_anew_while_it_is_moved_is_moved_next_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, source = os.link, shop.project / ".env"

    def link(one: Path, other: Path, **options: Any) -> None:
        real(one, other, **options)
        if other == shop.project / "envs/.env.dev":
            (shop.project / ".env.new").write_bytes(b"PASSWORD=newer\n")
            (shop.project / ".env.new").rename(source)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", link)
        with pytest.raises(DashtamError, match=r"\.env is being changed right now") as caught:
            shop.apply("1.1", "1.2", "1.3")
    assert caught.value.code == ExitCode.BUSY
    assert source.read_bytes() == b"PASSWORD=newer\n"
    shop.apply("1.1", "1.2", "1.3")
    assert (shop.project / "envs/.env.dev").read_bytes() == b"PASSWORD=newer\n"
    assert not source.exists()
    assert shop.roll_back().kept == ()
    assert source.read_bytes() == b"PASSWORD=newer\n"


def with_link(shop: Shop) -> Path:
    """Move a folder of the migration elsewhere, as its people might, and leave a link to it."""
    shop.migrate()
    (shop.project / "compose").rename(shop.project / "infra")
    (shop.project / "compose").symlink_to("infra")
    return shop.project / "compose"


def test_a_link_in_place_of_a_folder_is_named_and_stays(shop: Shop) -> None:
    link = with_link(shop)
    assert [one.where for one in shop.roll_back().kept] == ["compose"]
    assert str(link.readlink()) == "infra"
    assert list((shop.project / "infra").iterdir()) == []


def test_a_link_in_place_of_a_folder_is_set_aside_when_told(shop: Shop) -> None:
    link = with_link(shop)
    done = shop.roll_back(force=True)
    assert (done.kept, done.set_aside) == ((), ("compose",))
    assert not link.is_symlink()
    assert str((shop.project / ASIDE / "compose").readlink()) == "infra"


def test_a_folder_that_may_not_be_listed_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.migrate()
    real = Path.iterdir
    with monkeypatch.context() as patch:
        patch.setattr(
            Path,
            "iterdir",
            lambda path: refusing(errno.EACCES)() if path.name == "compose" else real(path),
        )
        with pytest.raises(DashtamError, match=r"/compose cannot be read: Permission denied\.") as caught:
            shop.roll_back()
    assert caught.value.code == ExitCode.IO
    assert shop.roll_back().kept == ()


def test_a_file_as_old_as_the_epoch_gets_its_time_again(pristine: Shop) -> None:
    old = pristine.project / "docs/guide.txt"
    os.utime(old, ns=(0, 0))
    pristine.back_up().save()
    pristine.migrate()
    for one in (pristine.project / ".dashtam/originals").iterdir():
        one.unlink()
    assert pristine.roll_back().kept == ()
    assert old.stat().st_mtime_ns == 0


def test_what_is_set_aside_is_on_the_disk_with_every_folder_above_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.migrate()
    mine = "docs/new/deep/guide.md"
    (shop.project / mine).write_bytes(b"mine")
    synced: list[Path] = []
    real = files.sync_folder

    def sync(folder: Path) -> None:
        synced.append(folder)
        real(folder)

    monkeypatch.setattr(files, "sync_folder", sync)
    shop.roll_back(force=True)
    assert (shop.project / ASIDE / mine).read_bytes() == b"mine"
    above = [one for one in (shop.project / ASIDE / mine).parents if one.is_relative_to(shop.project / ASIDE)]
    assert {*above, (shop.project / ASIDE).parent} <= {*synced}
    assert {one.stat().st_mode & 0o777 for one in above} == {0o700}
