from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dashtam_tasks.compose import Model
from dashtam_tasks.migration.legacy import on_engine
from dashtam_tasks.migration.legacy.on_engine import Holder, MountPoint

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker

MODEL = msgspec.convert(
    {
        "name": "shop",
        "services": {
            "db": {"volumes": [{"type": "volume", "source": "data", "target": "/var/lib/postgresql/data"}]}
        },
        "volumes": {"data": {"name": "shop_data"}, "gone": {"name": "shop_gone"}},
    },
    Model,
)


def container(name: str, project: str, service: str, volume: str, **state: Any) -> dict[str, Any]:
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    mount = {"Type": "volume", "Destination": "/data", "Name": volume}
    return {
        "Id": name,
        "Name": f"/{name}",
        "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z", **state},
        "Config": {"Image": "postgres:17", "Labels": labels if project else {}},
        "NetworkSettings": {"Ports": {}},
        "Args": ["--password=hunter2"],
        "Mounts": [mount],
    }


@pytest.fixture
def engine(fake_docker: "FakeDocker") -> "FakeDocker":
    """An engine with the project's volume, one that no file names any more, and one of others."""
    fake_docker.answer("version", stdout="28.5.2")
    fake_docker.answer(
        "volume", stdout="shop_data\tshop\tdata\nshop_old\tshop\told\ntheirs_data\ttheirs\tdata\n"
    )
    fake_docker.answer("ps", stdout="")
    fake_docker.answer("ps", "label=com.docker.compose.project=shop", stdout="shop-db\n")
    fake_docker.answer("ps", "volume=shop_data", stdout="shop-db\nbackup\n")
    containers = [
        container("shop-db", "shop", "db", "shop_data", Status="exited"),
        container("backup", "", "", "shop_data"),
    ]
    fake_docker.answer("inspect", stdout=containers)
    return fake_docker


@pytest.mark.usefixtures("engine")
def test_volumes_are_told_with_who_holds_them() -> None:
    found = on_engine.ask(["shop"], [MODEL])
    data, old = found.volumes
    assert (data.name, data.key, data.project) == ("shop_data", "data", "shop")
    assert data.mounts == (MountPoint(service="db", path="/var/lib/postgresql/data"),)
    assert data.holders == (
        Holder(container="backup", project="", service="", path="/data", is_running=True),
        Holder(container="shop-db", project="shop", service="db", path="/data", is_running=False),
    )
    assert (old.name, old.key, old.mounts, old.holders) == ("shop_old", "old", (), ())


@pytest.mark.usefixtures("engine")
def test_only_the_projects_own_containers_are_its_containers() -> None:
    found = on_engine.ask(["shop"], [MODEL])
    assert [(one.container, one.service, one.status) for one in found.containers] == [
        ("shop-db", "db", "exited")
    ]
    assert found.running == ()
    assert "hunter2" not in repr(found)


def test_nothing_is_changed_by_asking(engine: "FakeDocker") -> None:
    on_engine.ask(["shop"], [MODEL])
    assert {argv[:2] if argv[0] == "volume" else argv[:1] for argv in engine.argvs} == {
        ("version",),
        ("volume", "ls"),
        ("ps",),
        ("inspect",),
    }


def test_without_an_engine_the_record_says_so(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("version", code=1, stderr="Cannot connect to the Docker daemon")
    found = on_engine.ask(["shop"], [MODEL])
    assert (found.answered, found.problem, found.volumes) == (False, "No Docker Engine answers.", ())
