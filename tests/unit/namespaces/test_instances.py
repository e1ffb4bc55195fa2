import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks import console

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Terminal


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The folder of a project that has instances."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


@pytest.fixture
def gone(tmp_path: Path) -> Path:
    """The folder of a project that was removed."""
    return tmp_path / "gone"


def remember(state: Path, project: str, folder: Path, **differs: Any) -> Path:
    """Remember an instance, and return its file."""
    state.mkdir(parents=True, exist_ok=True)
    path = state / f"{project}.json"
    record = {
        "project": project,
        "environment": "dev",
        "name": "",
        "folder": str(folder),
        "compose_file": str(folder / "compose.yml"),
        "env_files": [],
        "variables": {},
        "ports": [5432, 8000],
        "made": (datetime.now(UTC) - timedelta(hours=3, minutes=5)).isoformat(),
        **differs,
    }
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def container(
    project: str, service: str, *, health: str = "healthy", status: str = "running"
) -> dict[str, Any]:
    """Return a container as the engine shows it."""
    return {
        "Id": f"{project}-{service}",
        "Name": f"/{project}-{service}",
        "State": {
            "Status": status,
            "ExitCode": 0,
            "StartedAt": "2026-01-01T00:00:00Z",
            "Health": {"Status": health},
        },
        "Config": {
            "Image": "some:image",
            "Labels": {"com.docker.compose.project": project, "com.docker.compose.service": service},
        },
        "NetworkSettings": {"Ports": {}},
    }


def has(fake: "FakeDocker", *containers: dict[str, Any]) -> None:
    """Script which containers the engine has."""
    fake.answer("ps", stdout="\n".join(one["Id"] for one in containers))
    fake.answer("inspect", stdout=containers)


def rows(text: str) -> list[list[str]]:
    """Return the cells of a table, which two spaces or more keep apart."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]


@pytest.mark.parametrize("name", ["instances", "instances.list"])
def test_instances_of_every_folder_are_listed(
    tasks: "Terminal", fake_docker: "FakeDocker", state: Path, shop: Path, gone: Path, name: str
) -> None:
    remember(state, "shop-dev", shop)
    remember(state, "shop-dev-x", shop, name="x", ports=[5532, 8100])
    remember(state, "shop-test", shop, environment="test", ports=[])
    remember(state, "other-dev", gone)
    has(
        fake_docker,
        container("shop-dev", "app"),
        container("shop-dev", "postgres"),
        container("shop-dev-x", "app", health="starting"),
        container("shop-dev-x", "postgres"),
        container("shop-dev-x", "redis", status="exited"),
        container("other-dev", "app"),
        container("not-remembered", "app"),
    )
    done = tasks(name)
    assert (done.code, done.err) == (0, "")
    heading, *listed = rows(done.out)
    assert heading == ["environment", "instance", "state", "age", "ports", "project", "folder"]
    assert listed == [
        ["dev", "folder is gone", "3 h", "5432 8000", "other-dev", str(gone)],
        ["dev", "healthy", "3 h", "5432 8000", "shop-dev", str(shop)],
        ["dev", "x", "1 of 3 healthy", "3 h", "5532 8100", "shop-dev-x", str(shop)],
        ["test", "down", "3 h", "shop-test", str(shop)],
    ]


def test_instances_as_json(tasks: "Terminal", fake_docker: "FakeDocker", state: Path, shop: Path) -> None:
    remember(state, "shop-dev-x", shop, name="x", variables={"APP_PORT": "8100"}, ports=[8100])
    has(fake_docker, container("shop-dev-x", "app"))
    done = tasks("instances", "--json")
    assert (done.code, done.err) == (0, "")
    (one,) = json.loads(done.out)
    assert (one["project"], one["environment"], one["name"]) == ("shop-dev-x", "dev", "x")
    assert (one["folder"], one["ports"], one["state"]) == (str(shop), [8100], "healthy")
    assert one["variables"] == {"APP_PORT": "8100"}
    assert 3 * 3600 + 290 < one["age_seconds"] < 4 * 3600


def test_no_instances_is_an_empty_list(tasks: "Terminal", fake_docker: "FakeDocker") -> None:
    fake_docker.answer("ps")
    assert json.loads(tasks("instances", "--json").out) == []
    assert len(tasks("instances").out.splitlines()) == 1


def test_without_an_engine_nobody_knows(
    tasks: "Terminal", fake_docker: "FakeDocker", state: Path, shop: Path
) -> None:
    remember(state, "shop-dev", shop)
    for command in ("ps", "version"):
        fake_docker.answer(command, stderr="Cannot connect.\n", code=1)
    done = tasks("instances")
    assert (done.code, done.out) == (69, "")
    assert done.err.startswith("error: No Docker Engine answers.\n")


def test_a_damaged_record_is_named(
    tasks: "Terminal", fake_docker: "FakeDocker", state: Path, shop: Path
) -> None:
    fake_docker.answer("ps")
    path = remember(state, "shop-dev", shop)
    path.write_text("{", encoding="utf-8")
    done = tasks("instances")
    assert (done.code, done.out) == (65, "")
    assert done.err.startswith(f"error: {path} does not describe an instance: ")


@pytest.fixture
def leftovers(fake_docker: "FakeDocker") -> "FakeDocker":
    """A docker that still has something of every kind of a removed project."""
    fake_docker.answer("ps", stdout="container-1\ncontainer-2\n")
    fake_docker.made_from()
    fake_docker.answer("rm")
    for kind in ("network", "volume", "image"):
        fake_docker.answer(kind, "ls", stdout=f"{kind}-2\n{kind}-1\n{kind}-1\n")
        fake_docker.answer(kind, "rm")
    return fake_docker


def removals(fake: "FakeDocker") -> list[tuple[str, ...]]:
    """Return what was removed, and how."""
    return [argv for argv in fake.argvs if "rm" in argv]


def test_pruning_removes_all_that_is_left_of_an_orphan(
    tasks: "Terminal", leftovers: "FakeDocker", state: Path, shop: Path, gone: Path
) -> None:
    kept, orphan = remember(state, "shop-dev", shop), remember(state, "gone-dev", gone)
    done = tasks("instances.prune", "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [f"gone-dev: {gone} is gone", "removed gone-dev"]
    assert removals(leftovers) == [
        ("rm", "--force", "--volumes", "container-1", "container-2"),
        ("network", "rm", "network-1", "network-2"),
        ("volume", "rm", "volume-1", "volume-2"),
        ("image", "rm", "--no-prune", "--force", "image-1", "image-2"),
    ]
    filters = {argv[argv.index("--filter") + 1] for argv in leftovers.argvs if "--filter" in argv}
    assert filters == {"label=com.docker.compose.project=gone-dev"}
    assert (kept.exists(), orphan.exists()) == (True, False)


def test_pruning_what_has_nothing_left_forgets_it(
    tasks: "Terminal", fake_docker: "FakeDocker", state: Path, gone: Path
) -> None:
    orphan = remember(state, "gone-dev", gone)
    for words in (("ps",), ("network", "ls"), ("volume", "ls"), ("image", "ls")):
        fake_docker.answer(*words)
    assert tasks("instances.prune", "--yes").code == 0
    assert removals(fake_docker) == []
    assert not orphan.exists()


def test_pruning_removes_nothing_unasked(
    tasks: "Terminal", fake_docker: "FakeDocker", state: Path, gone: Path
) -> None:
    orphan = remember(state, "gone-dev", gone)
    done = tasks("instances.prune")
    assert done.code == 64
    assert done.out.splitlines() == [f"gone-dev: {gone} is gone"]
    assert "volumes, and all data in them? That was not answered with yes, so nothing was done." in done.err
    assert "--yes" in done.err
    assert fake_docker.calls == ()
    assert orphan.exists()


@pytest.mark.parametrize("answer", [True, False])
def test_pruning_does_what_a_person_answers(
    tasks: "Terminal",
    leftovers: "FakeDocker",
    state: Path,
    gone: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    answer: bool,
) -> None:
    orphan = remember(state, "gone-dev", gone)
    monkeypatch.setattr(console, "confirm", lambda _: answer)
    assert tasks("instances.prune").code == (0 if answer else 64)
    assert bool(removals(leftovers)) is answer
    assert orphan.exists() is not answer


@pytest.mark.usefixtures("fake_docker")
def test_pruning_without_orphans_has_nothing_to_do(tasks: "Terminal", state: Path, shop: Path) -> None:
    kept = remember(state, "shop-dev", shop)
    done = tasks("instances.prune")
    assert (done.code, done.out, done.err) == (0, "Nothing to do: every instance has its folder.\n", "")
    assert kept.exists()


def test_what_cannot_be_removed_stays_remembered(
    tasks: "Terminal", leftovers: "FakeDocker", state: Path, gone: Path
) -> None:
    orphan = remember(state, "gone-dev", gone)
    leftovers.answer("volume", "rm", stderr="volume is in use\n", code=1)
    leftovers.answer("version", stdout="28.5.2\n")
    done = tasks("instances.prune", "--yes")
    assert done.code == 69
    assert "volume is in use" in done.err
    assert done.out.splitlines() == [f"gone-dev: {gone} is gone"]
    assert orphan.exists()


def test_what_another_folder_has_by_now_is_not_removed(
    tasks: "Terminal", leftovers: "FakeDocker", state: Path, shop: Path, gone: Path
) -> None:
    # Its containers were made by plain Compose, in a folder that no instance is remembered of.
    leftovers.made_from(str(shop))
    orphan = remember(state, "gone-dev", gone)
    done = tasks("instances.prune", "--yes")
    assert done.code == 0
    assert done.out.splitlines()[1:] == [f"forgot gone-dev, which {shop} has now"]
    assert removals(leftovers) == []
    assert not orphan.exists()
