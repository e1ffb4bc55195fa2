"""Verification of a migrated project for real: every box by what the engine runs, and the machine as it was."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashtam_tasks.errors import ExitCode
from dashtam_tasks.migration.verification import Box, Outcome, of_step, report, sequences
from tests.integration.host_ports import claimed
from tests.integration.migrated import FACTS, make_migrated
from tests.integration.projects import Project, cleared, docker

# A whole verification starts each environment three times, and runs the suites as often.
WHOLE_SECONDS = 1_200
# Runs the sequences in the folder that it is told, and ends on Ctrl-C as a task does.
PROGRAM = """\
import sys
from pathlib import Path
from dashtam_tasks.migration.verification import sequences
from tests.integration.migrated import FACTS

def notify(text):
    print(text, flush=True)

try:
    for box in sequences(Path(sys.argv[1]), FACTS, notify=notify):
        print(box.outcome, box.text, flush=True)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A migrated project, ready to start; everything it made is removed afterwards."""
    with claimed() as ports, cleared(make_migrated(tmp_path / "shop", ports)) as made:
        monkeypatch.setenv("XDG_STATE_HOME", str(made.state))
        yield made


def broken(boxes: list[Box]) -> list[tuple[str, str, str]]:
    """Return the boxes that failed, and why."""
    return [(one.step, one.text, one.reason) for one in boxes if one.outcome is Outcome.FAILED]


@pytest.mark.timeout(WHOLE_SECONDS)
def test_a_sound_project_is_verified_and_left_as_it_was(migrated: Project) -> None:
    migrated.inv("dev.up")
    migrated.sql("create table kept (id int); insert into kept values (1), (2)")
    boxes = list(sequences(migrated.path, FACTS, notify=lambda _: None))
    assert broken(boxes) == []
    assert {one.step for one in boxes} == {"1.6", "1.7", "1.8", "2.1", "2.2", "2.4", "3.1"}
    passed = {one.text for one in boxes if one.outcome is Outcome.PASSED}
    assert passed >= {
        "All 4 dev containers start successfully",
        "Networks are isolated",
        "No cross-contamination of data",
        "Hot reload works in dev",
        "OAuth tests work with HTTPS",
        "Exit code reflects test results",
        "Development's data are all there",
    }
    assert migrated.sql("select count(*) from kept").strip() == "2"
    assert migrated.sql("select nspname from pg_namespace where nspname like 'dashtam%'").strip() == ""
    assert migrated.get("/health")["database"] == "connected"
    assert migrated.containers("test") == migrated.containers("ci") == {}
    secret = migrated.variable("POSTGRES_PASSWORD")
    assert all(secret not in path.read_text() for path in report.write(migrated.path, boxes))
    static = [
        box
        for number in ("1.1", "1.2", "1.3", "1.4", "1.5", "2.1", "2.2", "2.3")
        for box in of_step(number, migrated.path, FACTS)
    ]
    assert broken(static) == []


@pytest.mark.parametrize("running", [True, False])
def test_ctrl_c_leaves_what_ran_running_and_nothing_else(migrated: Project, *, running: bool) -> None:
    if running:
        migrated.inv("dev.up")
    services = sorted(name.rpartition("-")[0] for name in migrated.containers())
    argv = [sys.executable, "-c", PROGRAM, str(migrated.path)]
    with subprocess.Popen(argv, cwd=Path.cwd(), stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "starting dev\n":
                process.send_signal(signal.SIGINT)
                break
        process.communicate(timeout=200)
    assert process.returncode == ExitCode.INTERRUPTED
    assert sorted(name.rpartition("-")[0] for name in migrated.containers()) == services
    if running:
        assert migrated.get("/health")["status"] == "ok"


def test_who_holds_developments_port_is_named(migrated: Project) -> None:
    port, image = migrated.variable("APP_PORT"), migrated.variable("REDIS_IMAGE", "images")
    name = f"legacy-app{migrated.suffix}"
    docker("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:6379", image, "redis-server")
    try:
        boxes = sequences(migrated.path, FACTS, notify=lambda _: None)
        first, second = next(boxes), next(boxes)
        boxes.close()
    finally:
        docker("rm", "--force", "--volumes", name)
    assert first.outcome is second.outcome is Outcome.FAILED
    assert f"is taken by container {name}" in first.reason
    assert second.reason == f"Not looked at, since this failed: {first.text}."
    assert migrated.containers() == {}
