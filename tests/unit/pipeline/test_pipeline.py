import os
import signal
from pathlib import Path

import msgspec
import pytest

from dashtam_tasks import instances, pipeline
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import claimed, open_environment
from tests.unit.holders import holding
from tests.unit.runs import DOWN, Engine, Upon, container, event

KILLED = container("postgres", "exited", code=137)
UP = (
    *("up", "--build", "--abort-on-container-exit", "--exit-code-from", "app"),
    *("--attach", "app", "--no-log-prefix", "--timeout", "0"),
)


def run(ci: Engine, notes: list[str], *, timeout: float | None = None) -> int:
    return pipeline.run(ci.project.settings, instance=None, timeout=timeout, notify=notes.append)


def was_taken_down(ci: Engine) -> bool:
    """Return whether all was removed at the very end, after what the containers said was kept."""
    commands = [argv for argv in ci.fake.argvs if "down" in argv or argv[:1] == ("logs",)]
    return ci.composed[-1] == DOWN and "down" in commands[-1] and instances.remembered() == ()


@pytest.mark.parametrize("code", [0, 1, 2, 5])
def test_a_run_has_the_exit_code_of_its_tests(ci: Engine, notes: list[str], code: int) -> None:
    ci.runs(container("app", "exited", code=code), KILLED, code=code)
    assert run(ci, notes) == code
    assert ci.composed == [UP, DOWN]
    assert was_taken_down(ci)
    assert ci.told == []
    assert notes == [f"reports: {ci.reports}"]


def test_logs_are_kept_and_old_reports_are_not(ci: Engine, notes: list[str]) -> None:
    ci.reports.mkdir(parents=True)
    (ci.reports / "junit.xml").touch()
    ci.runs(container("app", "exited", code=1), KILLED, code=1)
    assert run(ci, notes) == 1
    assert sorted(path.name for path in ci.reports.iterdir()) == ["app.log", "postgres.log"]


def test_a_shell_changes_nothing(ci: Engine, notes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {"DATABASE_URL", "POSTGRES_PASSWORD", "SSL_ENABLED", "COMPOSE_PROFILES"}
    for name in refused:
        monkeypatch.setenv(name, "from a shell")
    monkeypatch.setenv("COMPOSE_MENU", "true")
    ci.runs(container("app", "exited"))
    assert run(ci, notes) == 0
    (up,) = [call for call in ci.fake.calls if call.argv[-len(UP) :] == UP]
    assert refused.isdisjoint(up.environment)
    # With a menu, Compose would take the terminal.
    assert up.environment["COMPOSE_MENU"] == "false"


def test_what_the_tests_say_is_on_our_own_outputs(
    ci: Engine, notes: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    ci.runs(container("app", "exited"), stdout="3 passed\n", stderr="built\n")
    assert run(ci, notes) == 0
    assert capfd.readouterr() == ("3 passed\n", "built\n")


def test_a_job_that_was_killed_is_taken_down_and_told(ci: Engine, notes: list[str]) -> None:
    ci.runs(container("app", "exited", code=137), code=137)
    with pytest.raises(DashtamError, match="was killed by SIGKILL") as raised:
        run(ci, notes)
    assert raised.value.code == 137
    assert was_taken_down(ci)
    assert notes == [f"reports: {ci.reports}"]


def test_a_build_that_failed_is_taken_down_and_told(ci: Engine, notes: list[str]) -> None:
    ci.answer("compose", "up", code=17)
    with pytest.raises(DashtamError, match="failed with exit code 17") as raised:
        run(ci, notes)
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert was_taken_down(ci)


def test_a_service_that_dies_ends_the_run(ci: Engine, notes: list[str]) -> None:
    events = (event("start"), event("die", "postgres", exitCode="137"))
    ci.runs(
        container("app", "running"),
        KILLED,
        events=events,
        leaves=[container("app", "exited", code=2), KILLED],
    )
    with pytest.raises(DashtamError, match=r"^Service postgres .* was killed by SIGKILL") as raised:
        run(ci, notes)
    assert (raised.value.code, ci.told) == (2, ["id-app"])
    assert was_taken_down(ci)


def test_a_run_that_takes_too_long_is_ended(ci: Engine, notes: list[str]) -> None:
    ci.answer("compose", "up", holds=True)
    with pytest.raises(DashtamError, match=r"^Time was up after 0\.05 s, ") as raised:
        run(ci, notes, timeout=0.05)
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert not [pid for pid in ci.fake.signals if Path(f"/proc/{pid}").exists()]
    assert was_taken_down(ci)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_is_taken_down(ci: Engine, notes: list[str], upon: Upon, number: int) -> None:
    begun = ci.fake.channel("begun")
    ci.answer("compose", "up", tells=begun, holds=True)
    upon(begun, lambda: os.kill(os.getpid(), number))
    with pytest.raises(KeyboardInterrupt):
        run(ci, notes)
    assert was_taken_down(ci)
    assert notes == [f"reports: {ci.reports}"]


def test_who_interrupts_the_end_too_does_not_keep_it_from_being_taken_down(
    ci: Engine, notes: list[str], upon: Upon
) -> None:
    ci.runs(container("app", "exited"))
    leaving, gone = ci.fake.channel("leaving"), ci.fake.channel("gone")
    ci.answer("compose", "down", tells=leaving, awaits=gone)

    def interrupt() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        Path(gone).write_bytes(b"")

    upon(leaving, interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(ci, notes)
    assert was_taken_down(ci)
    assert ci.fake.signals.keys().isdisjoint(call.pid for call in ci.fake.calls if "down" in call.argv)


def test_a_run_needs_its_files(ci: Engine, notes: list[str]) -> None:
    (ci.project.folder / "src").rmdir()
    with pytest.raises(DashtamError, match="/src of service app does not exist") as raised:
        run(ci, notes)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert ci.composed == [DOWN]


def test_a_folder_that_is_not_for_reports_is_not_emptied(ci: Engine, notes: list[str]) -> None:
    source = ci.project.folder / "src"
    (source / "app.py").touch()
    ci.resolves(app={"volumes": [{"type": "bind", "source": str(source), "target": "/reports"}]})
    with pytest.raises(DashtamError) as raised:
        run(ci, notes)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert [path.name for path in source.iterdir()] == ["app.py"]
    assert UP not in ci.composed


@pytest.mark.parametrize("code", [0, 1])
def test_the_linter_runs_in_the_image_of_the_tests(ci: Engine, notes: list[str], code: int) -> None:
    ci.answer("compose", "run", code=code)
    settings = msgspec.structs.replace(ci.project.settings, lint=("ruff", "check", "a b"))
    assert pipeline.lint(settings, instance=None, notify=notes.append) == code
    options = ("run", "--rm", "--no-deps", "--no-TTY", "app")
    assert ci.composed == [("build", "app"), (*options, "ruff", "check", "a b"), DOWN]
    assert instances.remembered() == ()


def test_cleaning_removes_every_copy_but_those_at_work(ci: Engine, notes: list[str]) -> None:
    settings = ci.project.settings
    for name in ("2", "x"):
        claimed(open_environment(settings, "ci", instance=name))
    # The run that made the reports in ci-3 is over, and forgotten; what is in the last three is somebody's own.
    for name in ("ci", "ci-2", "ci-3", "ci-x", "ci-archive", "ci-y", "test"):
        (ci.project.folder / "reports" / name).mkdir(parents=True)
    with holding(ci.project.folder, "ci (2)") as other:
        done = list(pipeline.clean(settings, notify=notes.append))
        other.communicate("\n")
    busy = f"left ci (2) alone: inv dev.rebuild (process {other.pid}) works on ci (2)."
    assert done == ["removed ci", busy, "removed ci (x)", "removed ci (3)"]
    assert [one.name for one in instances.remembered()] == ["2"]
    left = {path.name for path in (ci.project.folder / "reports").iterdir()}
    assert left == {"ci-2", "ci-archive", "ci-y", "test"}
    downs = [call for call in ci.fake.calls if "down" in call.argv]
    assert [call.environment.get("INSTANCE_SUFFIX") for call in downs] == [None, "-x", "-3"]
    assert all("--rmi" in call.argv for call in downs)


def test_cleaning_leaves_what_is_not_of_a_run(ci: Engine, notes: list[str]) -> None:
    for name in ("ci", "ci-archive", "ci-x"):
        (ci.project.folder / "reports" / name).mkdir(parents=True)
        (ci.project.folder / "reports" / name / "junit.xml").touch()
    assert list(pipeline.clean(ci.project.settings, notify=notes.append)) == ["removed ci"]
    left = sorted((ci.project.folder / "reports").glob("*/*"))
    assert [path.parent.name for path in left] == ["ci-archive", "ci-x"]


def test_reports_go_before_another_run_can_have_the_copy(ci: Engine, notes: list[str], upon: Upon) -> None:
    ci.reports.mkdir(parents=True)
    leaving, looked, there = ci.fake.channel("leaving"), ci.fake.channel("looked"), []
    ci.answer("compose", "down", tells=leaving, awaits=looked)

    def look() -> None:
        there.append(ci.reports.exists())
        Path(looked).write_bytes(b"")

    upon(leaving, look)
    assert list(pipeline.clean(ci.project.settings, notify=notes.append)) == ["removed ci"]
    assert there == [False]


def test_cleaning_fails_as_it_must(ci: Engine, notes: list[str]) -> None:
    ci.answer("compose", "down", stderr="image is in use\n", code=1)
    with pytest.raises(DashtamError) as raised:
        list(pipeline.clean(ci.project.settings, notify=notes.append))
    assert (raised.value.code, raised.value.details) == (ExitCode.UNAVAILABLE, "image is in use\n")
