import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup, legacy, volumes
from dashtam_tasks.migration.backup import Backup
from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.names import PROJECT_NAME, VOLUME
from tests.integration.projects import docker
from tests.integration.relay import Relay
from tests.integration.volume_shop import (
    BUSYBOX,
    COUNTED,
    LARGE,
    LOOK,
    ODD,
    POSTGRES,
    REDIS,
    Shop,
    await_action,
    opened,
    working,
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield from opened(tmp_path)


@pytest.fixture(scope="module")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image whose programs are BusyBox', as Alpine's are."""
    folder, name = tmp_path_factory.mktemp("busybox"), "dashtam-tasks-test-busybox"
    (folder / "Dockerfile").write_text(BUSYBOX)
    docker("build", "--quiet", "--tag", name, str(folder))
    return name


@pytest.fixture
def kept(shop: Shop) -> Backup:
    """A backup that dumps can be added to."""
    (shop.folder / "docker-compose.yml").touch()
    return backup.take(shop.folder, ("docker-compose.yml",), today=datetime.now(UTC).date())


def take_back(shop: Shop, operation: CopyVolume, kept: Backup) -> volumes.TakenBack:
    return volumes.take_back(
        operation, project=shop.folder, backup_folder=kept.folder, notify=shop.said.append
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
    done = {service: take_back(shop, one, kept) for service, one in operations.items()}
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
    again = take_back(shop, operations["db"], kept)
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
        done = take_back(shop, one, kept)
        assert (done.is_removed, done.dumps, done.changes) == (True, (), ())
    assert shop.volumes() == {"_db_data", "_cache_data"}


def test_contents_of_any_volume_are_saved_if_they_changed(shop: Shop, kept: Backup) -> None:
    operation = shop.operation(shop.volume("odd", ODD))
    shop.copy(operation)
    shop.run(operation.target, "printf more > 'folder/new file'; rm -- -n")
    before = shop.state(operation.source)
    done = take_back(shop, operation, kept)
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
    done = take_back(shop, operation, kept)
    assert not done.is_removed
    assert operation.target in done.problem
    assert shop.run(operation.target, "cat file") == "new"
    gone = take_back(shop, replace(operation, image="no-such-image:1"), kept)
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
    assert take_back(shop, operation, kept).is_removed
    mine = shop.operation(shop.volume("data"))
    shop.volume("data_copy", "echo mine > file")
    assert not take_back(shop, mine, kept).is_removed
    assert shop.volumes() == {"_cut", "_data", "_data_copy"}


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
