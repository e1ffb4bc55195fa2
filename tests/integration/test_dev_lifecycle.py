"""Starting, stopping and failing: what stays, what goes, and what a person is told."""

import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.projects import Project, docker, edit_service


def test_rows_outlive_down_and_go_only_with_volumes_and_yes(project: Project) -> None:
    project.inv("up")
    made = project.send("/accounts", {"name": "savings", "institution": "Schwab"})
    project.inv("down")
    assert project.containers() == {}
    project.inv("up")
    assert [one["id"] for one in project.get("/accounts")] == [made["id"]]

    refused = project.inv("down", "--volumes", code=64)
    assert "--yes" in refused.stderr
    assert project.get("/accounts")
    project.inv("clean", "--volumes", "--images", "--yes")
    assert project.leftovers() == []
    assert docker("image", "ls", "-q", "--filter", f"reference={project.name}-*") == ""


def test_a_service_that_dies_ends_up_with_its_last_words(project: Project) -> None:
    edit_service(project, "app", command=["sh", "-c", "echo last words >&2; exit 3"])
    done = project.inv("dev.up", code=69)
    assert f"Service app (dashtam-dev-app{project.suffix}) exited with code 3." in done.stderr
    assert "last words" in done.stderr


def test_a_service_that_stays_unhealthy_ends_up_with_its_health_checks_output(project: Project) -> None:
    check = {
        "test": ["CMD-SHELL", "echo not today; exit 1"],
        "interval": "1s",
        "retries": 1,
        "start_period": "0s",
    }
    edit_service(project, "redis", healthcheck=check)
    done = project.inv("dev.up", code=69)
    assert f"Service redis (dashtam-dev-redis{project.suffix}) is unhealthy." in done.stderr
    assert "not today" in done.stderr


def test_up_gives_up_when_time_is_up(project: Project) -> None:
    check = {"test": ["CMD-SHELL", "exit 1"], "interval": "1s", "start_period": "300s"}
    edit_service(project, "redis", healthcheck=check)
    done = project.inv("dev.up", "--service", "redis", "--timeout", "3", code=69)
    assert f"Service redis (dashtam-dev-redis{project.suffix}) is starting." in done.stderr


def test_a_port_that_a_process_holds_is_found_before_anything_starts(project: Project) -> None:
    with socket.create_server(("127.0.0.1", int(project.variable("REDIS_PORT")))) as server:
        done = project.inv("dev.up", code=69)
        port = server.getsockname()[1]
    assert f"Port 127.0.0.1:{port} of service redis is taken by process " in done.stderr
    assert project.leftovers() == []


def test_a_port_that_another_container_holds_is_found_with_its_name(project: Project) -> None:
    image = docker("image", "ls", "-q", "--filter", "label=dashtam-tasks.local-build").split()[0]
    port = project.variable("APP_PORT")
    name = f"holder{project.suffix}"
    docker(
        "run", "--detach", "--rm", "--name", name, "--publish", f"127.0.0.1:{port}:80", image, "sleep", "60"
    )
    try:
        done = project.inv("dev.up", code=69)
    finally:
        docker("rm", "--force", name)
    assert f"Port 127.0.0.1:{port} of service app is taken by container {name}" in done.stderr
    assert project.leftovers() == []


def test_killed_containers_come_back_with_up(project: Project) -> None:
    project.inv("up")
    docker("kill", f"dashtam-dev-postgres{project.suffix}", f"dashtam-dev-app{project.suffix}")
    project.inv("up")
    assert project.get("/health")["database"] == "connected"


def test_ctrl_c_during_up_exits_130_and_can_be_followed_by_down(project: Project) -> None:
    check = {"test": ["CMD-SHELL", "exit 1"], "interval": "1s", "start_period": "300s"}
    edit_service(project, "redis", healthcheck=check)
    with project.start("dev.up", "--service", "redis") as process:
        assert process.stderr is not None
        while "redis started" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    project.inv("down", "--volumes", "--yes")
    assert project.leftovers() == []


@pytest.mark.parametrize(
    ("file", "line", "code", "said"),
    [
        ("envs/.env.dev", "\nthis is = not an env file\n", 78, "envs/.env.dev:"),
        ("invoke.yaml", "\n  no_such_setting: 1\n", 78, "dashtam.no_such_setting"),
        ("invoke.yaml", "\n  readiness: {timeout: soon}\n", 78, "dashtam.readiness.timeout"),
        ("compose/docker-compose.dev.yml", "\nno_such_key: 1\n", 78, "docker-compose.dev.yml"),
    ],
)
def test_a_wrong_file_is_one_message_and_starts_nothing(
    project: Project, file: str, line: str, code: int, said: str
) -> None:
    with (project.path / file).open("a") as written:
        written.write(line)
    done = project.inv("dev.up", code=code)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert project.leftovers() == []


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("envs/.env.dev", 78),
        ("compose/docker-compose.dev.yml", 78),
        ("certs", 78),
    ],
)
def test_a_missing_file_is_named_and_starts_nothing(project: Project, file: str, code: int) -> None:
    (project.path / file).rename(project.path / "elsewhere")
    done = project.inv("dev.up", code=code)
    assert str(project.path / file) in done.stderr
    assert "Traceback" not in done.stderr
    assert project.leftovers() == []
    assert not (project.path / file).exists()


def test_an_engine_that_is_down_is_said(project: Project) -> None:
    for task in ("dev.up", "dev.status", "dev.down"):
        done = project.inv(task, code=69, environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
        assert "No Docker Engine answers." in done.stderr
        assert "Traceback" not in done.stderr


def test_up_builds_again_when_told_to(project: Project) -> None:
    project.inv("dev.build", "--service", "callback")
    first = docker("image", "inspect", f"{project.name}-callback", "--format", "{{.Id}}")
    server = project.path / "example/src/callback_server.py"
    server.write_text(server.read_text() + "\n# changed\n")
    project.inv("dev.up", "--build", "--service", "callback")
    assert docker("image", "inspect", f"{project.name}-callback", "--format", "{{.Id}}") != first


def test_a_dump_restores_every_row_and_a_damaged_one_changes_none(project: Project, tmp_path: Path) -> None:
    project.inv("up")
    names = ["savings", "Ünïcödé ✔", "it's; -- fine"]
    for name in names:
        project.send("/accounts", {"name": name, "institution": "Schwab"})
    dump = tmp_path / "a dump"
    project.inv("db.dump", "--file", str(dump))
    assert dump.stat().st_mode & 0o777 == 0o600
    assert dump.read_bytes().startswith(b"PGDMP")
    assert str(dump) in project.inv("db.dump", "--file", str(dump), code=73).stderr

    project.send("/accounts", {"name": "too late", "institution": "Schwab"})
    project.inv("dev.db-shell", "--", "-qc", "create table later (a int)")
    damaged = tmp_path / "damaged"
    damaged.write_bytes(dump.read_bytes()[:-200])
    project.inv("db.restore", "--file", str(damaged), "--yes", code=65)
    assert [one["name"] for one in project.get("/accounts")] == [*names, "too late"]

    project.inv("db.restore", "--file", str(dump), code=64)
    project.inv("db.restore", "--file", str(dump), "--yes")
    assert [one["name"] for one in project.get("/accounts")] == names
    query = "select to_regclass('later') is null, (select count(*) from pg_database where not datistemplate)"
    found = project.inv("dev.db-shell", "--", "-Atc", query)
    assert found.stdout.strip() == "t|2"


def test_a_second_checkout_does_not_touch_the_containers_of_the_first(
    project: Project, tmp_path: Path
) -> None:
    project.inv("up", "--service", "redis")
    before = project.containers()
    second = Project(path=tmp_path / "second", suffix=project.suffix, state=tmp_path / "other state")
    shutil.copytree(project.path, second.path)
    for task in (("up",), ("restart",), ("down",), ("clean", "--volumes", "--yes")):
        assert str(project.path / "compose") in second.inv(*task, code=75).stderr
    assert project.containers() == before


def test_setup_again_touches_nothing(project: Project) -> None:
    before = snapshot(project.path)
    assert project.inv("setup").stdout.splitlines() == ["Everything is in place."]
    assert snapshot(project.path) == before


def snapshot(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return mode and modification time of every file in a folder."""
    return {path: (path.stat().st_mode, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_the_installed_command_is_the_same_tree(project: Project) -> None:
    (project.path / "tasks.py").unlink()
    program = Path(sys.executable).with_name("dashtam-tasks")
    argv = [str(program), "keys", "--check"]
    done = subprocess.run(argv, cwd=project.path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
