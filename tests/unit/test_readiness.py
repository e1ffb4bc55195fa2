import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from dashtam_tasks import readiness
from dashtam_tasks.compose import Compose
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.readiness import Progress
from tests.unit.shown import PROJECT, container, event

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

UP = ("up", "--detach", "--wait", "--no-build")
BRING_UP = """
import sys
from pathlib import Path
from dashtam_tasks import readiness
from dashtam_tasks.compose import Compose
compose = Compose(file=Path(sys.argv[1]), env_files=())
try:
    readiness.bring_up(compose, project="dashtam-dev", arguments=("up",), timeout=60, report=print)
except KeyboardInterrupt:
    sys.exit(130)
"""


class Engine:
    """A fake docker whose `compose up` and `events` run side by side, and the progress that is reported."""

    def __init__(self, fake: "FakeDocker", compose: Compose) -> None:
        self.fake = fake
        self.compose = compose
        self.reported: list[Progress] = []
        self.up_runs = fake.channel("up-runs")
        self.seen = fake.channel("seen")
        fake.answer("version", stdout="28.5.2\n")
        fake.answer("logs", stdout="Traceback\nNo module named app\n")
        self.has()

    def has(self, *containers: dict[str, Any]) -> None:
        """Script the containers that are there."""
        self.fake.answer("ps", stdout="\n".join(one["Id"] for one in containers))
        self.fake.answer("inspect", stdout=list(containers))

    def streams(self, *events: str) -> None:
        """Script the events that come once `compose up` runs."""
        self.fake.answer("events", stdout="".join(events), awaits=self.up_runs, holds=True)

    def stays(self) -> None:
        """Script a `compose up` that goes on until it is interrupted."""
        self.fake.answer("compose", "up", tells=self.up_runs, holds=True)

    def ends(self, *, code: int = 0, stderr: str = "") -> None:
        """Script a `compose up` that ends after the last service's last event was reported."""
        self.fake.answer("compose", "up", tells=self.up_runs, awaits=self.seen, code=code, stderr=stderr)

    def bring_up(self, *, last: str = "", timeout: float = 60) -> None:
        """Bring the project up; `last` is the state after which a `compose up` that ends does so."""

        def report(progress: Progress) -> None:
            self.reported.append(progress)
            if progress.state == last:
                Path(self.seen).write_bytes(b"")

        readiness.bring_up(self.compose, project=PROJECT, arguments=UP, timeout=timeout, report=report)

    def failure(self) -> DashtamError:
        """Bring the project up, which fails, and return how."""
        with pytest.raises(DashtamError) as raised:
            self.bring_up(last="healthy")
        assert raised.value.code == ExitCode.UNAVAILABLE
        return raised.value

    @property
    def states(self) -> list[tuple[str, str]]:
        """The service and state of each reported progress."""
        return [(one.service, one.state) for one in self.reported]

    def pid(self, command: str) -> int:
        """Return the process id of the one call of `docker compose up` or `docker events`."""
        (call,) = (call for call in self.fake.calls if command in call.argv)
        return call.pid

    def interrupted(self, *commands: str) -> bool:
        """Return whether these calls, and no others, got one SIGTERM, and no process is left of them."""
        pids = [self.pid(command) for command in commands]
        assert not any(psutil.pid_exists(call.pid) for call in self.fake.calls)
        return self.fake.signals == {pid: ["SIGTERM"] for pid in pids}


@pytest.fixture
def engine(fake_docker: "FakeDocker", project: "Project") -> Engine:
    return Engine(fake_docker, Compose(file=project.compose_file, env_files=(project.env_file,)))


def test_returns_when_compose_is_content(engine: Engine) -> None:
    engine.streams(event("create"), event("start"), event("exec_create: x"), event("health_status: healthy"))
    engine.ends()
    engine.bring_up(last="healthy")
    assert engine.states == [("app", "created"), ("app", "started"), ("app", "healthy")]
    seconds = [one.seconds for one in engine.reported]
    assert 0 <= seconds[0] <= seconds[1] <= seconds[2] < 60
    assert engine.interrupted("events")


def test_compose_gets_the_arguments_and_the_time_to_wait(engine: Engine) -> None:
    engine.streams(event("health_status: healthy"))
    engine.ends()
    engine.bring_up(last="healthy", timeout=2.2)
    (argv,) = (argv for argv in engine.fake.argvs if argv[0] == "compose")
    assert argv[-6:] == (*UP, "--wait-timeout", "3")


def test_a_service_that_dies_ends_it_at_once(engine: Engine) -> None:
    engine.streams(event("start", "redis"), event("start"), event("die", exitCode="3"))
    engine.stays()
    engine.has(container("app", "restarting", code=3), container("redis", "running"))
    failure = engine.failure()
    assert failure.reason == "Service app (dashtam-dev-app) exited with code 3."
    assert failure.details == "--- the last lines of app's log\nTraceback\nNo module named app"
    assert "left running" in failure.hint
    assert engine.states == [("redis", "started"), ("app", "started"), ("app", "exited")]
    assert engine.interrupted("up", "events")
    assert ("logs", "--tail", "20", "id-app") in engine.fake.argvs


def test_a_service_that_turns_unhealthy_ends_it_with_its_health_checks_output(engine: Engine) -> None:
    engine.streams(event("start"), event("health_status: unhealthy"))
    engine.stays()
    probes = [
        {"End": "2026-01-01T00:00:01Z", "ExitCode": 1, "Output": "not yet\n"},
        {"End": "2026-01-01T00:00:02Z", "ExitCode": 1, "Output": "port 8000: refused\n"},
    ]
    engine.has(container("app", "running", Health={"Status": "unhealthy", "Log": probes}))
    failure = engine.failure()
    assert failure.reason == "Service app (dashtam-dev-app) is unhealthy."
    *_, heading, output = failure.details.splitlines()
    assert (heading, output) == ("--- health check of app, exit code 1", "port 8000: refused")
    assert engine.interrupted("up", "events")


def test_a_container_that_compose_replaces_is_no_crash(engine: Engine) -> None:
    engine.streams(
        event("kill", signal="15"),
        event("die", exitCode="137"),
        event("health_status: healthy", "redis"),
    )
    engine.ends()
    engine.bring_up(last="healthy")
    assert engine.states == [("redis", "healthy")]


def test_a_one_shot_service_that_succeeds_is_no_crash(engine: Engine) -> None:
    engine.streams(
        event("start", "migrate"), event("die", "migrate", exitCode="0"), event("health_status: healthy")
    )
    engine.ends()
    engine.bring_up(last="healthy")
    assert engine.states == [("migrate", "started"), ("migrate", "exited"), ("app", "healthy")]


def test_what_a_person_runs_meanwhile_is_not_watched(engine: Engine) -> None:
    engine.streams(event("die", one_off="True", exitCode="1"), event("health_status: healthy"))
    engine.ends()
    engine.bring_up(last="healthy")
    assert engine.states == [("app", "healthy")]


def test_when_time_is_up_those_that_are_not_ready_are_named(engine: Engine) -> None:
    engine.streams(event("start"), event("start", "redis"), event("health_status: healthy", "redis"))
    engine.ends(code=1, stderr="application not healthy after context deadline exceeded\n")
    starting = {"Status": "starting", "Log": []}
    engine.has(
        container("app", "running", Health=starting),
        container("redis", "running", Health={"Status": "healthy", "Log": []}),
        container("worker", "created"),
    )
    failure = engine.failure()
    assert failure.reason.splitlines() == [
        "Service app (dashtam-dev-app) is starting.",
        "Service worker (dashtam-dev-worker) is created, exit code 0.",
    ]
    assert failure.details.endswith("application not healthy after context deadline exceeded")
    assert "redis" not in failure.details
    assert engine.interrupted("events")


def test_when_compose_cannot_start_anything_its_words_are_told(engine: Engine) -> None:
    engine.streams(event("health_status: healthy", "old"))
    engine.ends(code=1, stderr="Error response from daemon: network not found\n")
    failure = engine.failure()
    assert failure.reason == "Compose could not start dashtam-dev."
    assert failure.details == "Error response from daemon: network not found"
    assert failure.hint == ""


def test_an_engine_that_goes_away_is_said_so(engine: Engine) -> None:
    engine.streams(event("health_status: healthy"))
    engine.ends(code=1, stderr="error during connect: EOF\n")
    engine.fake.answer("version", stderr="Cannot connect to the Docker daemon", code=1)
    assert engine.failure().reason == "No Docker Engine answers."


def test_an_error_in_a_report_leaves_no_process(engine: Engine) -> None:
    engine.streams(event("start"))
    engine.stays()

    def report(_: Progress) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        readiness.bring_up(engine.compose, project=PROJECT, arguments=UP, timeout=60, report=report)
    assert engine.interrupted("up", "events")


def test_ctrl_c_ends_both_children(engine: Engine) -> None:
    events_run = engine.fake.channel("events-run")
    engine.fake.answer("events", stdout=event("start"), tells=events_run, holds=True)
    engine.stays()
    with subprocess.Popen(
        [sys.executable, "-c", BRING_UP, str(engine.compose.file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        Path(events_run).read_bytes()
        Path(engine.up_runs).read_bytes()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "")
    assert engine.interrupted("up", "events")
