"""Suites on the example: what reaches pytest, what comes back, and what stays behind."""

import os
import pty
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.projects import Project, await_word, disposable, docker

UNIT = "tests/unit/test_config.py"

FAILING = """
def test_that_fails():
    assert 1 + 1 == 3


def test_that_passes():
    pass
"""
STATUS, BROKEN_STATUS = 'if down else "ok"}', 'if down else "broken"}'
STUCK = """
import signal


def test_that_never_ends():
    print("stuck", flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose test environment is warm, shared by this module's tests."""
    for made in disposable(tmp_path_factory.mktemp("tested") / "a project"):
        made.inv("test.integration", "--path", "tests/integration/test_accounts.py")
        yield made


@contextmanager
def added(project: Project, name: str, content: str) -> Iterator[str]:
    """Put a file beside the example's unit tests, and yield its path as the container has it."""
    path = f"tests/unit/{name}"
    (project.path / "example" / path).write_text(content)
    yield path
    (project.path / "example" / path).unlink()


@pytest.fixture
def failing(tested: Project) -> Iterator[str]:
    """A test file of which one test fails."""
    with added(tested, "test_failing.py", FAILING) as path:
        yield path


@pytest.fixture
def stuck(tested: Project) -> Iterator[str]:
    """A test file whose test never ends."""
    with added(tested, "test_stuck.py", STUCK) as path:
        yield path


def cases(project: Project, suite: str) -> set[str]:
    """Return the names of the tests in a suite's JUnit report."""
    report = ET.parse(project.path / f"reports/test/junit-{suite}.xml")  # noqa: S314 - our own file
    return {str(case.get("name")) for case in report.iter("testcase")}


def services(project: Project) -> set[str]:
    """Return the services of the test environment that have a container; a one-off one would be an extra name."""
    prefix, suffix = "dashtam-test-", project.suffix
    return {name.removeprefix(prefix).removesuffix(suffix) for name in project.containers("test")}


def test_a_suite_starts_what_it_needs_and_leaves_it_warm(tested: Project) -> None:
    assert services(tested) == {"postgres", "redis"}
    before = tested.containers("test")
    done = tested.inv("test.integration")
    assert "passed" in done.stdout
    assert "Running upgrade" not in done.stdout + done.stderr
    assert tested.containers("test") == before


def test_a_new_database_is_prepared_and_an_old_one_is_not(tested: Project) -> None:
    one = ("test.integration", "--path", "tests/integration/test_accounts.py")
    docker("restart", "--time", "0", f"dashtam-test-postgres{tested.suffix}")
    assert "Running upgrade" in tested.inv(*one).stderr
    assert "Running upgrade" not in tested.inv(*one).stderr


def test_a_suite_that_needs_nothing_starts_nothing(project: Project) -> None:
    project.inv("test.unit")
    assert project.containers("test") == {}
    project.inv("test.down")
    assert project.leftovers() == []
    assert project.instances() == {}


def test_down_removes_the_services_and_keeps_the_exit_code(tested: Project, failing: str) -> None:
    tested.inv("test.integration", "--path", failing, "--down", code=1)
    assert tested.containers("test") == {}
    tested.inv("test.integration", "--path", "tests/integration/test_accounts.py")


def test_the_default_of_test_is_all(tested: Project) -> None:
    tested.inv("test")
    assert {"test_oauth_flow", "test_client_with_the_ca_is_served"} <= cases(tested, "all")


@pytest.mark.parametrize(
    ("options", "code", "run"),
    [
        (("-k", "fails"), 1, {"test_that_fails"}),
        (("-k", "passes"), 0, {"test_that_passes"}),
        (("-x",), 1, {"test_that_fails"}),
        (("--", "--deselect", "tests/unit/test_failing.py::test_that_fails"), 0, {"test_that_passes"}),
        (("--", "-k", "nothing"), 5, set()),
        (("--", "--no-such-option"), 4, None),
    ],
)
def test_options_reach_pytest_and_its_exit_code_is_ours(
    tested: Project, failing: str, options: tuple[str, ...], code: int, run: set[str] | None
) -> None:
    tested.inv("test.unit", "--path", failing, *options, code=code)
    if run is not None:
        assert cases(tested, "unit") == run


def test_last_failed_runs_what_failed_last_time(tested: Project, failing: str) -> None:
    tested.inv("test.unit", "--path", failing, code=1)
    tested.inv("test.unit", "--path", failing, "--lf", code=1)
    assert cases(tested, "unit") == {"test_that_fails"}


def test_an_import_error_is_pytests_2(tested: Project) -> None:
    with added(tested, "test_broken.py", "import no_such_module\n") as broken:
        tested.inv("test.unit", "--path", broken, code=2)


def test_a_command_that_cannot_be_run_is_not_taken_for_failed_tests(project: Project) -> None:
    project.replace(
        "invoke.yaml", "unit: { needs: [] }", "unit: { needs: [], command: [python, -m, no_such_module] }"
    )
    assert "could not be run" in project.inv("test.unit", code=69).stderr


def test_reports_land_in_the_folder_and_belong_to_the_caller(tested: Project) -> None:
    tested.inv("test.unit", "--path", UNIT, "--cov")
    folder = tested.path / "reports/test"
    assert {"junit-unit.xml", "coverage-unit.xml"} <= {path.name for path in folder.iterdir()}
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_uid == os.geteuid(), path
    assert folder.stat().st_mode & 0o777 == 0o755
    rate = ET.parse(folder / "coverage-unit.xml").getroot().get("line-rate")  # noqa: S314 - our own file
    assert 0 < float(rate or 0) < 1


def test_coverage_is_measured_over_all_tests(tested: Project) -> None:
    done = tested.inv("test.coverage")
    total = re.search(r"^TOTAL .* (\d+)%$", done.stdout, re.MULTILINE)
    assert total
    assert int(total[1]) > 80
    assert (tested.path / "reports/test/coverage-all.xml").is_file()


def test_ctrl_c_stops_pytest_and_removes_its_container(tested: Project, stuck: str) -> None:
    before = tested.containers("test")
    with tested.start("test.unit", "--path", stuck, "--", "-s") as process:
        await_word(process, "stuck")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "KeyboardInterrupt" in output
    assert tested.containers("test") == before


def test_what_a_killed_task_left_is_removed_by_the_next(tested: Project, stuck: str) -> None:
    before = tested.containers("test")
    with tested.start("test.unit", "--path", stuck, "--", "-s", process_group=0) as process:
        await_word(process, "stuck")
        process.kill()
        # Compose, which holds the other end of its streams, lives on for as long as the container does.
        assert process.wait(timeout=60) == -signal.SIGKILL
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()
    assert len(tested.containers("test")) == len(before) + 1
    tested.inv("test.unit", "--path", UNIT)
    assert tested.containers("test") == before


def test_a_second_task_waits_for_the_first(tested: Project, stuck: str) -> None:
    with tested.start("test.unit", "--path", stuck, "--", "-s") as first:
        await_word(first, "stuck")
        with tested.start("test.unit", "--path", UNIT) as second:
            assert second.stderr is not None
            told = second.stderr.readline()
            assert f"inv test.unit (process {first.pid})" in told
            assert second.poll() is None
            first.send_signal(signal.SIGINT)
            first.communicate(timeout=60)
            second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (130, 0)


def test_a_second_task_gives_up_when_its_patience_ends(tested: Project, stuck: str) -> None:
    with tested.start("test.unit", "--path", stuck, "--", "-s") as first:
        await_word(first, "stuck")
        impatient = {"INVOKE_DASHTAM_INSTANCES_PATIENCE": "0.5"}
        done = tested.inv("test.down", code=75, environment=impatient)
        assert f"inv test.unit (process {first.pid})" in done.stderr
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)


def test_the_debugger_talks_to_the_terminal(tested: Project, failing: str) -> None:
    assert "terminal" in tested.inv("test.unit", "--path", failing, "--pdb", code=64).stderr
    master, slave = pty.openpty()
    with tested.start(
        "test.unit",
        "--path",
        failing,
        "--pdb",
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as process:
        os.close(slave)
        seen = read_until(master, b"(Pdb)")
        os.write(master, b"p 'the answer is', 6 * 7\n")
        seen += read_until(master, b"42")
        os.write(master, b"q\n")
        assert process.wait(timeout=60) == 2
    os.close(master)
    assert b"test_that_fails" in seen


def read_until(descriptor: int, word: bytes) -> bytes:
    """Return what a terminal shows up to a word; pytest-timeout ends a wait that would be too long."""
    seen = b""
    while word not in seen:
        seen += os.read(descriptor, 4096)
    return seen


def test_a_project_adds_suites_of_its_own(project: Project) -> None:
    (project.path / "example/tests/smoke").mkdir()
    (project.path / "example/tests/smoke/test_smoke.py").write_text(
        "import os\n\n\ndef test_variable():\n    assert os.environ['SMOKE'] == 'a b'\n"
    )
    settings = "    smoke: { paths: [tests/smoke], needs: [], variables: { SMOKE: a b } }\n"
    project.replace("invoke.yaml", "    unit: {", f"{settings}    unit: {{")
    assert "test.smoke" in project.inv("--list").stdout
    project.inv("test.smoke")
    assert cases(project, "smoke") == {"test_variable"}


def test_a_suite_on_the_host_reaches_the_published_ports(tested: Project) -> None:
    folder = tested.path / "host tests"
    folder.mkdir()
    (folder / "test_ports.py").write_text(
        "import os, re, socket\n\n\n"
        "def test_ports():\n"
        "    assert 'FROM_THE_SHELL' not in os.environ\n"
        "    for name in ('DATABASE_URL', 'REDIS_URL'):\n"
        "        host, port = re.search(r'@?([\\w.]+):(\\d+)/', os.environ[name].rpartition('@')[2]).groups()\n"
        "        socket.create_connection((host, int(port)), timeout=5).close()\n"
    )
    command = f'[{sys.executable}, "-m", pytest]'
    settings = f"    outside: {{ where: host, folder: host tests, command: {command} }}\n"
    tested.replace("invoke.yaml", "    unit: {", f"{settings}    unit: {{")
    tested.inv("test.outside", environment={"FROM_THE_SHELL": "1"})
    assert cases(tested, "outside") == {"test_ports"}


def test_https_is_proven_by_the_served_app(project: Project) -> None:
    project.inv("test.ssl")
    assert {
        "test_oauth_flow",
        "test_client_with_the_ca_is_served",
        "test_plain_http_is_not_answered",
    } <= cases(project, "ssl")
    name = f"dashtam-test-app-ssl{project.suffix}"
    assert docker("inspect", name, "--format", "{{.State.Health.Status}}") == "healthy"
    # What is served is the code as it is now.
    one = ("test.ssl", "-k", "test_client_with_the_ca_is_served")
    project.replace("example/src/api/status.py", STATUS, BROKEN_STATUS)
    project.inv(*one, code=1)
    project.replace("example/src/api/status.py", BROKEN_STATUS, STATUS)
    project.inv(*one)
    # A client that trusts another certificate is refused by the same tests.
    distrust = "    ssl: { variables: { TLS_CA_FILE: /app/certs/callback_cert.pem } }\n"
    project.replace("invoke.yaml", "    unit: {", f"{distrust}    unit: {{")
    done = project.inv(*one, code=1)
    assert "CERTIFICATE_VERIFY_FAILED" in done.stdout


def test_the_served_app_is_prepared(project: Project) -> None:
    project.inv("test.up")
    name = f"dashtam-test-app{project.suffix}"
    script = "import urllib.request as r; print(r.urlopen('http://localhost:8000/accounts').status)"
    assert docker("exec", name, "python", "-c", script) == "200"
    tmpfs = docker(
        "inspect", f"dashtam-test-postgres{project.suffix}", "--format", "{{json .HostConfig.Tmpfs}}"
    )
    assert "/var/lib/postgresql/data" in tmpfs
    assert project.found("volume") == []
    shown = project.sql("show fsync", "test") + project.sql("show synchronous_commit", "test")
    assert shown.split() == ["off", "off"]


def test_plain_docker_compose_runs_the_same_tests(tested: Project) -> None:
    argv = ["docker", "compose", "--env-file", "envs/.env.images", "--env-file", "envs/.env.test"]
    argv += [
        "--file",
        "compose/docker-compose.test.yml",
        "run",
        "--rm",
        "-T",
        "app",
        "uv",
        "run",
        "pytest",
        UNIT,
    ]
    done = subprocess.run(
        argv,
        cwd=tested.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_environment_file_is_private(tested: Project) -> None:
    assert Path(tested.path / "envs/.env.test").stat().st_mode & 0o777 == 0o600
