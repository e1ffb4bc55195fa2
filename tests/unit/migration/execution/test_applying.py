import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup
from dashtam_tasks.migration.boxes import Box, Outcome
from dashtam_tasks.migration.execution import applying
from dashtam_tasks.migration.ledger import saved_plan
from dashtam_tasks.migration.operations import Copy, CopyVolume, Move, Write
from dashtam_tasks.migration.steps import Step, outline
from dashtam_tasks.migration.volumes.copying import Copied
from tests.unit.migration.execution.faults import copied, crashing
from tests.unit.migration.execution.promise import (
    CLEANING,
    CLEANUP,
    DATA,
    LATIN,
    ODD,
    ODD_ONES,
    SECRET,
    STEPS,
    VOLUME,
    Folders,
    Shop,
    rewrite,
)


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without waiting for the disk, which no test here cuts the power of."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "root", {**STEPS, "2.6": (*STEPS["2.6"], *ODD_ONES)}).make().back_up()
    made.save()
    return made


def refused(shop: Shop, *steps: str) -> DashtamError:
    """Return why steps are refused; nothing but the ledger may change by that."""
    before = shop.tree()
    with pytest.raises(DashtamError) as caught:
        shop.apply(*steps)
    after = shop.tree()
    assert after == before
    return caught.value


def times(shop: Shop) -> dict[Path, int]:
    every = (one for one in shop.root.rglob("*") if one.name != "lock")
    return {path: path.lstat().st_mtime_ns for path in every}


def test_every_operation_does_what_it_says(shop: Shop) -> None:
    before = {path: shop.project.joinpath(path).lstat() for path in (".env", "docs/guide.txt", ODD, LATIN)}
    applied = shop.apply(*shop.steps)
    here = shop.project
    assert [one.number for one in applied] == list(STEPS)
    assert [len(one.operations) for one in applied] == [len(one) for one in shop.steps.values()]
    assert (here / "compose/dev.yml").read_bytes() == b"name: shop-dev\r\n"
    assert (here / "compose/dev.yml").stat().st_mode & 0o7777 == 0o644
    assert (here / "docs/new/deep/guide.md").read_bytes() == b"# Guide\n"
    assert not (here / ".env").exists()
    moved = (here / "envs/.env.dev").stat()
    assert (moved.st_mode & 0o7777, moved.st_mtime_ns) == (0o600, before[".env"].st_mtime_ns)
    for path in ("envs/.env.dev", "envs/.env.test", ".env.twin"):
        assert (here / path).read_bytes() == SECRET
    assert (here / "envs/.env.test").stat().st_mode & 0o7777 == 0o600
    assert (here / "envs/.env.dev.example").stat().st_mode & 0o7777 == 0o644
    for path in ("docs/guide.txt", ODD, LATIN):
        found, old = (here / path).lstat(), before[path]
        assert (found.st_mode, found.st_uid, found.st_gid) == (old.st_mode, old.st_uid, old.st_gid)
    assert (here / "docs/twin.txt").read_bytes() == b"one\ntwo", "a hard link was written through"
    assert (here / "WARP.md").read_bytes() == b"# Warp\n"
    assert (here / "docs/linked.txt").read_bytes() == b"left alone", "a link was written through"
    assert (shop.root / "engine/shop-dev_data/data").read_bytes() == DATA


def test_again_it_changes_nothing(shop: Shop) -> None:
    shop.migrate()
    tree, before = shop.tree(), times(shop)
    assert shop.apply(*shop.steps, CLEANUP) == ()
    shop.migrate()
    assert shop.tree() == tree
    assert times(shop) == before


def test_a_failed_box_stops_and_the_step_is_verified_again_later(shop: Shop) -> None:
    outcomes = {"1.2": Outcome.FAILED}

    def verify(step: str) -> tuple[Box, ...]:
        outcome = outcomes.get(step, Outcome.PASSED)
        return (Box(step=step, text="it works", outcome=outcome),)

    applied = shop.apply("1.1", "1.2", "1.3", verify=verify)
    assert [(one.number, one.is_verified) for one in applied] == [("1.1", True), ("1.2", False)]
    assert (shop.project / ".env").exists()
    outcomes.clear()
    again = shop.apply("1.1", "1.2", "1.3", verify=verify)
    assert [(one.number, one.operations, one.is_verified) for one in again] == [
        ("1.2", (), True),
        ("1.3", ("move .env to envs/.env.dev",), True),
    ]


def test_a_step_without_an_earlier_one_is_refused(shop: Shop) -> None:
    error = refused(shop, "1.1", "1.3")
    assert error.code == ExitCode.USAGE
    assert error.reason == "Step 1.3 needs step 1.2, which is not done and verified."


def test_a_step_that_the_plan_has_not_is_refused(shop: Shop) -> None:
    error = refused(shop, "9.9")
    assert error.code == ExitCode.USAGE
    assert "9.9" in error.reason


def test_a_file_of_the_persons_own_is_never_overwritten(shop: Shop) -> None:
    shop.apply("1.1")
    mine = shop.project / "compose/dev.yml"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    with pytest.raises(DashtamError) as caught:
        shop.apply("1.2")
    assert caught.value.code == ExitCode.DATA
    assert str(mine) in caught.value.reason
    assert mine.read_bytes() == b"mine"
    mine.unlink()
    assert shop.apply("1.2")[0].is_verified


@pytest.mark.parametrize(
    ("operation", "in_the_way"),
    [
        (Move(source=".env", target="README.md"), "README.md"),
        (Copy(source=".env", target="README.md"), "README.md"),
        (Write(path="README.md", data=b"new"), "README.md"),
        (Write(path="src", data=b"new"), "src"),
        (Write(path="README.md/below", data=b"new"), "README.md"),
        (Move(source="src", target="source"), "src"),
        (Move(source="missing", target="there"), "missing"),
        (Copy(source="WARP.md", target="there"), "WARP.md"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_and_named(
    tmp_path: Path, operation: Write | Copy | Move, in_the_way: str
) -> None:
    shop = Shop(tmp_path / "root", {"1.1": (operation,)}).make().back_up()
    shop.save()
    error = refused(shop, "1.1")
    assert error.code == ExitCode.DATA
    assert str(shop.project / in_the_way) in error.reason
    assert error.hint


@pytest.mark.parametrize("change", [b"edited", None])
def test_a_file_that_changed_since_the_plan_is_not_rewritten(shop: Shop, change: bytes | None) -> None:
    path = shop.project / ".gitignore"
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change)
    error = refused(shop, "1.1")
    assert error.code == ExitCode.DATA
    assert f"{path} {'is gone' if change is None else 'was changed'} since" in error.reason
    assert "backups/pre-migration-20261123/" in error.hint


def test_an_env_file_that_was_edited_is_moved_as_it_is_and_kept(shop: Shop) -> None:
    (shop.project / ".env").write_bytes(b"PASSWORD=new")
    shop.apply("1.1", "1.2", "1.3")
    assert (shop.project / "envs/.env.dev").read_bytes() == b"PASSWORD=new"
    (taken,) = backup.existing(shop.project)
    kept = list((taken.folder / "kept").iterdir())
    assert [one.read_bytes() for one in kept] == [b"PASSWORD=new"]
    assert backup.verified(taken) == ()


def test_what_is_there_already_is_left_as_it_is(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "root", {"1.1": (rewrite("README.md", b"same"),)}).make()
    (shop.project / "README.md").write_bytes(b"same")
    before = shop.tree()
    shop.back_up().save()
    shop.apply("1.1")
    assert shop.tree()["shop/README.md"] == before["shop/README.md"]
    shop.roll_back()
    assert shop.tree() == before


def test_what_was_moved_half_is_moved_whole(shop: Shop) -> None:
    shop.apply("1.1", "1.2")
    (shop.project / "envs").mkdir()
    os.link(shop.project / ".env", shop.project / "envs/.env.dev")
    shop.apply("1.3")
    assert not (shop.project / ".env").exists()
    assert (shop.project / "envs/.env.dev").read_bytes() == SECRET


def test_a_crash_may_come_between_any_two_steps(shop: Shop, tmp_path: Path) -> None:
    whole = copied(shop, tmp_path / "whole")
    whole.apply(*shop.steps)
    with crashing(100):
        shop.apply(*shop.steps)
    assert set(shop.tree()) != set(whole.tree())
    shop.apply(*shop.steps)
    assert set(shop.tree()) == set(whole.tree())


def test_a_volume_that_fails_stops_before_its_compose_file(shop: Shop) -> None:
    class Failing(Folders):
        def copy(self, operation: CopyVolume, **_: object) -> Copied:
            raise DashtamError(f"{operation.target} is in the way.", code=ExitCode.DATA)

    with pytest.raises(DashtamError, match=f"{VOLUME.target} is in the way"):
        shop.apply("1.1", "1.2", volumes=Failing(shop.root / "engine"))
    assert not (shop.project / "compose").exists()
    assert [one.number for one in shop.apply("1.2")] == ["1.2"]


def test_what_a_person_should_know_of_a_volume_is_told(shop: Shop) -> None:
    class Telling(Folders):
        def copy(self, operation: CopyVolume, **_: object) -> Copied:
            return replace(super().copy(operation), remarks=("its collation differs",))

    shop.apply("1.1", "1.2", volumes=Telling(shop.root / "engine"))
    assert shop.told[:3] == [
        "1.1: write .gitignore",
        "1.2: copy volume shop_data to shop-dev_data",
        "its collation differs",
    ]


def test_a_step_decided_later_is_kept_as_it_was_first_begun(shop: Shop) -> None:
    saved = saved_plan.load(shop.project)
    assert saved
    shop.apply(*shop.steps)
    step = Step(outline=outline(CLEANUP), operations=CLEANING)
    applying.extend(shop.project, saved, Step(outline=outline(CLEANUP), operations=CLEANING[:1]))
    extended = applying.extend(shop.project, saved, step)
    assert saved_plan.load(shop.project) == extended
    assert extended.steps[-1].number == CLEANUP
    assert len(extended.steps) == len(saved.steps) + 1
    shop.apply(CLEANUP)
    assert not (shop.project / "docker-compose.yml").exists()
    begun = applying.extend(shop.project, extended, Step(outline=outline(CLEANUP)))
    assert begun == extended


def test_nothing_goes_on_before_it_is_on_the_disk(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.apply("1.1")
    seen: list[str] = []

    def watch(name: str, argument: int) -> None:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            named = arguments[argument]
            path = Path(f"/proc/self/fd/{named}" if isinstance(named, int) else named).resolve()
            seen.append(f"{name} {os.path.relpath(path, shop.project.resolve())}")
            return real(*arguments, **options)

        monkeypatch.setattr(os, name, call)

    for name, argument in {"write": 0, "fsync": 0, "mkdir": 0, "link": 1, "rename": 1}.items():
        watch(name, argument)
    shop.apply("1.2")
    written = ["write .dashtam/journal", "fsync .dashtam/journal"]
    assert seen[seen.index("mkdir compose") - 2 :] == [
        *written,
        "mkdir compose",
        "fsync .",
        "fsync .dashtam/scratch/file",
        "link compose/dev.yml",
        "fsync compose",
        "fsync compose/dev.yml",
        "fsync compose",
        *written,
        *written,
    ]


def test_without_its_backup_it_does_not_go_on(shop: Shop) -> None:
    (taken,) = backup.existing(shop.project)
    taken.folder.rename(shop.root / "elsewhere")
    before = (shop.project / ".gitignore").read_bytes()
    with pytest.raises(DashtamError, match=f"backups/{taken.name}/manifest.json") as caught:
        shop.apply("1.1")
    assert caught.value.code == ExitCode.DATA
    assert (shop.project / ".gitignore").read_bytes() == before
