"""CI on the example: the exit code, the words and the reports of a run, and that nothing is left of it."""

import json
import os
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dashtam_tasks import env_files
from tests.integration.projects import Project, await_word, disposable, docker, edit_service

COMPOSE_FILE = "compose/docker-compose.ci.yml"
DOCKERFILE = "example/docker/Dockerfile"
CASE = "example/tests/test_case.py"
REVISION = "example/alembic/versions/0002_case.py"

# It waits until somebody opens the gate, in a Redis that only its own run reaches.
GATE = r"""
import socket


def test_gate(capfd):
    with socket.create_connection(("redis", 6379), timeout=60) as redis, capfd.disabled():
        redis.sendall(b"BLPOP gate 60\r\n")
        print("waiting", flush=True)
        assert redis.recv(64).startswith(b"*2")
"""
DEAF_GATE = GATE.replace("import socket\n", "import signal\nimport socket\n").replace(
    "    with", "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n    with"
)
FAILING = """
def test_that_fails():
    assert 1 + 1 == 3
"""
HUNGRY = """
def test_that_eats_memory():
    assert len(b"x" * (1 << 30)) == 1 << 30
"""
LOST_REVISION = """
revision = "0002"
down_revision = "of-nobody"
"""

FROM_THE_SHELL = {
    "DATABASE_URL": "postgresql+asyncpg://from:the@shell:1/nowhere",
    "REDIS_URL": "redis://shell:1/0",
    "POSTGRES_PASSWORD": "from-the-shell",
    "POSTGRES_DB": "from-the-shell",
    "SSL_ENABLED": "true",
    "INSTANCE_SUFFIX": "-from-the-shell",
    "COMPOSE_PROJECT_NAME": "from-the-shell",
    "COMPOSE_FILE": "/nowhere.yml",
}


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The example, whose run passed without an env file before it."""
    for made in disposable(tmp_path_factory.mktemp("passed") / "a project"):
        (made.path / "envs/.env.ci").unlink()
        made.inv("ci.run")
        assert made.leftovers() == []
        yield made


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with one quick test, and an anonymous volume."""
    for made in disposable(tmp_path_factory.mktemp("small") / "a project"):
        for folder in ("integration", "unit"):
            for path in (made.path / "example/tests" / folder).glob("test_*.py"):
                path.unlink()
        (made.path / "example/tests/unit/test_quick.py").write_text("def test_quick() -> None:\n    pass\n")
        with (made.path / "example/.dockerignore").open("a") as ignored:
            # Both are mounted; a new image for each case would only cost time.
            ignored.write(f"\n{CASE.removeprefix('example/')}\n{REVISION.removeprefix('example/')}\n")
        last = "target: /reports, bind: { create_host_path: true } }"
        made.replace(COMPOSE_FILE, last, f"{last}\n      - /var/anonymous")
        yield made


@pytest.fixture
def small(prepared: Project) -> Iterator[Project]:
    """The small project, whose files are as they were before when a test is over."""
    before = {name: (prepared.path / name).read_text() for name in (COMPOSE_FILE, DOCKERFILE)}
    yield prepared
    for name, text in before.items():
        (prepared.path / name).write_text(text)
    for name in (CASE, REVISION):
        (prepared.path / name).unlink(missing_ok=True)


def reports(project: Project, copy: str = "") -> Path:
    """Return the folder of reports of a copy, `-2` for the second."""
    return project.path / f"reports/ci{project.suffix}{copy}"


def container(project: Project, service: str, copy: str = "") -> str:
    """Return the name of a service's container in a copy."""
    return f"dashtam-ci-{service}{project.suffix}{copy}"


def images(project: Project) -> set[str]:
    """Return the names of the images that the engine has of the project's CI."""
    names = ("--format", "{{.Repository}}", "--filter", f"reference=dashtam-ci{project.suffix}*")
    return set(docker("image", "ls", *names).splitlines())


def cases(project: Project, copy: str = "") -> dict[str, list[str]]:
    """Return what JUnit's report says of each test: nothing when it passed, else `failure` or `error`."""
    report = ET.parse(reports(project, copy) / "junit.xml")  # noqa: S314 - our own file
    return {str(case.get("name")): [outcome.tag for outcome in case] for case in report.iter("testcase")}


def anonymous_volumes(project: Project) -> set[str]:
    """Return the volumes that CI's containers have; the Compose file names none."""
    template = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}'
    return set(docker("inspect", "--format", template, *project.containers("ci").values()).split())


def open_gate(project: Project, copy: str = "") -> None:
    """Let the test that waits in a copy go on."""
    docker("exec", container(project, "redis", copy), "redis-cli", "lpush", "gate", "open")


def ended(process: "subprocess.Popen[str]", code: int) -> str:
    """Return the last of what a run prints, once it ended with an exit code."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == code, output
    return output


def await_event(name: str, event: str, *, since: float) -> None:
    """Return when the engine tells of an event of a container, `since` being a time; wait for a minute at most."""
    filters = ("--filter", f"container={name}", "--filter", f"event={event}")
    times = ("--since", str(since), "--until", str(since + 60))
    argv = ["docker", "events", *filters, *times, "--format", "{{.Action}}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as events:
        await_word(events, event)
        events.kill()


@contextmanager
def at_the_gate(
    project: Project, *options: str, environment: dict[str, str] | None = None, gate: str = GATE
) -> Iterator["subprocess.Popen[str]"]:
    """Yield a run whose test waits at the gate; after it, nothing may be left, nor its anonymous volumes."""
    (project.path / CASE).write_text(gate)
    with project.start("ci.run", *options, environment=environment, stderr=subprocess.STDOUT) as process:
        await_word(process, "waiting")
        volumes = anonymous_volumes(project)
        assert volumes
        yield process
    assert project.leftovers() == []
    assert volumes.isdisjoint(docker("volume", "ls", "--quiet").split())


def test_the_example_passes_and_leaves_only_reports(passed: Project) -> None:
    outcomes = cases(passed)
    assert len(outcomes) > 40
    assert not any(outcomes.values())
    folder = reports(passed)
    assert {path.name for path in folder.iterdir()} == {
        "junit.xml",
        "coverage.xml",
        "coverage",
        "app.log",
        "postgres.log",
        "redis.log",
    }
    rate = ET.parse(folder / "coverage.xml").getroot().get("line-rate")  # noqa: S314 - our own file
    assert 0.8 < float(rate or 0) < 1
    assert (folder / "coverage/index.html").is_file()
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_uid == os.geteuid(), path
    assert passed.leftovers() == []
    assert passed.instances() == {}


def test_the_env_file_is_made_of_its_example_and_holds_no_secret(passed: Project) -> None:
    path = passed.path / "envs/.env.ci"
    assert path.stat().st_mode & 0o777 == 0o600
    made, example = env_files.read(path), env_files.read(path.with_name(".env.ci.example"))
    user = {"APP_UID", "APP_GID"}
    assert made.keys() == example.keys() > user
    assert {name for name in made if made[name] != example[name]} <= user


def test_logs_are_those_of_the_last_run(passed: Project) -> None:
    services = {line.partition(" | ")[0] for line in passed.inv("ci.logs").stdout.splitlines()}
    assert services == {"app", "postgres", "redis"}
    shown = passed.inv("ci.logs", "--service", "postgres").stdout.splitlines()
    kept = (reports(passed) / "postgres.log").read_text().splitlines()
    assert shown == [f"postgres | {line}" for line in kept]
    assert "no-such" in passed.inv("ci.logs", "--service", "no-such", code=64).stderr


def test_isolation_and_the_doctor_find_nothing_wrong_with_ci(passed: Project) -> None:
    assert "dev, test, ci" in passed.inv("isolation").stdout
    assert json.loads(passed.inv("doctor", "--json").stdout)["findings"] == []


def test_lint_has_the_linters_exit_code(passed: Project) -> None:
    passed.inv("ci.lint")
    (passed.path / CASE).write_text("import os\n")
    assert "F401" in passed.inv("ci.lint", code=1).stdout
    (passed.path / CASE).unlink()
    assert passed.leftovers() == []


def test_clean_removes_images_and_reports_and_build_makes_the_image(passed: Project) -> None:
    image = f"dashtam-ci{passed.suffix}-app"
    assert images(passed) == {image}
    assert passed.inv("ci.clean").stdout.split() == ["removed", "ci"]
    assert images(passed) == set()
    assert not reports(passed).exists()
    assert "ci.run" in passed.inv("ci.logs", code=64).stderr
    passed.inv("ci.build")
    assert images(passed) == {image}


def test_a_failing_test_is_pytests_1(small: Project) -> None:
    (small.path / CASE).write_text(FAILING)
    small.inv("ci.run", code=1)
    assert cases(small) == {"test_quick": [], "test_that_fails": ["failure"]}
    assert (reports(small) / "coverage/index.html").is_file()
    assert small.leftovers() == []


def test_an_import_error_is_pytests_2(small: Project) -> None:
    (small.path / CASE).write_text("import no_such_module\n")
    small.inv("ci.run", code=2)
    assert ["error"] in cases(small).values()
    assert small.leftovers() == []


def test_a_run_that_fails_before_its_tests_has_no_old_reports(small: Project) -> None:
    folder = reports(small)
    (folder / "coverage").mkdir(parents=True, exist_ok=True)
    for old in ("junit.xml", "coverage.xml", "coverage/index.html", "no-such-service.log"):
        (folder / old).write_text("old")
    (small.path / REVISION).write_text(LOST_REVISION)
    small.inv("ci.run", code=1)
    assert {path.name for path in folder.iterdir()} == {"app.log", "postgres.log", "redis.log"}
    assert "of-nobody" in (folder / "app.log").read_text()
    assert small.leftovers() == []


def test_a_service_that_never_gets_healthy_is_named(small: Project) -> None:
    check = {"test": ["CMD", "false"], "interval": "200ms", "retries": 2}
    edit_service(small, "redis", environment="ci", healthcheck=check)
    done = small.inv("ci.run", code=69)
    assert f"Service redis ({container(small, 'redis')}) is unhealthy" in done.stderr
    assert "Service app was not started" in done.stderr
    assert (reports(small) / "redis.log").stat().st_size
    assert not (reports(small) / "junit.xml").exists()
    assert small.leftovers() == []


def test_a_run_that_is_out_of_memory_says_so(small: Project) -> None:
    (small.path / CASE).write_text(HUNGRY)
    edit_service(small, "app", environment="ci", mem_limit="300m", memswap_limit="300m")
    done = small.inv("ci.run", code=137)
    assert f"Service app ({container(small, 'app')}) ran out of memory" in done.stderr
    assert small.leftovers() == []


def test_a_killed_app_is_named_with_its_signal(small: Project) -> None:
    with at_the_gate(small) as run:
        docker("kill", container(small, "app"))
        output = ended(run, 137)
    assert f"Service app ({container(small, 'app')}) was killed by SIGKILL" in output
    assert (reports(small) / "app.log").stat().st_size


def test_a_killed_dependency_ends_the_run(small: Project) -> None:
    with at_the_gate(small) as run:
        docker("kill", container(small, "postgres"))
        output = ended(run, 2)
    assert f"Service postgres ({container(small, 'postgres')}) was killed by SIGKILL" in output
    assert (reports(small) / "postgres.log").stat().st_size


def test_ctrl_c_ends_the_tests_in_good_order(small: Project) -> None:
    with at_the_gate(small) as run:
        run.send_signal(signal.SIGINT)
        output = ended(run, 130)
    assert "KeyboardInterrupt" in output
    assert (reports(small) / "junit.xml").is_file()
    assert (reports(small) / "app.log").stat().st_size


def test_a_second_ctrl_c_does_not_wait_for_tests_that_do_not_end(small: Project) -> None:
    with at_the_gate(small, gate=DEAF_GATE) as run:
        begun = time.time()
        run.send_signal(signal.SIGINT)
        await_event(container(small, "app"), "kill", since=begun)
        run.send_signal(signal.SIGINT)
        ended(run, 130)
        assert time.time() - begun < 15
    assert (reports(small) / "app.log").stat().st_size


def test_sigterm_takes_everything_down(small: Project) -> None:
    with at_the_gate(small) as run:
        run.terminate()
        ended(run, 130)
    assert (reports(small) / "junit.xml").is_file()


def test_a_run_that_takes_too_long_is_ended(small: Project) -> None:
    with at_the_gate(small, "--timeout", "15") as run:
        output = ended(run, 69)
    assert "Time was up" in output
    assert (reports(small) / "junit.xml").is_file()
    assert "Time was up" in small.inv("ci.run", "--timeout", "0.1", code=69).stderr
    assert small.leftovers() == []


def test_ctrl_c_while_the_image_is_built(small: Project) -> None:
    endless = "RUN echo building && timeout 60 tail -f /dev/null"
    small.replace(DOCKERFILE, "COPY tests tests\n", f"COPY tests tests\n{endless}\n")
    with small.start("ci.run", stderr=subprocess.STDOUT) as run:
        await_word(run, "building")
        run.send_signal(signal.SIGINT)
        ended(run, 130)
    assert small.leftovers() == []


def test_ctrl_c_before_the_tests_run(small: Project) -> None:
    check = {"test": ["CMD", "false"], "interval": "1s", "retries": 600}
    edit_service(small, "redis", environment="ci", healthcheck=check)
    begun = time.time()
    with small.start("ci.run", stderr=subprocess.STDOUT) as run:
        await_event(container(small, "redis"), "start", since=begun)
        run.send_signal(signal.SIGINT)
        ended(run, 130)
    assert small.leftovers() == []


def test_what_a_killed_run_left_is_removed_by_the_next(small: Project) -> None:
    with at_the_gate(small) as run:
        run.kill()
        assert run.wait(timeout=60) == -signal.SIGKILL
        assert len(small.containers("ci")) == 3
        (small.path / CASE).unlink()
        small.inv("ci.run")
    assert cases(small) == {"test_quick": []}


def test_the_callers_variables_change_nothing_and_nothing_is_published(small: Project) -> None:
    with at_the_gate(small, environment=FROM_THE_SHELL) as run:
        names = {container(small, service) for service in ("app", "postgres", "redis")}
        assert small.containers("ci").keys() == names
        assert [docker("port", name) for name in names] == ["", "", ""]
        template = "{{range .Config.Env}}{{println .}}{{end}}"
        variables = docker("inspect", "--format", template, *names).splitlines()
        assert [line for line in variables if "shell" in line or line == "SSL_ENABLED=true"] == []
        small.inv("isolation")
        open_gate(small)
        ended(run, 0)
    assert cases(small) == {"test_gate": [], "test_quick": []}


def test_logs_and_clean_know_a_run_at_work(small: Project) -> None:
    with at_the_gate(small) as run:
        shown = small.inv("ci.logs", "--no-follow", "--service", "app").stdout
        assert "waiting" in shown.split()
        cleaned = small.inv("ci.clean").stdout
        assert f"left ci alone: inv ci.run (process {run.pid})" in cleaned
        open_gate(small)
        ended(run, 0)


def test_runs_at_once_do_not_meet(small: Project, tmp_path: Path) -> None:
    (small.path / CASE).write_text(GATE)
    small.inv("ci.clean")
    clone = Project(path=tmp_path / "clone", suffix=small.suffix, state=small.state)
    shutil.copytree(small.path, clone.path, ignore=shutil.ignore_patterns(".env.ci"))
    copies = ("", "-2", "-3")
    with ExitStack() as stack:
        started = (project.start("ci.run", stderr=subprocess.STDOUT) for project in (small, small, clone))
        runs = [stack.enter_context(run) for run in started]
        for run in runs:
            await_word(run, "waiting")
        for copy in copies:
            open_gate(small, copy)
        for run in runs:
            ended(run, 0)
    made = [
        (project, copy) for project in (small, clone) for copy in copies if reports(project, copy).exists()
    ]
    assert [project for project, _ in made] == [small, small, clone]
    assert {copy for _, copy in made} == set(copies)
    for project, copy in made:
        assert cases(project, copy) == {"test_gate": [], "test_quick": []}
        assert (reports(project, copy) / "coverage/index.html").is_file()
    assert small.leftovers() == []
    assert small.instances() == {}
    assert images(small) == {f"dashtam-ci{small.suffix}-app"}
