"""What happens to an old volume after it was copied, and to the dumps that lie beside it."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from dashtam_tasks import engine
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup, legacy, volumes
from dashtam_tasks.migration.backup import Backup
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.volumes import records
from tests.integration.projects import docker
from tests.integration.volume_shop import LARGE, USER, Shop, await_action, working


def labels_of(volume: str) -> dict[str, str]:
    """Return the labels of a volume."""
    labels: dict[str, str] = json.loads(docker("volume", "inspect", "--format", "{{json .Labels}}", volume))
    return labels


def test_old_volume_is_removed_only_when_its_copy_is_whole_and_nobody_holds_it(shop: Shop) -> None:
    operation = shop.operation(shop.volume("data", "head -c 5000000 /dev/urandom > file"))
    (one,) = volumes.removal((operation,), project=shop.folder)
    assert not one.has_copy
    assert 4_900_000 < one.size < 5_100_000
    with pytest.raises(DashtamError, match="not whole"):
        volumes.remove_old((one,), project=shop.folder, notify=shop.said.append)
    shop.copy(operation)
    (one,) = volumes.removal((operation,), project=shop.folder)
    assert operation.source in str(one)
    volumes.remove_old((one,), project=shop.folder, notify=shop.said.append)
    assert shop.volumes() == {"_data_copy"}
    assert volumes.removal((operation,), project=shop.folder) == ()


def test_rows_that_came_to_the_old_volume_after_it_was_copied_are_noticed(shop: Shop) -> None:
    shop.start()
    operation = shop.planned()["db"]
    assert not volumes.is_outdated(operation, project=shop.folder), "there is no copy yet"
    shop.copy(operation)
    assert not volumes.is_outdated(operation, project=shop.folder)
    shop.compose("up", "--detach", "--wait", "db")
    shop.sql("INSERT INTO nothing VALUES (1)")
    shop.compose("down")
    assert volumes.is_outdated(operation, project=shop.folder)
    (one,) = volumes.removal((operation,), project=shop.folder)
    assert one.is_outdated
    with pytest.raises(DashtamError, match=f"written to the volume {operation.source} since") as error:
        volumes.remove_old((one,), project=shop.folder, notify=shop.said.append)
    assert error.value.code == ExitCode.DATA
    assert "_db_data" in shop.volumes()


def test_old_volume_that_was_removed_is_made_again_before_its_copy_goes(shop: Shop, kept: Backup) -> None:
    shop.start()
    operation = shop.planned()["db"]
    shop.compose("down")
    labels = labels_of(operation.source)
    shop.copy(operation)
    (one,) = volumes.removal((operation,), project=shop.folder)
    volumes.remove_old((one,), project=shop.folder, notify=shop.said.append)
    assert "_db_data" not in shop.volumes()
    back = replace(operation, source=operation.target, target=operation.source)
    with working(back.target) as events, shop.copy_elsewhere(back, os.environ) as child:
        await_action(events, "exec_start: cp")
        child.kill()
        child.wait()
        await_action(events, "destroy")
    assert operation.target.removeprefix(shop.name) in shop.volumes(), "half a volume is not the old one"
    done = shop.take_back(operation, kept)
    assert (done.is_removed, done.problem) == (True, "")
    assert operation.target.removeprefix(shop.name) not in shop.volumes()
    assert labels.items() <= labels_of(operation.source).items()
    said = shop.compose("up", "--detach", "--wait", "db")
    assert "already exists" not in said
    assert shop.sql("SELECT count(*) FROM parent") == "100"


def test_old_volume_that_was_served_again_is_still_the_old_one(shop: Shop, kept: Backup) -> None:
    shop.start()
    operation = shop.planned()["db"]
    shop.copy(operation)
    shop.compose("up", "--detach", "--wait", "db")
    shop.sql("INSERT INTO nothing VALUES (1)")
    shop.compose("down")
    before = shop.state(operation.source)
    done = shop.take_back(operation, kept)
    assert (done.is_removed, done.problem) == (True, "")
    assert shop.state(operation.source) == before


def test_copy_stays_where_another_volume_took_the_place_of_the_old_one(shop: Shop, kept: Backup) -> None:
    operation = shop.operation(shop.volume("data", "echo text > file"))
    shop.copy(operation)
    docker("volume", "rm", operation.source)
    shop.volume("data", "echo other > file")
    done = shop.take_back(operation, kept)
    assert not done.is_removed
    assert f"{operation.source} may not be the volume that it was copied from" in done.problem
    assert shop.run(operation.target, "cat file") == "text"
    assert shop.run(operation.source, "cat file") == "other"


def forget_when_it_was_made(shop: Shop, operation: CopyVolume) -> None:
    """Let a copy know no more of its source's making than on an old engine with an image of Alpine's."""
    record = records.read(shop.folder, operation.target)
    assert record
    assert record.source_made
    records.write(shop.folder, msgspec.structs.replace(record, source_made="", source_identity=""))


def test_postgresql_data_are_known_by_themselves(shop: Shop, kept: Backup) -> None:
    shop.start()
    operation = shop.planned()["db"]
    shop.copy(operation)
    forget_when_it_was_made(shop, operation)
    shop.compose("up", "--detach", "--wait", "db")
    shop.sql("INSERT INTO nothing VALUES (1)")
    shop.compose("down")
    done = shop.take_back(operation, kept)
    assert (done.is_removed, done.problem) == (True, "")


def test_another_cluster_under_the_old_name_is_known_for_one(shop: Shop, kept: Backup) -> None:
    shop.start()
    operation = shop.planned()["db"]
    shop.copy(operation)
    docker("volume", "rm", operation.source)
    shop.compose("up", "--detach", "--wait", "db")
    shop.compose("down")
    forget_when_it_was_made(shop, operation)
    done = shop.take_back(operation, kept)
    assert not done.is_removed
    assert f"{operation.source} may not be the volume that it was copied from" in done.problem


def test_where_nobody_knows_when_a_volume_was_made_its_copy_stays_once_it_changed(
    shop: Shop, kept: Backup, busybox: str
) -> None:
    source = shop.volume("data", "echo text > file")
    operation = shop.operation(source, image=busybox)
    shop.copy(operation)
    forget_when_it_was_made(shop, operation)
    shop.run(source, "echo more >> file")
    done = shop.take_back(operation, kept)
    assert not done.is_removed
    assert f"{source} may not be the volume that it was copied from" in done.problem
    assert shop.run(operation.target, "cat file") == "text"


def test_restoring_that_is_cut_off_ends_the_rollback_and_is_done_anew(shop: Shop, kept: Backup) -> None:
    operation = shop.operation(shop.volume("data", LARGE))
    shop.copy(operation)
    before = shop.run(operation.source, "sha256sum *")
    docker("volume", "rm", operation.source)
    with working(operation.source) as events:

        def kill() -> None:
            await_action(events, "exec_start: cp")
            docker("kill", *docker("ps", "--quiet", "--filter", f"volume={operation.source}").split())

        killer = threading.Thread(target=kill)
        killer.start()
        with pytest.raises(DashtamError, match="ended in the middle of") as error:
            shop.take_back(operation, kept)
        killer.join()
    assert error.value.code == ExitCode.UNAVAILABLE
    assert shop.volumes() == {"_data", "_data_copy"}
    done = shop.take_back(operation, kept)
    assert (done.is_removed, done.problem) == (True, "")
    assert shop.volumes() == {"_data"}
    assert shop.run(operation.source, "sha256sum *") == before


def test_copy_that_somebody_removed_is_named_and_one_that_we_removed_is_not(shop: Shop, kept: Backup) -> None:
    operation = shop.operation(shop.volume("data", "echo text > file"))
    shop.copy(operation)
    docker("volume", "rm", operation.target)
    done = shop.take_back(operation, kept)
    assert not done.is_removed
    assert done.problem.startswith("It is not there")
    shop.copy(operation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "remove", interrupted)
        with pytest.raises(KeyboardInterrupt):
            shop.take_back(operation, kept)
    assert shop.volumes() == {"_data"}
    assert shop.take_back(operation, kept).is_removed


def interrupted(*_: object) -> None:
    """Do as Ctrl-C does."""
    raise KeyboardInterrupt


def test_volume_with_data_of_two_servers_is_saved_whole(shop: Shop, kept: Backup) -> None:
    shop.start()
    operation = shop.planned()["db"]
    shop.compose("down")
    second = "cp -a . /tmp/all && mkdir second && cp -a /tmp/all/. second && echo 9.6 > second/PG_VERSION"
    shop.run(operation.source, second)
    shop.copy(operation)
    shop.run(operation.target, "echo written > second/by-the-other-server")
    done = shop.take_back(operation, kept)
    assert done.is_removed
    (dump,) = backup.existing(shop.folder)[0].dumps
    assert dump.database == "contents"


def test_volume_that_appears_in_the_last_moment_is_not_taken_for_the_copy(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = shop.operation(shop.volume("data", "echo text > file"))
    real = engine.docker

    def late(*command: str) -> str:
        if command[:2] == ("volume", "create"):
            real("volume", "create", operation.target)
        return real(*command)

    monkeypatch.setattr(engine, "docker", late)
    with pytest.raises(DashtamError, match=f"a volume {operation.target} already") as error:
        shop.copy(operation)
    assert error.value.code == ExitCode.CANNOT_CREATE
    assert shop.run(operation.target, "ls -A") == ""


def test_dumps_of_another_major_version_are_told_before_anything_is_changed(shop: Shop) -> None:
    shop.start()
    operation = shop.planned()["db"]
    container, backups = f"{shop.name}-db-1", shop.folder / "backups"
    backups.mkdir()
    docker("exec", container, "pg_dump", "--username", USER, "--format=custom", "--file=/tmp/dump", "shop")
    docker("cp", f"{container}:/tmp/dump", str(backups / "same.dump"))
    same = (backups / "same.dump").read_bytes()
    (other,) = {shop.sql("SHOW server_version")}
    older = f"9{other[1:]}" if other[0] != "9" else f"8{other[1:]}"
    assert same.count(other.encode()) >= 1
    (backups / "older.dump").write_bytes(same.replace(other.encode(), older.encode()))
    (backups / "cut.dump").write_bytes(same[:100])
    (backups / "plain.sql").write_text(
        "-- PostgreSQL database dump\n-- Dumped from database version 9.6.24\n"
    )
    (backups / "notes.dump").write_text("not a dump at all\n")
    dumps = {operation.source: tuple(sorted(backups.iterdir()))}
    found = volumes.problems((operation,), legacy.survey(shop.folder), dumps=dumps)
    told = {Path(one.where).name: one.message for one in found if one.kind == "dump-version"}
    assert set(told) == {"cut.dump", "older.dump", "plain.sql"}
    assert told["plain.sql"].startswith("It was made by PostgreSQL 9.6.24, and db runs ")
    assert told["older.dump"].startswith(
        f"It was made by PostgreSQL {older.split(maxsplit=1)[0]}, and db runs "
    )
    assert shop.sql("SELECT count(*) FROM parent") == "100", "nothing was stopped"
