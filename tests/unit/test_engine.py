import signal
from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks import engine
from dashtam_tasks.errors import DashtamError, ExitCode

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker

STARTED = "2026-01-01T00:00:00.000000000Z"


def inspected(
    service: str, *, status: str = "running", health: dict[str, Any] | None = None, one_off: str = "False"
) -> dict[str, Any]:
    """Return what `docker inspect` shows of a container."""
    labels = {
        engine.PROJECT_LABEL: "dashtam-dev",
        engine.SERVICE_LABEL: service,
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


def test_images_are_present_when_the_engine_has_every_one(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("image", "inspect", stdout="[]")
    fake_docker.answer("image", "inspect", "missing:1", stderr="No such image", code=1)
    assert engine.images_present(["here:1"])
    assert not engine.images_present(["here:1", "missing:1"])


def test_volumes_that_are_there(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("volume", "ls", stdout="one\nanother\n")
    assert engine.volumes_present(["one", "two", "an"]) == ("one",)


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
