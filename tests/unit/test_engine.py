import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks import engine
from dashtam_tasks.engine import Container, records
from dashtam_tasks.engine.records import Configuration, Mount, Networking, State
from dashtam_tasks.errors import DashtamError, ExitCode

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
STARTED = "2026-01-01T00:00:00.000000000Z"


def inspected(
    service: str, *, status: str = "running", health: dict[str, Any] | None = None, one_off: str = "False"
) -> dict[str, Any]:
    """Return what `docker inspect` shows of a container."""
    labels = {
        engine.PROJECT_LABEL: "dashtam-dev",
        records.SERVICE_LABEL: service,
        engine.ONE_OFF_LABEL: one_off,
    }
    state = {"Status": status, "ExitCode": 0, "StartedAt": STARTED}
    return {
        "Id": f"id-{service}",
        "Name": f"/dashtam-dev-{service}",
        "State": {**state, "Health": health} if health else state,
        "Config": {"Image": f"{service}:1", "Labels": labels, "Env": ["A=b"]},
        "NetworkSettings": {"Ports": {"8000/tcp": None}},
    }


def probe(seconds: float, code: int) -> dict[str, Any]:
    return {"Start": STARTED, "End": f"2026-01-01T00:00:{seconds:012.9f}Z", "ExitCode": code, "Output": "out"}


def script(fake: "FakeDocker", *containers: dict[str, Any]) -> None:
    fake.answer("ps", stdout="\n".join(one["Id"] for one in containers))
    fake.answer("inspect", stdout=list(containers))


def test_containers_of_a_project_are_asked_for_by_label(fake_docker: "FakeDocker") -> None:
    script(fake_docker, inspected("redis"), inspected("app"))
    assert [one.service for one in engine.project_containers("dashtam-dev")] == ["app", "redis"]
    listing, inspection = fake_docker.argvs
    label = "label=com.docker.compose.project=dashtam-dev"
    assert listing == ("ps", "--all", "--quiet", "--no-trunc", "--filter", label)
    assert inspection == ("inspect", "--type", "container", "id-redis", "id-app")


def test_without_containers_nothing_is_inspected(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("ps")
    assert engine.containers() == ()
    assert len(fake_docker.calls) == 1


def test_one_off_containers_are_not_among_them(fake_docker: "FakeDocker") -> None:
    script(fake_docker, inspected("app"), inspected("app", one_off="True"))
    assert len(engine.containers()) == 1


def test_a_container_that_goes_meanwhile_is_not_listed(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("ps", stdout="id-app\nid-gone\n")
    fake_docker.answer("inspect", stdout=[inspected("app")], stderr="No such container: id-gone", code=1)
    assert [one.id for one in engine.containers()] == ["id-app"]


@pytest.mark.parametrize(
    ("status", "health", "ready"),
    [
        ("running", None, True),
        ("running", "healthy", True),
        ("running", "starting", False),
        ("running", "unhealthy", False),
        ("exited", None, False),
        ("restarting", "healthy", False),
    ],
)
def test_ready_is_running_and_healthy(
    fake_docker: "FakeDocker", status: str, health: str | None, *, ready: bool
) -> None:
    shown = {"Status": health, "Log": []} if health else None
    script(fake_docker, inspected("app", status=status, health=shown))
    (found,) = engine.containers()
    assert found.ready is ready


def test_seconds_to_ready_end_with_the_first_passed_probe(fake_docker: "FakeDocker") -> None:
    log = [probe(1.5, 1), probe(3.25, 0), probe(5.5, 0)]
    script(fake_docker, inspected("app", health={"Status": "healthy", "Log": log}))
    (found,) = engine.containers()
    assert found.seconds_to_ready == 3.25


@pytest.mark.parametrize(
    "health", [None, {"Status": "starting", "Log": None}, {"Status": "x", "Log": [probe(1, 1)]}]
)
def test_seconds_to_ready_are_not_made_up(fake_docker: "FakeDocker", health: dict[str, Any] | None) -> None:
    script(fake_docker, inspected("app", health=health))
    (found,) = engine.containers()
    assert found.seconds_to_ready is None


def test_events_are_those_of_the_projects_containers_from_then_on(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("events", stdout='{"Action":"start"}\n', stderr="noise")
    with engine.events("dashtam-dev", since=1767225600.12345) as process:
        output, _ = process.communicate()
    assert output == b'{"Action":"start"}\n'
    (argv,) = fake_docker.argvs
    assert argv[:3] == ("events", "--since", "1767225600.123")
    assert "type=container" in argv
    assert "label=com.docker.compose.project=dashtam-dev" in argv


def test_a_log_tail_has_both_streams(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("logs", stdout="out\n", stderr="err\n")
    assert sorted(engine.log_tail("c0ffee", lines=5).split()) == ["err", "out"]
    assert fake_docker.argvs == (("logs", "--tail", "5", "c0ffee"),)


def test_saved_logs_are_all_of_them_with_both_streams(fake_docker: "FakeDocker", tmp_path: Path) -> None:
    fake_docker.answer("logs", "c0ffee", stdout="out\n", stderr="err\n")
    fake_docker.answer("logs", "beef", stdout="other\n")
    engine.save_logs({"c0ffee": tmp_path / "app.log", "beef": tmp_path / "redis.log"})
    assert sorted((tmp_path / "app.log").read_text(encoding="utf-8").split()) == ["err", "out"]
    assert (tmp_path / "redis.log").read_text(encoding="utf-8") == "other\n"
    assert sorted(fake_docker.argvs) == [("logs", "beef"), ("logs", "c0ffee")]


def test_images_are_present_when_the_engine_has_every_one(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("image", "inspect", stdout="[]")
    fake_docker.answer("image", "inspect", "missing:1", stderr="No such image", code=1)
    assert engine.images_present(["here:1"])
    assert not engine.images_present(["here:1", "missing:1"])


def test_volumes_that_are_there(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("volume", "ls", stdout="one\nanother\n")
    assert engine.volumes_present(["one", "two", "an"]) == ("one",)


def test_a_container_tells_its_volumes_and_composes_hash(fake_docker: "FakeDocker") -> None:
    shown = inspected("postgres")
    shown["Config"]["Labels"][records.HASH_LABEL] = "5eed"
    shown["Mounts"] = [
        {"Type": "volume", "Name": "shop_data", "Destination": "/data", "RW": True},
        {"Type": "bind", "Source": "/home/me/src", "Destination": "/src", "RW": False},
        {"Type": "volume", "Name": "0ff1ce", "Destination": "/cache", "RW": True},
    ]
    script(fake_docker, shown, inspected("redis"))
    postgres, redis = engine.containers()
    assert (postgres.volumes, postgres.configuration_hash) == (("shop_data", "0ff1ce"), "5eed")
    assert (redis.volumes, redis.configuration_hash) == ((), "")


def database(
    *, identity: str = "c0ffee", started: datetime = NEW_YEAR, volumes: tuple[str, ...] = ()
) -> Container:
    return Container(
        id=identity,
        name="/dashtam-dev-postgres",
        state=State(status="running", exit_code=0, started_at=started),
        config=Configuration(image="postgres:17", labels={}),
        network_settings=Networking(),
        mounts=tuple(Mount(type="volume", destination=f"/{name}", name=name) for name in volumes),
    )


def test_data_without_a_volume_end_with_the_run(fake_docker: "FakeDocker") -> None:
    first, again = engine.data_of(database()), engine.data_of(database())
    restarted = engine.data_of(database(started=NEW_YEAR + timedelta(seconds=1)))
    recreated = engine.data_of(database(identity="decaf"))
    assert first == again
    assert len({first, restarted, recreated}) == 3
    assert fake_docker.calls == ()


def test_data_in_volumes_are_as_old_as_these_whatever_the_container(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("volume", "inspect", stdout="data 2026-01-01T00:00:00Z\n")
    first = engine.data_of(database(volumes=("data", "cache")))
    assert engine.data_of(database(identity="decaf", volumes=("cache", "data"))) == first
    fake_docker.answer("volume", "inspect", stdout="data 2026-01-02T00:00:00Z\n")
    assert engine.data_of(database(volumes=("data", "cache"))) != first
    assert {argv[-2:] for argv in fake_docker.argvs} == {("cache", "data")}


def test_data_in_a_volume_that_is_not_there_are_an_error(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("volume", "inspect", stderr="no such volume: data\n", code=1)
    fake_docker.answer("version", stdout="28.5.2\n")
    with pytest.raises(DashtamError) as raised:
        engine.data_of(database(volumes=("data",)))
    assert (raised.value.code, raised.value.details) == (ExitCode.UNAVAILABLE, "no such volume: data\n")


def test_one_off_containers_are_asked_for_by_project_and_label(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("ps", stdout="c0ffee\ndecaf\n")
    assert engine.one_off_containers("dashtam-test", "some.label") == ("c0ffee", "decaf")
    (argv,) = fake_docker.argvs
    assert argv[:4] == ("ps", "--all", "--quiet", "--no-trunc")
    assert argv[4::2] == ("--filter",) * 3
    assert set(argv[5::2]) == {
        "label=com.docker.compose.project=dashtam-test",
        "label=com.docker.compose.oneoff=True",
        "label=some.label",
    }


def test_containers_are_removed_with_their_anonymous_volumes(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("rm")
    engine.remove_containers(("c0ffee", "decaf"))
    assert fake_docker.argvs == (("rm", "--force", "--volumes", "c0ffee", "decaf"),)


def test_containers_that_go_by_themselves_are_waited_for(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("rm", "decaf")
    fake_docker.answer("rm", "c0ffee", stderr="removal of container decaf is already in progress", code=1)
    fake_docker.answer("ps", stdout="decaf\n")
    engine.remove_containers(("c0ffee", "decaf"))
    removals = [argv[3:] for argv in fake_docker.argvs if argv[0] == "rm"]
    assert removals == [("c0ffee", "decaf"), ("decaf",)]


def test_without_containers_nothing_is_removed(fake_docker: "FakeDocker") -> None:
    engine.remove_containers(())
    assert fake_docker.calls == ()


def script_project(fake: "FakeDocker") -> None:
    """Script that a project has two containers, a network and an image, which has two names."""
    fake.answer("ps", stdout="c0ffee\ndecaf\n")
    fake.answer("network", "ls", stdout="netnet\n")
    fake.answer("volume", "ls")
    fake.answer("image", "ls", stdout="beef\nbeef\n")
    for removal in (("rm",), ("network", "rm"), ("image", "rm")):
        fake.answer(*removal)


def test_a_project_is_removed_by_its_label_containers_first(fake_docker: "FakeDocker") -> None:
    script_project(fake_docker)
    engine.remove_project("shop")
    changes = [argv for argv in fake_docker.argvs if "rm" in argv]
    assert changes == [
        ("rm", "--force", "--volumes", "c0ffee", "decaf"),
        ("network", "rm", "netnet"),
        ("image", "rm", "--no-prune", "--force", "beef"),
    ]
    questions = [argv for argv in fake_docker.argvs if "rm" not in argv]
    assert len(questions) == 4
    assert {argv[-2:] for argv in questions} == {("--filter", "label=com.docker.compose.project=shop")}


def test_a_project_without_anything_is_removed_by_asking_alone(fake_docker: "FakeDocker") -> None:
    for question in (("ps",), ("network", "ls"), ("volume", "ls"), ("image", "ls")):
        fake_docker.answer(*question)
    engine.remove_project("shop")
    assert not [argv for argv in fake_docker.argvs if "rm" in argv]


def test_what_cannot_be_removed_ends_it_with_dockers_words(fake_docker: "FakeDocker") -> None:
    script_project(fake_docker)
    fake_docker.answer("network", "rm", stderr="network netnet has active endpoints\n", code=1)
    fake_docker.answer("version", stdout="28.5.2\n")
    with pytest.raises(DashtamError) as raised:
        engine.remove_project("shop")
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert raised.value.details == "network netnet has active endpoints\n"
    assert ("image", "rm", "--no-prune", "--force", "beef") not in fake_docker.argvs


def test_versions(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("version", stdout="28.5.2\n")
    fake_docker.answer("compose", "version", stdout="2.39.1\n")
    assert (engine.version(), engine.compose_version()) == ("28.5.2", "2.39.1")


def test_without_an_engine_every_question_says_so(fake_docker: "FakeDocker") -> None:
    words = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."
    for command in ("version", "ps", "volume"):
        fake_docker.answer(command, stderr=words, code=1)
    for ask in (engine.version, engine.containers, lambda: engine.volumes_present(["x"])):
        with pytest.raises(DashtamError, match=r"^No Docker Engine answers\.$") as raised:
            ask()
        assert (raised.value.code, raised.value.details) == (ExitCode.UNAVAILABLE, words)
        assert "./bootstrap" in raised.value.hint


def test_a_command_that_fails_for_another_reason_keeps_its_words(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("ps", stderr="invalid filter\n", code=125)
    fake_docker.answer("version", stdout="28.5.2\n")
    with pytest.raises(DashtamError) as raised:
        engine.containers("nonsense")
    assert raised.value.reason == "`docker ps` failed with exit code 125."
    assert raised.value.details == "invalid filter\n"


def test_the_client_for_images_uses_the_docker_on_path(fake_docker: "FakeDocker") -> None:
    assert engine.client().client_config.docker_cmd == [fake_docker.folder / "docker"]


def test_events_leave_no_process_when_interrupted(fake_docker: "FakeDocker") -> None:
    running = fake_docker.channel("running")
    fake_docker.answer("events", tells=running, holds=True)
    with engine.events("dashtam-dev", since=0) as process:
        (fake_docker.folder / "running").read_bytes()
        process.send_signal(signal.SIGINT)
    assert fake_docker.signals == {process.pid: ["SIGINT"]}
