from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
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
    ids = [f"id-{name}" for name in projects]
    label = f"label=com.docker.compose.project.working_dir={folder}/compose"
    fake.answer("ps", label, stdout="\n".join(ids))
    found = [shown.container(name, "running") | {"Id": f"id-{name}"} for name in projects]
    for name, one in zip(projects, found, strict=True):
        one["Config"]["Labels"] |= {"com.docker.compose.project": name}
        fake.answer("network", "ls", f"{LABEL}{name}", stdout=f"net-{name}\n")
        fake.answer("volume", "ls", f"{LABEL}{name}", stdout=f"data-{name}\n")
    fake.answer("inspect", stdout=found)
    for words in (("rm",), ("network", "rm"), ("volume", "rm")):
        fake.answer(*words)


def changes(fake: FakeDocker) -> list[tuple[str, ...]]:
    return [argv for argv in fake.argvs if argv[0] == "rm" or argv[1:2] == ("rm",)]


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
