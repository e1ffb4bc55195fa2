import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from dashtam_tasks import instances, inventory
from dashtam_tasks.engine import Container
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.instances import Instance

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker

MakeInstance = Callable[..., Instance]


@pytest.fixture
def remember(tmp_path: Path) -> MakeInstance:
    """Return what remembers an instance of a project in a folder."""

    def make(project: str, folder: str = "shop", **differs: Any) -> Instance:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        made = {
            "environment": "dev",
            "name": "",
            "compose_file": str(place / "compose.yml"),
            "env_files": (),
            "variables": {},
            "ports": (),
            "made": datetime.now(UTC),
        }
        one = Instance(project=project, folder=str(place), **{**made, **differs})
        instances.state_folder()
        instances.write(one)
        return one

    return make


def raw(project: str, service: str, **state: Any) -> dict[str, Any]:
    """Return a running container as the engine shows it, but for its state."""
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service}
    return {
        "Id": f"{project}-{service}",
        "Name": f"/{project}-{service}",
        "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z", **state},
        "Config": {"Image": "some:image", "Labels": labels},
        "NetworkSettings": {"Ports": {}},
    }


def container(project: str, service: str, **state: Any) -> Container:
    return msgspec.convert(raw(project, service, **state), Container)


HEALTHY = {"Health": {"Status": "healthy"}}
STARTING = {"Health": {"Status": "starting"}}


@pytest.mark.parametrize(
    ("states", "phrase"),
    [
        ([], "down"),
        ([HEALTHY], "healthy"),
        ([HEALTHY, {}], "healthy"),
        ([HEALTHY, STARTING], "1 of 2 healthy"),
        ([{"Status": "exited"}], "0 of 1 healthy"),
        ([HEALTHY | {"Status": "paused"}, HEALTHY, HEALTHY], "2 of 3 healthy"),
    ],
)
def test_the_state_of_an_instance_is_that_of_its_containers(
    remember: MakeInstance, states: list[dict[str, Any]], phrase: str
) -> None:
    own = [container("shop-dev", f"service-{number}", **state) for number, state in enumerate(states)]
    others = [container("shop-dev-x", "app", **HEALTHY), container("other", "app", **STARTING)]
    assert inventory.state(remember("shop-dev"), [*own, *others]) == phrase


def test_an_instance_without_its_folder_says_so_whatever_runs(remember: MakeInstance) -> None:
    orphan = remember("shop-dev")
    shutil.rmtree(orphan.folder)
    assert inventory.state(orphan, [container("shop-dev", "app", **HEALTHY)]) == "folder is gone"


def test_the_survey_is_by_folder_and_label(remember: MakeInstance, fake_docker: "FakeDocker") -> None:
    made = datetime.now(UTC) - timedelta(days=2)
    remember("b-test", "b", environment="test")
    remember("b-dev", "b", made=made)
    remember("a-dev-z", "a", name="z")
    remember("a-dev", "a")
    present = [raw("b-dev", "app"), raw("stray", "app")]
    fake_docker.answer("ps", stdout="\n".join(one["Id"] for one in present))
    fake_docker.answer("inspect", stdout=present)
    found = inventory.survey()
    assert [one.instance.project for one in found] == ["a-dev", "a-dev-z", "b-dev", "b-test"]
    assert [one.state for one in found] == ["down", "down", "healthy", "down"]
    assert 0 <= found[2].age - 2 * 86400 < 300
    # One question for all of them.
    assert [argv[0] for argv in fake_docker.argvs] == ["ps", "inspect"]


def test_an_entry_is_plain_data(remember: MakeInstance) -> None:
    one = remember("shop-dev-x", name="x", ports=(5532, 8100))
    data = inventory.Entry(instance=one, state="down", age=90.4).as_data()
    assert (data["project"], data["name"], list(data["ports"])) == ("shop-dev-x", "x", [5532, 8100])
    assert (data["state"], data["age_seconds"]) == ("down", 90)
    assert datetime.fromisoformat(data["made"]) == one.made


def test_orphans_are_those_whose_folder_is_gone(remember: MakeInstance) -> None:
    remember("a-dev", "a")
    orphan = remember("b-dev", "b")
    assert inventory.orphans() == ()
    shutil.rmtree(orphan.folder)
    assert inventory.orphans() == (orphan,)


def test_removing_stops_at_what_cannot_be_removed(remember: MakeInstance, fake_docker: "FakeDocker") -> None:
    one, other, third = (remember(f"{name}-dev", name) for name in "abc")
    for words in (("ps",), ("network", "ls"), ("volume", "ls"), ("image", "ls")):
        fake_docker.answer(*words)
    fake_docker.answer("volume", "ls", "label=com.docker.compose.project=b-dev", stdout="data\n")
    fake_docker.answer("volume", "rm", stderr="volume is in use\n", code=1)
    fake_docker.answer("version", stdout="28.5.2\n")
    removing = inventory.remove([one, other, third])
    assert next(removing) == "removed a-dev"
    assert instances.remembered() == (other, third)
    with pytest.raises(DashtamError, match=r"^`docker volume` failed with exit code 1\.$"):
        next(removing)
    assert instances.remembered() == (other, third)
