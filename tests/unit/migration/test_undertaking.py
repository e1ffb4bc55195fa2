"""A migration as a library: what is asked when, and what the engine is told. Its tasks have tests of their own."""

from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import undertaking, volumes
from dashtam_tasks.migration.ledger import guard, saved_plan
from dashtam_tasks.migration.planning.choices import Choices, Volumes
from tests.unit.conftest import FakeDocker
from tests.unit.migration.undertakings import (
    EMPTY,
    Asked,
    Stages,
    agreed,
    different,
    everything,
    ignored,
    manifest,
    through,
)

pytestmark = pytest.mark.shapes

OLD, NEW = "shop_data", "shop-dev_dev_data"


@pytest.fixture
def with_data(engine: FakeDocker) -> FakeDocker:
    """An engine with the project's volume, which a container holds."""
    engine.answer("volume", "ls", stdout=f"{OLD}\tshop\tdata\n")
    engine.answer("ps", f"volume={OLD}", stdout="shop-db\n")
    engine.answer("inspect", stdout=[container()])
    engine.answer("container", "inspect", stdout="sha256:1\n")
    engine.answer("image", "inspect", stdout="[]")
    engine.answer("volume", "inspect", code=1, stdout="[]", stderr="no such volume")
    return engine


def container() -> dict[str, Any]:
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "db"}
    return {
        "Id": "shop-db",
        "Name": "/shop-db",
        "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z"},
        "Config": {"Image": "postgres:17", "Labels": labels},
        "NetworkSettings": {"Ports": {}},
        "Mounts": [{"Type": "volume", "Destination": "/var/lib/postgresql/data", "Name": OLD}],
    }


def apply(folder: Path, asked: Asked, choices: Choices = EMPTY, last: str = "") -> None:
    select = through(last) if last else everything
    undertaking.apply(folder, choices, select, consent=asked, notify=ignored)


@pytest.mark.usefixtures("with_data")
def test_a_person_agrees_to_copies_and_to_containers_that_go(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashtam_tasks.migration.volumes.problems", lambda *_, **__: ())
    before, asked = manifest(shop), Asked()
    with pytest.raises(DashtamError, match=r"^No\.$"):
        apply(shop, asked, Choices())
    assert asked.facts == [
        (f"{OLD} is copied to {NEW}, and stays as it is", "container shop-db is stopped and removed")
    ]
    assert different(before, manifest(shop)) == []


@pytest.mark.usefixtures("with_data")
@pytest.mark.parametrize(
    ("mode", "said"), [(Volumes.NONE, (volumes.NOTHING_KEPT,)), (Volumes.ADOPT, ())], ids=str
)
def test_where_nothing_is_copied_no_container_goes(shop: Path, mode: Volumes, said: tuple[str, ...]) -> None:
    asked = Asked()
    with pytest.raises(DashtamError, match=r"^No\.$"):
        apply(shop, asked, Choices(volumes=mode))
    assert asked.facts == [said]


def test_a_volume_that_cannot_be_copied_is_refused_first(shop: Path, with_data: FakeDocker) -> None:
    before, asked = manifest(shop), Asked()
    with pytest.raises(DashtamError, match=f"{OLD}: The engine has no such volume any more") as caught:
        apply(shop, asked, Choices())
    assert (caught.value.code, caught.value.hint) == (ExitCode.DATA, "Plan anew.")
    assert (asked.facts, different(before, manifest(shop))) == ([], [])
    assert {argv[0] for argv in with_data.argvs} <= {
        "version",
        "ps",
        "inspect",
        "container",
        "image",
        "volume",
    }


@pytest.mark.usefixtures("with_data")
def test_data_that_came_after_the_backup_are_taken_along(
    stages: Stages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashtam_tasks.migration.volumes.problems", lambda *_, **__: ())
    folder = stages.copied("legacy", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("dashtam_tasks.migration.conditions.are_volumes_known", lambda *_: True)
        patch.setenv("PATH", "/usr/bin:/bin")
        patch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
        undertaking.back_up(folder, Choices(), database=False, notify=ignored)
    asked = Asked()
    with pytest.raises(DashtamError, match=r"^No\.$"):
        apply(folder, asked, Choices())
    assert asked.facts[0][0].startswith(f"{OLD} is copied to {NEW}")


@pytest.mark.usefixtures("engine")
def test_going_on_is_asked_for_and_nothing_left_is_not(stages: Stages, tmp_path: Path) -> None:
    folder, asked = stages.copied("1.2", tmp_path), Asked()
    with pytest.raises(DashtamError, match=r"^No\.$"):
        apply(folder, asked)
    apply(folder, asked, last="1.2")
    assert asked.facts == [()]


@pytest.mark.usefixtures("engine")
def test_the_choices_of_a_backup_hold_for_what_follows(shop: Path) -> None:
    undertaking.back_up(shop, Choices(project="mine", volumes=Volumes.NONE), database=False, notify=ignored)
    apply(shop, Asked(agrees=True), Choices(), last="1.2")
    assert "name: mine-dev" in (shop / "compose/docker-compose.dev.yml").read_text()
    saved = saved_plan.load(shop)
    assert saved
    assert Choices.of(saved.choices) == Choices(project="mine", volumes=Volumes.NONE)


@pytest.mark.usefixtures("engine")
def test_a_backup_with_a_database_says_when_there_is_none(shop: Path) -> None:
    told: list[str] = []
    taken = undertaking.back_up(shop, EMPTY, database=True, notify=told.append)
    assert told[0] == "No volume with PostgreSQL's data was found, so that there is nothing to dump."
    assert taken.dumps == ()


def test_a_rollback_stops_what_runs_first(stages: Stages, tmp_path: Path, engine: FakeDocker) -> None:
    folder = stages.copied("1.5", tmp_path)
    label = f"label=com.docker.compose.project.working_dir={folder}/compose"
    engine.answer("ps", label, stdout="shop-db\n")
    shown = container()
    shown["Config"]["Labels"]["com.docker.compose.project"] = "shop-dev"
    engine.answer("inspect", stdout=[shown])
    for words in (("stop",), ("rm",), ("network", "rm")):
        engine.answer(*words, stdout="")
    engine.answer("network", "ls", "label=com.docker.compose.project=shop-dev", stdout="n1\n")
    told: list[str] = []
    undertaking.roll_back(folder, force=False, dry_run=False, consent=agreed, notify=told.append)
    changing = [argv for argv in engine.argvs if argv[0] in {"stop", "rm"} or argv[1:2] == ("rm",)]
    assert changing == [("stop", "-t", "120", "shop-db"), ("rm", "shop-db"), ("network", "rm", "n1")]
    assert told[0] == "Stopping shop-dev."
    assert (folder / ".env").is_file()


@pytest.mark.usefixtures("engine")
def test_a_rehearsal_asks_nobody_and_stops_nothing(stages: Stages, tmp_path: Path) -> None:
    folder, asked = stages.copied("1.5", tmp_path), Asked()
    done = undertaking.roll_back(folder, force=False, dry_run=True, consent=asked, notify=ignored)
    assert (asked.facts, "compose" in done.removed, (folder / "compose").is_dir()) == ([], True, True)


def test_what_is_pending_is_told_while_another_works(stages: Stages, tmp_path: Path) -> None:
    folder = stages.copied("1.2", tmp_path)
    with guard.held(folder, task="migrate.apply"):
        told = list(undertaking.pending(folder, EMPTY, through("1.3")))
    assert told == [
        ("1.3", "move .env to envs/.env.dev"),
        ("1.3", "move .env.example to envs/.env.dev.example"),
    ]


@pytest.mark.usefixtures("engine")
def test_it_stays_alone_when_it_has_to_plan_anew(shop: Path) -> None:
    undertaking.back_up(shop, EMPTY, database=False, notify=ignored)
    base = (shop / "docker-compose.yml").read_text().replace("postgres:17", "postgres:16")
    (shop / "docker-compose.yml").write_text(base)
    others: list[str] = []

    def told(line: str) -> None:
        if line.startswith("1.2: "):
            others.append(guard.holder_of(shop))

    undertaking.apply(shop, EMPTY, through("1.2"), consent=agreed, notify=told)
    assert "image: postgres:16" in (shop / "compose/docker-compose.dev.yml").read_text()
    assert [one.split()[0] for one in others] == ["migrate.apply"]
