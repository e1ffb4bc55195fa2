"""Running tasks as a person types them, and leaving the machine as it was found."""

import json
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashtam_tasks.migration.verification import Outcome, evidence, finale, looking, plays, scene
from dashtam_tasks.migration.verification.scene import Scene
from dashtam_tasks.migration.verification.subject import Subject
from dashtam_tasks.migration.verification.ticking import (
    failed,
    not_applicable,
    passed,
    ticked_in_turn,
)
from tests.unit.conftest import FakeDocker
from tests.unit.migration.verification.engines import Engine
from tests.unit.migration.verification.projects import FACTS, SECRET, Migrated

# A task runner that notes how it was called, then does what `course` says.
RUNNER = f"""\
#!{sys.executable}
import json, os, sys
from pathlib import Path
here = Path(__file__).parent
with (here / "calls").open("a") as calls:
    calls.write(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]) + "\\n")
exec((here / "course").read_text())
"""
WAITING = """
import signal, time
def stop(number, frame):
    print("told", number, flush=True)
    sys.exit(130)
signal.signal(signal.SIGINT, stop)
print("at work", flush=True)
(here / "working").write_text("")
while True:
    signal.pause()
"""


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Return what puts an `inv` beside this Python, which does what it is told; it returns its folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("inv", "dashtam-tasks"):
        (folder / name).write_text(RUNNER)
        (folder / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))

    def course(text: str) -> Path:
        (folder / "course").write_text(text)
        return folder

    yield course
    shutil.rmtree(folder)


def calls(folder: Path) -> list[list[str]]:
    """Return the arguments of each call of the runner."""
    path = folder / "calls"
    return [json.loads(line)[0] for line in path.read_text().splitlines()] if path.exists() else []


def test_a_task_runs_in_the_project_and_its_output_shows_no_secret(
    migrated: Migrated, runner: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "from the shell")
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    folder = runner(f"print('\\x1b[1m{SECRET} in', os.getcwd() + '/envs'); sys.exit(7)")
    subject = Subject(folder=migrated.path, facts=FACTS)
    done = evidence.typed(subject, "dev.up", timeout=30)
    assert done.problem == "`inv dev.up` ended with exit code 7."
    assert done.evidence.output == "*** in envs"
    recorded = (folder / "calls").read_text()
    assert "from the shell" not in recorded
    assert '"XDG_STATE_HOME": "/state"' in recorded


def test_without_a_tasks_py_the_console_script_runs(
    migrated: Migrated, runner: Callable[[str], Path]
) -> None:
    runner("print(Path(sys.argv[0]).name)")
    migrated.remove("tasks.py")
    done = evidence.typed(Subject(folder=migrated.path, facts=FACTS), "dev.up", timeout=30)
    assert (done.output, done.evidence.command) == ("dashtam-tasks\n", "dashtam-tasks dev.up")


def test_a_task_that_takes_too_long_is_told_to_end(migrated: Migrated, runner: Callable[[str], Path]) -> None:
    runner(WAITING)
    done = evidence.typed(Subject(folder=migrated.path, facts=FACTS), "dev.up", timeout=8)
    assert done.problem == "`inv dev.up` did not end in time."
    assert f"told {signal.SIGINT.value}" in done.output


def test_ctrl_c_reaches_the_task(migrated: Migrated, runner: Callable[[str], Path]) -> None:
    folder = runner(WAITING + "\n")
    subject = Subject(folder=migrated.path, facts=FACTS)
    stopped = threading.Event()

    def interrupt() -> None:
        while not (folder / "working").exists() and not stopped.wait(0.05):
            pass
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            evidence.typed(subject, "dev.up", timeout=60)
    finally:
        stopped.set()
        thread.join()


def test_long_output_keeps_its_ends() -> None:
    text = f"begin{'x' * 10_000}end"
    kept = evidence.bounded(text)
    assert kept.startswith("begin")
    assert kept.endswith("end")
    assert len(kept) < 4_100


def test_what_needs_the_first_line_fails_with_it() -> None:
    lines = (("first", lambda: failed("it broke")), ("second", passed))
    found = list(ticked_in_turn("1.6", lines))
    assert [(one.outcome, one.reason) for one in found] == [
        (Outcome.FAILED, "it broke"),
        (Outcome.FAILED, "Not looked at, since this failed: first."),
    ]
    lines = (("first", lambda: not_applicable("no")), ("second", passed))
    assert [one.outcome for one in ticked_in_turn("1.6", lines)] == [Outcome.NOT_APPLICABLE, Outcome.PASSED]


@pytest.fixture
def stage(migrated: Migrated, fake_docker: FakeDocker) -> tuple[Engine, Scene]:
    """Development and tests on an engine by script."""
    engine = Engine(docker=fake_docker, folder=migrated.path)
    dev, test = engine.stand("dev"), engine.stand("test")
    return engine, Scene(subject=dev.subject, notify=lambda _: None, development=dev, tests=test)


def test_what_ran_runs_again_and_what_did_not_is_stopped(
    stage: tuple[Engine, Scene], runner: Callable[[str], Path]
) -> None:
    engine, made = stage
    folder = runner("")
    engine.runs("dev", "app")
    engine.runs("test")
    with pytest.raises(KeyboardInterrupt):
        interrupted(engine, made)
    assert calls(folder) == [["dev.up", "--service", "app"], ["test.down"]]


def interrupted(engine: Engine, made: Scene) -> None:
    """Let development be stopped and tests be started, and then Ctrl-C come."""
    with scene.left_as_found(made):
        engine.runs("dev")
        engine.runs("test", "app", "postgres")
        raise KeyboardInterrupt


def test_volumes_of_tests_go_with_a_stop_and_developments_stay(
    stage: tuple[Engine, Scene], runner: Callable[[str], Path]
) -> None:
    _, made = stage
    folder = runner("")
    for one in reversed(made.stands):
        made.stop(one)
    assert calls(folder) == [["test.down", "--volumes", "--yes"], ["dev.down"]]


def test_what_is_as_it_was_is_left_alone(stage: tuple[Engine, Scene], runner: Callable[[str], Path]) -> None:
    _, made = stage
    folder = runner("")
    with scene.left_as_found(made):
        pass
    assert calls(folder) == []


def test_that_it_could_not_be_left_so_is_said(
    stage: tuple[Engine, Scene], runner: Callable[[str], Path]
) -> None:
    engine, made = stage
    said: list[str] = []
    made.notify = said.append
    runner("sys.exit(69)")
    engine.runs("test")
    with scene.left_as_found(made):
        engine.runs("test", "app")
    assert said[-1] == "test could not be left as it was: `inv test.down` ended with exit code 69."


def test_development_that_does_not_start_fails_all_of_its_list(
    stage: tuple[Engine, Scene], runner: Callable[[str], Path]
) -> None:
    _, made = stage
    folder = runner("sys.exit(69 if sys.argv[1] == 'dev.up' else 0)")
    found = list(plays.development_alone(made))
    assert {one.outcome for one in found} == {Outcome.FAILED}
    assert "`inv dev.up` ended with exit code 69." in found[0].reason
    assert [one.text for one in found] == [
        "All 3 dev containers start successfully",
        "App responds on port 8000",
        "Database is accessible",
        "Redis is healthy",
        "Callback server is running",
        "No error messages in logs",
        "Containers stop cleanly",
    ]
    assert not any("--volumes" in call or "-v" in call for call in calls(folder))


def test_a_suite_that_fails_and_containers_that_are_replaced_fail_the_list_of_both(
    stage: tuple[Engine, Scene], runner: Callable[[str], Path]
) -> None:
    _, made = stage
    runner("sys.exit(1 if sys.argv[1].startswith('test.') else 0)")
    verdict = plays.suites_pass(made, (made.first_suite,))
    assert (verdict.outcome, verdict.reason) == (
        Outcome.FAILED,
        f"`inv test.{made.first_suite}` ended with exit code 1.",
    )
    assert list(looking.same_containers(made.development, {"another"})) == [
        "The containers of dev were replaced or stopped meanwhile."
    ]


def test_without_tests_their_lists_are_not_applicable(stage: tuple[Engine, Scene]) -> None:
    _, made = stage
    made.tests = None
    found = [*plays.tests_alone(made), *plays.side_by_side(made)]
    assert len(found) == 13
    assert {one.outcome for one in found} == {Outcome.NOT_APPLICABLE}


def test_a_database_with_developments_volume_and_a_shared_port_are_told(
    stage: tuple[Engine, Scene], fake_docker: FakeDocker
) -> None:
    engine, made = stage
    fake_docker.answer("exec", "psql", stdout="1\n")
    fake_docker.answer("image", "inspect", code=1)
    assert made.tests is not None
    assert plays.database_is_own(made, made.tests).outcome is Outcome.PASSED
    assert plays.conflicts_with_nothing(made).outcome is Outcome.PASSED
    file = str(engine.folder / "compose/docker-compose.test.yml")
    port = {"target": 8000, "published": "8000", "host_ip": "127.0.0.1"}
    model = {
        "name": "shop-test",
        "services": {"app": {"ports": [port]}, "postgres": {"image": "postgres:17"}},
        "volumes": {"data": {"name": "shop-dev_data"}},
    }
    fake_docker.answer("compose", file, "config", stdout=model)
    again = scene.of(Subject(folder=engine.folder, facts=FACTS), notify=lambda _: None)
    assert again.tests is not None
    assert plays.database_is_own(again, again.tests).reason == "Volume shop-dev_data is development's, too."
    assert "8000" in plays.conflicts_with_nothing(again).reason


def test_tasks_that_fail_in_the_last_sequence_fail_their_boxes(
    stage: tuple[Engine, Scene], runner: Callable[[str], Path]
) -> None:
    engine, made = stage
    runner("sys.exit(1 if sys.argv[1] in ('ci.run', 'isolation', 'test.ssl', 'test.unit') else 0)")
    engine.docker.answer("logs", stdout="")
    assert finale.runs(made).reason == "`inv ci.run` ended with exit code 1."
    assert finale.meet_nowhere(made).reason == "`inv isolation` ended with exit code 1."
    assert finale.tests_pass(made).reason == f"`inv test.{made.first_suite}` ended with exit code 1."
    assert finale.both_run(made).outcome is Outcome.PASSED
    engine.runs("test", "app")
    assert "Service redis of test has no container." in finale.both_run(made).reason
    assert finale.keeps_rows(made).outcome is Outcome.NOT_APPLICABLE
