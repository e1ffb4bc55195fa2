import json
import os
import pty
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project, Terminal

REPORTS = ("--junit-xml=/reports/junit-unit.xml", "-o", "cache_dir=/reports/.pytest_cache")
PYTEST = ("uv", "run", "pytest", *REPORTS)
ONE_OFF = "label=com.docker.compose.oneoff=True"
DOWN = ("--profile", "*", "down", "--remove-orphans")


@pytest.fixture
def docker(project: "Project", fake_docker: "FakeDocker") -> "FakeDocker":
    """A docker on which nothing of the environment test runs yet, and everything that a suite asks for works."""
    (project.folder / "certs").mkdir()
    fake_docker.answer("compose")
    fake_docker.answer("compose", "config", stdout=project.test.model())
    fake_docker.answer("version", stdout="28.5.2\n")
    fake_docker.answer("image", "inspect", stdout="[]")
    fake_docker.answer("events", holds=True)
    fake_docker.answer("rm")
    fake_docker.answer("ps")
    return fake_docker


def composed(fake: "FakeDocker") -> list[tuple[str, ...]]:
    """Return what Compose was told to do, without its files and without mere questions."""
    calls = [argv for argv in fake.argvs if argv[0] == "compose"]
    commands = [argv[argv.index("--env-file") + 2 :] for argv in calls]
    return [command for command in commands if "config" not in command]


def suite(fake: "FakeDocker") -> tuple[str, ...]:
    """Return the arguments of the one `docker compose run` that ran a suite."""
    (found,) = [argv for argv in composed(fake) if "--label" in argv]
    return found


def command(fake: "FakeDocker") -> tuple[str, ...]:
    """Return the suite's command line in the app's container."""
    found = suite(fake)
    return found[found.index("app") + 1 :]


def configure(project: "Project", **suites: Any) -> None:
    """Write suites into invoke.yaml."""
    text = json.dumps({"dashtam": {"suites": suites}})
    (project.folder / "invoke.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ("tests/unit",)),
        (("--path", "tests/a.py", "--path", "tests/b.py::test_c"), ("tests/a.py", "tests/b.py::test_c")),
        (("-k", "a or b"), ("-k", "a or b", "tests/unit")),
        (("-x",), ("-x", "tests/unit")),
        (("--lf",), ("--lf", "tests/unit")),
        (
            ("--", "-k", 'x "y"  z', "--json", "", "--"),
            ("tests/unit", "-k", 'x "y"  z', "--json", "", "--"),
        ),
        (
            ("--lf", "-x", "-k", "a", "--path", "b", "--", "-vv"),
            ("-k", "a", "-x", "--lf", "b", "-vv"),
        ),
    ],
)
def test_options_reach_pytest(
    docker: "FakeDocker", tasks: "Terminal", arguments: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert tasks("test.unit", *arguments).code == 0
    assert command(docker) == (*PYTEST, *expected)


@pytest.mark.parametrize(("option", "measured"), [("--cov", "--cov=src"), ("--cov=src/api", "--cov=src/api")])
def test_coverage_is_of_the_suites_sources_or_of_those_named(
    docker: "FakeDocker", tasks: "Terminal", option: str, measured: str
) -> None:
    assert tasks("test.unit", option).code == 0
    reports = ("--cov-report=term-missing", "--cov-report=xml:/reports/coverage-unit.xml")
    assert command(docker) == (*PYTEST, measured, *reports, "tests/unit")


def test_the_debugger_needs_a_terminal(docker: "FakeDocker", tasks: "Terminal") -> None:
    done = tasks("test.unit", "--pdb")
    assert (done.code, done.out) == (64, "")
    assert done.err == "error: --pdb needs a terminal to talk to.\n"
    assert composed(docker) == []


def test_at_a_terminal_the_debuggers_container_gets_it(
    docker: "FakeDocker", tasks: "Terminal", monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0), os.fdopen(theirs, "r", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        assert tasks("test.unit", "--pdb").code == 0
    assert "--no-TTY" not in suite(docker)
    assert command(docker) == (*PYTEST, "--pdb", "tests/unit")


def test_without_the_debugger_no_container_gets_a_terminal(
    docker: "FakeDocker", tasks: "Terminal", monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0), os.fdopen(theirs, "r", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        assert tasks("test.unit").code == 0
    assert "--no-TTY" in suite(docker)


@pytest.mark.parametrize("name", ["test", "test.all"])
def test_test_alone_runs_all(docker: "FakeDocker", tasks: "Terminal", name: str) -> None:
    assert tasks(name).code == 0
    assert "dashtam-tasks.suite=all" in suite(docker)
    assert command(docker)[-1] == "tests"


def test_coverage_measures_all_tests(docker: "FakeDocker", tasks: "Terminal") -> None:
    assert tasks("test.coverage", "-k", "login", "--", "--cov-fail-under=80").code == 0
    assert "dashtam-tasks.suite=all" in suite(docker)
    assert "--cov=src" in command(docker)
    assert command(docker)[-4:] == ("-k", "login", "tests", "--cov-fail-under=80")


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5])
def test_the_exit_code_is_pytests(
    project: "Project", docker: "FakeDocker", tasks: "Terminal", code: int
) -> None:
    report = str(project.folder / "reports/test/junit-unit.xml")
    docker.answer("compose", "run", "--label", code=code, reads=report, stdout="..F\n", stderr="warned\n")
    done = tasks("test.unit")
    assert (done.code, done.out) == (code, "..F\n")
    assert done.err.endswith("warned\n")


def test_a_suite_that_did_not_run_is_no_failed_test(docker: "FakeDocker", tasks: "Terminal") -> None:
    docker.answer("compose", "run", "--label", code=1)
    done = tasks("test.unit")
    assert done.code == 69
    assert "error: Suite unit could not be run: " in done.err
    assert "hint: The command is dashtam.suites.unit.command: uv run pytest" in done.err


def test_containers_of_a_killed_task_are_removed_before(docker: "FakeDocker", tasks: "Terminal") -> None:
    docker.answer("ps", ONE_OFF, "label=dashtam-tasks.suite", stdout="id-stale\n")
    assert tasks("test.unit").code == 0
    removed = docker.argvs.index(("rm", "--force", "--volumes", "id-stale"))
    (ran,) = [at for at, argv in enumerate(docker.argvs) if "--label" in argv and argv[0] == "compose"]
    assert removed < ran


def test_services_stay_for_the_next_run(docker: "FakeDocker", tasks: "Terminal") -> None:
    assert tasks("test.unit").code == 0
    assert DOWN not in composed(docker)


@pytest.mark.parametrize("code", [0, 1, 5])
def test_down_takes_services_down_and_keeps_the_exit_code(
    project: "Project", docker: "FakeDocker", tasks: "Terminal", code: int
) -> None:
    report = str(project.folder / "reports/test/junit-unit.xml")
    docker.answer("compose", "run", "--label", code=code, reads=report)
    assert tasks("test.unit", "--down").code == code
    assert composed(docker)[-1] == DOWN


def test_down_takes_services_down_when_they_do_not_start(docker: "FakeDocker", tasks: "Terminal") -> None:
    docker.answer("compose", "up", code=1)
    assert tasks("test.unit", "--down").code == 69
    assert [argv[0] for argv in composed(docker)] == ["up", "--profile"]
    assert composed(docker)[-1] == DOWN


def test_down_takes_services_down_after_ctrl_c(docker: "FakeDocker", tasks: "Terminal") -> None:
    running = docker.channel("running")
    docker.answer("compose", "run", "--label", tells=running, holds=True)

    def press() -> None:
        Path(running).read_bytes()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    done = tasks("test.unit", "--down")
    assert done.code == 130
    assert "Traceback" not in done.err
    assert composed(docker)[-1] == DOWN


def test_a_suite_of_the_settings_is_a_task(
    project: "Project", docker: "FakeDocker", tasks: "Terminal"
) -> None:
    configure(project, smoke={"command": ["pytest"], "paths": ["tests/smoke"], "needs": []})
    listed = tasks("--list")
    (row,) = [line.split(maxsplit=1) for line in listed.out.splitlines() if "test.smoke" in line]
    assert row[1].startswith("Run the suite smoke; ")
    assert tasks("test.smoke", "-x").code == 0
    assert command(docker)[0] == "pytest"
    assert command(docker)[-2:] == ("-x", "tests/smoke")
    assert [argv for argv in composed(docker) if argv[0] == "up"] == []


@pytest.mark.parametrize("name", ["up", "coverage", "db_shell", "db-shell"])
def test_a_suite_with_the_name_of_another_task_is_named_with_its_key(
    project: "Project", docker: "FakeDocker", tasks: "Terminal", name: str
) -> None:
    configure(project, **{name: {}})
    done = tasks("test.unit")
    assert (done.code, done.out) == (78, "")
    assert done.err.startswith(f"error: dashtam.suites.{name}: there is a task test.{name} already.\n")
    assert docker.calls == ()


def test_a_suite_that_is_not_pytest_takes_what_follows_the_dashes(
    project: "Project", docker: "FakeDocker", tasks: "Terminal"
) -> None:
    configure(project, ui={"command": ["npm", "test"], "pytest": False, "needs": []})
    docker.answer("compose", "run", "--label", code=1)
    assert tasks("test.ui", "--path", "ui/a", "--", "--watch").code == 1
    assert command(docker) == ("npm", "test", "ui/a", "--watch")


@pytest.mark.parametrize("option", [("-k", "login"), ("-x",), ("--lf",), ("--cov",)])
def test_a_suite_that_is_not_pytest_refuses_its_options(
    project: "Project", docker: "FakeDocker", tasks: "Terminal", option: tuple[str, ...]
) -> None:
    configure(project, ui={"command": ["npm", "test"], "pytest": False})
    done = tasks("test.ui", *option)
    assert (done.code, done.out) == (64, "")
    assert done.err == "error: Suite ui does not run pytest: it takes --path and what follows --.\n"
    assert composed(docker) == []


def test_a_suite_on_the_host_prints_and_ends_as_its_command_does(
    project: "Project", docker: "FakeDocker", tasks: "Terminal"
) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    configure(project, here={"command": [sys.executable, "-c", code], "where": "host", "needs": []})
    done = tasks("test.here")
    assert (done.code, done.out, done.err) == (3, "out\n", "err\n")
    assert composed(docker) == []
