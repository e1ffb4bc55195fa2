import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.runs import DOWN, Engine, container

if TYPE_CHECKING:
    from tests.unit.conftest import Terminal


@pytest.mark.parametrize("code", [0, 1, 2])
def test_run_has_the_exit_code_of_the_tests(ci: Engine, tasks: "Terminal", code: int) -> None:
    ci.runs(container("app", "exited", code=code), code=code, stdout="3 ran\n")
    done = tasks("ci.run")
    assert (done.code, done.out, done.err) == (code, "3 ran\n", f"reports: {ci.reports}\n")
    assert ci.composed[-1] == DOWN


def test_run_says_what_killed_the_tests(ci: Engine, tasks: "Terminal") -> None:
    ci.runs(container("app", "exited", code=137, OOMKilled=True), code=137)
    done = tasks("ci.run")
    assert done.code == 137
    assert done.err.splitlines()[:2] == [
        f"reports: {ci.reports}",
        "error: Service app (dashtam-ci-app) ran out of memory: exit code 137.",
    ]


def test_run_uses_the_copy_that_is_named(ci: Engine, tasks: "Terminal") -> None:
    ci.runs(container("app", "exited"))
    assert tasks("ci.run", "--instance", "x").code == 0
    (up,) = [call for call in ci.fake.calls if "up" in call.argv]
    assert up.environment["INSTANCE_SUFFIX"] == "-x"
    assert (ci.project.folder / "reports/ci-x/app.log").is_file()


def test_run_ends_when_time_is_up(ci: Engine, tasks: "Terminal") -> None:
    ci.answer("compose", "up", holds=True)
    done = tasks("ci.run", "--timeout", "0.05")
    assert done.code == 69
    assert done.err.splitlines()[1:] == [
        "error: Time was up after 0.05 s, before the run was over, and it was ended.",
        "hint: What its services said is kept: inv ci.logs",
    ]
    assert ci.composed[-1] == DOWN


@pytest.mark.parametrize("timeout", ["0", "-1", "soon", "nan", "inf"])
def test_a_timeout_is_some_seconds(ci: Engine, tasks: "Terminal", timeout: str) -> None:
    done = tasks("ci.run", f"--timeout={timeout}")
    assert (done.code, done.err) == (64, f"error: {timeout} is no number of seconds to wait.\n")
    assert ci.fake.calls == ()


@pytest.mark.parametrize(
    ("options", "expected"), [((), ("build",)), (("--no-cache",), ("build", "--no-cache"))]
)
def test_build_builds(
    ci: Engine, tasks: "Terminal", options: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert tasks("ci.build", *options).code == 0
    assert ci.composed == [expected]


@pytest.mark.parametrize("task", ["ci.run", "ci.build", "ci.clean"])
def test_an_env_file_that_is_made_from_its_example_is_told(ci: Engine, tasks: "Terminal", task: str) -> None:
    ci.runs(container("app", "exited"))
    path = ci.project.ci.env_file
    path.unlink()
    done = tasks(task)
    assert (done.code, done.err.splitlines()[0]) == (0, f"made {path} from .env.ci.example")
    assert "made" not in tasks("ci.build").err


@pytest.mark.parametrize("code", [0, 1])
def test_lint_runs_the_projects_own_linter(ci: Engine, tasks: "Terminal", code: int) -> None:
    text = json.dumps({"dashtam": {"lint": ["ruff", "check", "src"]}})
    (ci.project.folder / "invoke.yaml").write_text(text, encoding="utf-8")
    ci.answer("compose", "run", code=code, stdout="src/app.py:1:1\n")
    done = tasks("ci.lint")
    assert (done.code, done.out) == (code, "src/app.py:1:1\n")
    assert ci.composed[1][-4:] == ("app", "ruff", "check", "src")
    assert ci.composed[-1] == DOWN


def test_clean_tells_what_it_removed(ci: Engine, tasks: "Terminal") -> None:
    ci.reports.mkdir(parents=True)
    done = tasks("ci.clean")
    assert (done.code, done.out, done.err) == (0, "removed ci\n", "")
    assert not ci.reports.exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), ("logs", "--follow")),
        (("--no-follow", "--service", "app", "--service", "redis"), ("logs", "app", "redis")),
    ],
)
def test_logs_are_those_of_the_run_at_work(
    ci: Engine, tasks: "Terminal", options: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    ci.has(container("app", "running"))
    assert tasks("ci.logs", *options).code == 0
    assert ci.composed == [expected]


def test_logs_are_those_of_the_last_run_afterwards(ci: Engine, tasks: "Terminal") -> None:
    ci.reports.mkdir(parents=True)
    for service in ("app", "redis"):
        (ci.reports / f"{service}.log").write_text(f"{service} ran\n", encoding="utf-8")
    assert tasks("ci.logs").out == "app | app ran\nredis | redis ran\n"
    assert tasks("ci.logs", "--service", "redis").out == "redis | redis ran\n"
    done = tasks("ci.logs", "--service", "web")
    assert (done.code, done.out) == (64, "")
    assert done.err.startswith(f"error: There is no log of web in {ci.reports}.\n")
    assert ci.composed == []


def test_logs_are_those_of_the_copy_that_ran_last(ci: Engine, tasks: "Terminal") -> None:
    for age, name in enumerate(("ci-2", "ci-3", "ci"), start=1):
        folder = ci.project.folder / "reports" / name
        folder.mkdir(parents=True)
        (folder / "app.log").write_text(f"ran in {name}\n", encoding="utf-8")
        os.utime(folder, (-age, -age))
    assert tasks("ci.logs").out == "app | ran in ci-2\n"
    assert tasks("ci.logs", "--instance", "3").out == "app | ran in ci-3\n"


def test_logs_of_another_folders_run_are_not_shown(ci: Engine, tasks: "Terminal", tmp_path: Path) -> None:
    ci.has(container("app", "running"))
    ci.fake.made_from(str(tmp_path))
    ci.reports.mkdir(parents=True)
    (ci.reports / "app.log").write_text("ours\n", encoding="utf-8")
    assert tasks("ci.logs").out == "app | ours\n"
    assert ci.composed == []
