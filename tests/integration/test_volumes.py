import os
import signal
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from dashtam_tasks import engine
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup, legacy, volumes
from dashtam_tasks.migration.backup import Backup
from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.names import PROJECT_NAME, VOLUME
from tests.integration.projects import docker
from tests.integration.relay import Relay
from tests.integration.volume_shop import (
    COUNTED,
    LARGE,
    LOOK,
    ODD,
    POSTGRES,
    REDIS,
    Shop,
    await_action,
    working,
)


def test_running_database_is_copied_with_every_row_and_compose_takes_the_copy(shop: Shop) -> None:
    shop.start()
    operations = shop.planned()
    assert {one.source: one.target for one in operations.values()} == {
        f"{shop.name}_{name}": f"{shop.name}-dev_dev_{name}" for name in ("db_data", "cache_data")
    }
    found = legacy.survey(shop.folder)
    assert {one.kind for one in volumes.problems(tuple(operations.values()), found)} == {
        "containers-removed",
        "containers-stopped",
    }
    assert not any(volumes.is_complete(one, project=shop.folder) for one in operations.values())
    done = shop.copy(operations["db"])
    assert {one.name: one.rows for one in done.rows or ()} == COUNTED
    assert done.compared
    assert done.removed == (f"{shop.name}-db-1",)
    assert set(done.stopped) == {f"{shop.name}-app-1", f"{shop.name}-cache-1"}
    old = {name: shop.state(f"{shop.name}_{name}") for name in ("db_data", "cache_data")}
    assert shop.copy(operations["cache"]).removed == (f"{shop.name}-cache-1",)
    assert all(volumes.is_complete(one, project=shop.folder) for one in operations.values())
    assert shop.copy(operations["db"]).rows == done.rows, "a second time changes nothing"

    said = shop.compose("up", "--detach", "--wait", file="dev.yml")
    assert "already exists" not in said
    assert "volume" not in said.lower().replace("volumes", "")
    assert shop.sql("SELECT count(*) FROM parent", container=f"{shop.name}-dev-db-1") == "100"
    assert docker("exec", f"{shop.name}-dev-cache-1", "redis-cli", "get", "key") == "value"
    assert {name: shop.state(f"{shop.name}_{name}") for name in old} == old
    record = shop.folder / f".dashtam/volumes/{operations['db'].target}.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert "made-up" not in record.read_text() + "".join(shop.said)


@pytest.mark.parametrize("kind", ["GNU", "BusyBox"])
def test_everything_in_a_volume_is_copied_as_it_is(shop: Shop, busybox: str, kind: str) -> None:
    image = busybox if kind == "BusyBox" else REDIS
    source = shop.volume("odd", ODD)
    before = shop.state(source)
    operation = shop.operation(source, image=image)
    done = shop.copy(operation)
    assert shop.state(source) == before
    assert done.files == 12
    assert shop.run(operation.target, "stat -c '%u:%g %a' . folder folder/deep/file link").split("\n") == [
        "70:999 1700",
        "999:0 2770",
        "70:70 4750",
        "999:1000 777",
    ]
    assert shop.run(operation.target, "test folder/deep/file -ef hard && readlink link") == "to\nnewline"
    assert shop.run(operation.target, LOOK) == shop.run(source, LOOK)


@pytest.mark.parametrize("image", ["GNU", "BusyBox"])
def test_an_empty_volume_is_copied(shop: Shop, busybox: str, image: str) -> None:
    operation = shop.operation(shop.volume("empty"), image=busybox if image == "BusyBox" else REDIS)
    assert (shop.copy(operation).files, shop.copy(operation).size) == (0, 0)


@pytest.mark.parametrize("owner", ["70:70", "999:999"])
def test_database_of_any_images_user_is_proven_and_its_owner_stays(shop: Shop, owner: str) -> None:
    shop.start()
    docker("stop", f"{shop.name}-db-1")
    shop.run(f"{shop.name}_db_data", f"chown -R {owner} .")
    before = shop.state(f"{shop.name}_db_data")
    operation = shop.planned()["db"]
    done = shop.copy(operation)
    assert {one.name: one.rows for one in done.rows or ()} == COUNTED
    assert not done.compared, "its server did not run"
    assert shop.run(operation.target, "stat -c %u:%g . PG_VERSION") == f"{owner}\n{owner}"
    assert shop.state(f"{shop.name}_db_data") == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_copy_that_was_cut_off_is_not_whole_and_is_begun_anew(shop: Shop, number: signal.Signals) -> None:
    operation = shop.operation(shop.volume("cut", LARGE))
    before = shop.state(operation.source)
    with working(operation.target) as events, shop.copy_elsewhere(operation, os.environ) as child:
        await_action(events, "exec_start: cp")
        child.send_signal(number)
        child.wait()
        # Nobody is there to remove the container after a kill.
        await_action(events, "destroy")
    assert shop.holders(operation.source) == []
    assert operation.target.removeprefix(shop.name) in shop.volumes()
    assert not volumes.is_complete(operation, project=shop.folder)
    assert shop.copy(operation).size == 300_001_000
    assert shop.run(operation.target, "sha256sum *") == shop.run(operation.source, "sha256sum *")
    assert shop.state(operation.source) == before


def test_rows_that_were_counted_before_a_kill_are_compared_after_it(shop: Shop) -> None:
    shop.start()
    operation = shop.planned()["db"]
    with working(operation.target) as events, shop.copy_elsewhere(operation, os.environ) as child:
        await_action(events, "exec_start: cp")
        child.kill()
        child.wait()
        await_action(events, "destroy")
    done = shop.copy(operation)
    assert done.compared
    assert {one.name: one.rows for one in done.rows or ()} == COUNTED


def test_engine_that_goes_away_in_the_middle_is_an_error_and_the_next_run_starts_over(shop: Shop) -> None:
    operation = shop.operation(shop.volume("gone", LARGE))
    with Relay(shop.folder / "relay.sock") as relay, working(operation.target) as events:
        environment = {**os.environ, "DOCKER_HOST": f"unix://{relay.path}"}
        with shop.copy_elsewhere(operation, environment) as child:
            await_action(events, "exec_start: cp")
            relay.cut()
            _, said = child.communicate(timeout=60)
        assert said.strip() == f"{int(ExitCode.UNAVAILABLE)} No Docker Engine answers."
        await_action(events, "destroy")
    assert not volumes.is_complete(operation, project=shop.folder)
    assert shop.copy(operation).size == 300_001_000


def test_container_of_its_own_project_that_always_restarts_is_stopped_for_good(shop: Shop) -> None:
    source = f"{shop.name}_data"
    labels = ("--label", f"com.docker.compose.project={shop.name}")
    docker("volume", "create", *labels, source)
    again = ("--restart", "always", "--entrypoint", "sh", "--volume", f"{source}:/data")
    docker(
        "run", "--detach", "--name", f"{shop.name}-again", *labels, *again, REDIS, "-c", "echo >> /data/log"
    )
    done = shop.copy(shop.operation(source))
    assert done.removed == (f"{shop.name}-again",)
    assert shop.holders(source) == []


def test_volume_that_others_hold_is_left_to_them_by_name(shop: Shop) -> None:
    shop.start()
    operation = shop.planned()["db"]
    mount = ("--volume", f"{operation.source}:/data:ro", "--entrypoint", "sleep")
    docker("run", "--detach", "--name", f"{shop.name}.stranger", *mount, REDIS, "300")
    found = {one.kind: one for one in volumes.problems((operation,), legacy.survey(shop.folder))}
    assert f"{shop.name}.stranger" in found["volume-held"].message
    with pytest.raises(DashtamError, match=f"{shop.name}.stranger") as error:
        shop.copy(operation)
    assert error.value.code == ExitCode.BUSY
    assert set(shop.holders(operation.source)) == {f"{shop.name}.stranger", f"{shop.name}-db-1"}
    assert shop.sql("SELECT count(*) FROM parent") == "100", "nothing was stopped"


def test_volume_of_somebody_in_the_way_is_left_as_it_is(shop: Shop) -> None:
    source, mine = shop.volume("data", "echo old > file"), shop.volume("data_copy", "echo mine > file")
    operation = shop.operation(source)
    found = [one.kind for one in volumes.problems((operation,), legacy.survey(shop.folder))]
    assert found == ["volume-in-the-way"]
    with pytest.raises(DashtamError, match=mine) as error:
        shop.copy(operation)
    assert error.value.code == ExitCode.CANNOT_CREATE
    assert shop.run(mine, "cat file") == "mine"


def test_what_stands_in_the_way_is_said_before_anything_is_changed(shop: Shop) -> None:
    script = "mkdir global; : > global/pg_control; echo 9.6 > PG_VERSION"
    source = shop.volume("old", script)
    operation = shop.operation(source, image=POSTGRES, is_postgres=True)
    found = legacy.survey(shop.folder)
    (version,) = volumes.problems((operation,), found)
    assert "The data are PostgreSQL 9.6" in version.message
    (missing,) = volumes.problems((replace(operation, image="no-such-image:1"),), found)
    assert missing.kind == "volume-image"
    (tools,) = volumes.problems((replace(operation, image=REDIS),), found)
    assert "pg_ctl" in tools.message
    assert shop.volumes() == {"_old"}


def test_new_rows_are_dumped_before_the_copy_is_removed(shop: Shop, kept: Backup) -> None:
    shop.start()
    operations = shop.planned()
    for one in operations.values():
        shop.copy(one)
    old = {one.source: shop.state(one.source) for one in operations.values()}
    shop.compose("up", "--detach", "--wait", file="dev.yml")
    shop.sql("INSERT INTO nothing VALUES (1), (2)", container=f"{shop.name}-dev-db-1")
    docker("exec", f"{shop.name}-dev-cache-1", "redis-cli", "set", "new", "key")
    done = {service: shop.take_back(one, kept) for service, one in operations.items()}
    assert all(one.is_removed for one in done.values())
    assert "shop: public.nothing: 0 became 2" in done["db"].changes
    assert {one.source: shop.state(one.source) for one in operations.values()} == old
    assert {one.target.removeprefix(shop.name) for one in operations.values()}.isdisjoint(shop.volumes())
    (found,) = backup.existing(shop.folder)
    assert backup.verified(found) == ()
    assert {one.database for one in found.dumps} == {"", "postgres", "shop", "other = 'db'", "contents"}
    assert {stat.S_IMODE(found.dump_file(one).stat().st_mode) for one in found.dumps} == {0o600}
    (dump,) = (found.dump_file(one) for one in found.dumps if one.database == "shop")
    script = docker_reads(dump, "pg_restore", "--data-only", "--table", "nothing", "--file", "-")
    assert "1\n2\n\\.\n" in script
    again = shop.take_back(operations["db"], kept)
    assert (again.is_removed, again.dumps) == (True, ())


def docker_reads(path: Path, *command: str) -> str:
    """Return what a program of PostgreSQL makes of a file."""
    run = (
        "docker",
        "run",
        "--rm",
        "--interactive",
        "--network",
        "none",
        "--entrypoint",
        command[0],
        POSTGRES,
    )
    with path.open("rb") as file:
        done = subprocess.run([*run, *command[1:]], stdin=file, capture_output=True, check=True, timeout=60)
    return done.stdout.decode()


def test_what_nobody_changed_needs_no_dump(shop: Shop, kept: Backup) -> None:
    shop.start()
    for one in shop.planned().values():
        shop.copy(one)
        done = shop.take_back(one, kept)
        assert (done.is_removed, done.dumps, done.changes) == (True, (), ())
    assert shop.volumes() == {"_db_data", "_cache_data"}


def test_contents_of_any_volume_are_saved_if_they_changed(shop: Shop, kept: Backup) -> None:
    operation = shop.operation(shop.volume("odd", ODD))
    shop.copy(operation)
    shop.run(operation.target, "printf more > 'folder/new file'; rm -- -n")
    before = shop.state(operation.source)
    done = shop.take_back(operation, kept)
    assert done.is_removed
    (found,) = backup.existing(shop.folder)
    assert [one.database for one in found.dumps] == ["contents"]
    assert backup.verified(found) == ()
    assert shop.state(operation.source) == before


def test_what_cannot_be_dumped_is_kept(shop: Shop, kept: Backup) -> None:
    operation = shop.operation(shop.volume("data", "echo old > file"))
    shop.copy(operation)
    shop.run(operation.target, "echo new > file")
    (kept.folder / "manifest.json").write_text("{}")
    done = shop.take_back(operation, kept)
    assert not done.is_removed
    assert operation.target in done.hint
    assert shop.run(operation.target, "cat file") == "new"
    gone = shop.take_back(replace(operation, image="no-such-image:1"), kept)
    assert not gone.is_removed


def test_half_a_copy_is_taken_back_without_a_dump_and_somebodys_volume_is_not(
    shop: Shop, kept: Backup
) -> None:
    operation = shop.operation(shop.volume("cut", LARGE))
    with working(operation.target) as events, shop.copy_elsewhere(operation, os.environ) as child:
        await_action(events, "exec_start: cp")
        child.kill()
        child.wait()
        await_action(events, "destroy")
    assert shop.take_back(operation, kept).is_removed
    mine = shop.operation(shop.volume("data"))
    shop.volume("data_copy", "echo mine > file")
    assert not shop.take_back(mine, kept).is_removed
    assert shop.volumes() == {"_cut", "_data", "_data_copy"}


def test_adopted_volume_is_used_as_it_is_and_outlives_down_with_volumes(shop: Shop) -> None:
    shop.start()
    assert shop.planned("adopt") == {}
    document = Document((shop.folder / "docker-compose.yml").read_text(), "docker-compose.yml")
    draft = PROJECT_NAME.apply(Draft(document=document, environment="dev", project=shop.name))
    made = volumes.adopted(VOLUME.apply(draft), legacy.survey(shop.folder))
    (shop.folder / "dev.yml").write_text(made.document.text)
    shop.compose("down")
    said = shop.compose("up", "--detach", "--wait", "db", file="dev.yml")
    assert "already exists" not in said
    assert shop.sql("SELECT count(*) FROM parent", container=f"{shop.name}-dev-db-1") == "100"
    shop.compose("down", "--volumes", file="dev.yml")
    assert {"_db_data", "_cache_data"} <= shop.volumes()


def test_sidecar_that_came_to_hold_the_source_meanwhile_makes_the_copy_void(shop: Shop) -> None:
    operation = shop.operation(shop.volume("data", LARGE))
    with working(operation.target) as events, shop.copy_elsewhere(operation, os.environ) as child:
        await_action(events, "exec_start: cp")
        mount = ("--volume", f"{operation.source}:/data", "--entrypoint", "sleep")
        docker("run", "--detach", "--name", f"{shop.name}.late", *mount, REDIS, "300")
        _, said = child.communicate(timeout=120)
    assert f"{int(ExitCode.BUSY)} The volume {operation.source} is in use: {shop.name}.late" in said
    assert not volumes.is_complete(operation, project=shop.folder)


# A copy of the same size and time; the real program is left where it is.
DAMAGING = r"""
FROM {image}
RUN mkdir /wrong && printf '%s\n' '#!/bin/sh' 'PATH=$PATH_BEFORE; cp "$@" || exit' \
    'cd /dashtam-tasks/target; printf X | dd of=small conv=notrunc 2> /dev/null; touch -r large small' \
    > /wrong/cp && chmod +x /wrong/cp
ENV PATH_BEFORE=$PATH
ENV PATH=/wrong:$PATH
"""


@pytest.mark.parametrize("kind", ["GNU", "BusyBox"])
def test_copy_with_one_other_byte_is_not_taken_for_whole(
    shop: Shop, busybox: str, tmp_path: Path, kind: str
) -> None:
    base = busybox if kind == "BusyBox" else REDIS
    (tmp_path / "Dockerfile").write_text(DAMAGING.replace("{image}", base))
    docker("build", "--quiet", "--tag", f"{busybox}-damaging", str(tmp_path))
    fill = "printf abc > small; printf large > large; touch -r small large"
    operation = shop.operation(shop.volume("data", fill), image=f"{busybox}-damaging")
    with pytest.raises(DashtamError, match="differs from its source") as error:
        shop.copy(operation)
    assert error.value.code == ExitCode.DATA
    assert "small" in error.value.details
    assert not volumes.is_complete(operation, project=shop.folder)
    assert shop.run(operation.source, "cat small") == "abc"


def test_collation_of_another_version_is_told_before_anything_is_changed(shop: Shop) -> None:
    shop.start()
    operation = shop.planned()["db"]
    shop.sql("UPDATE pg_database SET datcollversion = '0.9' WHERE datname = 'shop'")
    found = volumes.problems((operation,), legacy.survey(shop.folder))
    (one,) = (one for one in found if one.kind == "collation-version")
    assert one.where == operation.source
    assert one.message.startswith("The database shop was made with version 0.9 of its collation")
    assert shop.copy(operation).remarks == (one.message,)


def test_copy_that_fills_the_disk_leaves_nothing_on_it(
    shop: Shop, kept: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = shop.operation(shop.volume("data", LARGE))
    before = shop.state(operation.source)
    real = engine.docker
    small = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=100m")

    def on_a_small_disk(*command: str) -> str:
        is_new = command[:2] == ("volume", "create")
        return real(*command[:2], *(small if is_new else ()), *command[2:])

    with monkeypatch.context() as patch:
        patch.setattr(engine, "docker", on_a_small_disk)
        with pytest.raises(DashtamError, match="cp failed") as error:
            shop.copy(operation)
    assert error.value.code == ExitCode.IO
    assert "No space left on device" in error.value.details
    assert shop.volumes() == {"_data"}
    assert not volumes.is_complete(operation, project=shop.folder)
    shop.copy(operation)
    assert shop.state(operation.source) == before
    assert shop.take_back(operation, kept).is_removed


def test_copy_that_fails_leaves_nothing_on_the_disk(shop: Shop, busybox: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {busybox}\nRUN rm /applets/cp\n")
    image = f"{busybox}-without-cp"
    docker("build", "--quiet", "--tag", image, str(tmp_path))
    operation = shop.operation(shop.volume("data", "echo text > file"), image=image)
    before = shop.state(operation.source)
    with pytest.raises(DashtamError, match="cp failed") as error:
        shop.copy(operation)
    assert error.value.code == ExitCode.IO
    assert shop.volumes() == {"_data"}
    assert shop.state(operation.source) == before
