from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashtam_tasks import instances
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.instances import Instance
from dashtam_tasks.migration import stopping
from dashtam_tasks.migration.facts import EnvironmentFacts, Facts
from tests.unit import shown
from tests.unit.conftest import FakeDocker

FACTS = Facts(
    project="shop",
    legacy_project="shop",
    environments=tuple(
        EnvironmentFacts(name=name, compose_file=f"{name}.yml", env_file=f".env.{name}", legacy_files=())
        for name in ("dev", "test")
    ),
)
LABEL = "label=com.docker.compose.project="


def runs(fake: FakeDocker, folder: Path, *projects: str) -> None:
    """Script that projects have a container each that was made from the folder, a network and a volume."""
    fake.answer("version", stdout="28.5.2")
    fake.answer("ps")
    ids = [f"id-{name}" for name in projects]
    label = f"label=com.docker.compose.project.working_dir={folder}/compose"
    fake.answer("ps", label, stdout="\n".join(ids))
    found = [shown.container(name, "running") | {"Id": f"id-{name}"} for name in projects]
    for name, one in zip(projects, found, strict=True):
        label_of(one, project=name)
        fake.answer("network", "ls", f"{LABEL}{name}", stdout=f"net-{name}\n")
        fake.answer("volume", "ls", f"{LABEL}{name}", stdout=f"data-{name}\n")
    fake.answer("inspect", stdout=found)
    for words in (("stop",), ("rm",), ("network", "rm"), ("volume", "rm")):
        fake.answer(*words)


def label_of(container: dict[str, Any], **labels: str) -> None:
    """Give a container labels of Compose."""
    container["Config"]["Labels"] |= {f"com.docker.compose.{name}": value for name, value in labels.items()}


def changes(fake: FakeDocker) -> list[tuple[str, ...]]:
    return [argv for argv in fake.argvs if argv[0] in {"stop", "rm"} or argv[1:2] == ("rm",)]


def test_what_tests_keep_goes_and_what_development_keeps_stays(
    fake_docker: FakeDocker, tmp_path: Path
) -> None:
    runs(fake_docker, tmp_path, "shop-dev", "shop-dev-feature", "shop-test", "shop-test-feature")
    told: list[str] = []
    stopping.stop(tmp_path, FACTS, notify=told.append)
    assert told == [
        f"Stopping {name}." for name in ("shop-dev", "shop-dev-feature", "shop-test", "shop-test-feature")
    ]
    removed = changes(fake_docker)
    assert [argv[-1] for argv in removed if argv[0] == "rm"] == [
        "id-shop-dev",
        "id-shop-dev-feature",
        "id-shop-test",
        "id-shop-test-feature",
    ]
    assert len([argv for argv in removed if argv[0] == "network"]) == 4
    assert [argv for argv in removed if argv[0] == "volume"] == [
        ("volume", "rm", "data-shop-test"),
        ("volume", "rm", "data-shop-test-feature"),
    ]


def test_what_would_go_is_told_and_stays(fake_docker: FakeDocker, tmp_path: Path) -> None:
    runs(fake_docker, tmp_path, "shop-dev", "shop-test")
    assert stopping.foreseen(tmp_path, FACTS, notify=pytest.fail) == (
        "would remove the containers and networks of shop-dev",
        "would remove the containers and networks of shop-test with its volumes",
    )
    assert changes(fake_docker) == []


def test_development_is_stopped_in_order_and_its_nameless_volumes_stay(
    fake_docker: FakeDocker, tmp_path: Path
) -> None:
    runs(fake_docker, tmp_path, "shop-dev")
    services = ("cache", "callback", "db", "web", "worker")
    found = [shown.container(name, "running") | {"Id": name} for name in services]
    for name, one in zip(services, found, strict=True):
        label_of(one, project="shop-dev", service=name)
    label_of(found[-1], oneoff="True")
    fake_docker.answer("inspect", stdout=found)
    facts = msgspec.structs.replace(FACTS, databases=("db",), caches=("cache",))
    stopping.stop(tmp_path, facts, notify=lambda _: None)
    assert changes(fake_docker) == [
        ("rm", "--force", "--volumes", "worker"),
        ("stop", "callback", "web"),
        ("rm", "callback", "web"),
        ("stop", "-t", "120", "cache", "db"),
        ("rm", "cache", "db"),
        ("network", "rm", "net-shop-dev"),
    ]


def test_what_a_killed_run_left_of_an_instance_goes(fake_docker: FakeDocker, tmp_path: Path) -> None:
    kept = Instance(
        project="shop-test",
        environment="test",
        name="",
        folder=str(tmp_path),
        compose_file="compose/docker-compose.test.yml",
        env_files=(),
        variables={},
        ports=(),
        made=datetime.now(UTC),
    )
    instances.state_folder()
    instances.write(kept)
    runs(fake_docker, tmp_path)
    fake_docker.answer("network", "ls", f"{LABEL}shop-test", stdout="net\n")
    fake_docker.answer("volume", "ls", f"{LABEL}shop-test", stdout="data\n")
    stopping.stop(tmp_path, FACTS, notify=pytest.fail)
    assert changes(fake_docker) == [("volume", "rm", "data"), ("network", "rm", "net")]
    assert instances.of_folder(tmp_path) == ()


def test_where_nothing_runs_nothing_is_removed(fake_docker: FakeDocker, tmp_path: Path) -> None:
    fake_docker.answer("version", stdout="28.5.2")
    fake_docker.answer("ps")
    stopping.stop(tmp_path, FACTS, notify=pytest.fail)
    assert changes(fake_docker) == []


def test_without_an_engine_it_is_told_what_is_left_to_do(fake_docker: FakeDocker, tmp_path: Path) -> None:
    fake_docker.answer("version", code=1, stderr="Cannot connect")
    told: list[str] = []
    stopping.stop(tmp_path, FACTS, notify=told.append)
    (text,) = told
    assert text.startswith("No Docker Engine answers. No container was stopped.")
    assert text.endswith("docker compose --project-name NAME down")
    assert "shop-dev or shop-test" in text


def test_what_cannot_be_removed_ends_it(fake_docker: FakeDocker, tmp_path: Path) -> None:
    runs(fake_docker, tmp_path, "shop-dev")
    fake_docker.answer("network", "rm", code=1, stderr="network has active endpoints\n")
    with pytest.raises(DashtamError) as caught:
        stopping.stop(tmp_path, FACTS, notify=lambda _: None)
    assert caught.value.code == ExitCode.UNAVAILABLE
    assert "active endpoints" in f"{caught.value.reason}{caught.value.details}"


def test_containers_from_a_folder_that_was_renamed_are_named(fake_docker: FakeDocker, tmp_path: Path) -> None:
    (tmp_path / "compose").mkdir()
    fake_docker.answer("version", stdout="28.5.2")
    fake_docker.answer("ps")
    folders = f"{tmp_path}/compose\n{tmp_path}/old/compose\n{tmp_path}/old/compose\n"
    fake_docker.answer("ps", f"{LABEL}shop-dev", stdout=folders)
    told: list[str] = []
    stopping.stop(tmp_path, FACTS, notify=told.append)
    (line,) = told
    assert line.startswith(
        f"shop-dev has containers from {tmp_path}/old/compose, which is gone, and they stay."
    )
    assert line.endswith("docker compose --project-name shop-dev down")
    assert changes(fake_docker) == []
