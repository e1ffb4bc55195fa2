import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit import copies
from tests.unit.copies import composed

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project, Terminal

NO_ENGINE = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n"


@pytest.fixture
def docker(project: "Project", fake_docker: "FakeDocker") -> "FakeDocker":
    """A docker on which everything that a task asks for works."""
    (project.folder / "certs").mkdir()
    fake_docker.answer("compose")
    fake_docker.answer("compose", "config", stdout=project.model())
    fake_docker.answer("version", stdout="28.5.2\n")
    fake_docker.answer("image", "inspect", stdout="[]")
    fake_docker.answer("events", holds=True)
    fake_docker.runs("app", "postgres", "redis")
    return fake_docker


@pytest.mark.parametrize("name", ["dev.up", "up"])
def test_up_prints_what_runs(docker: "FakeDocker", tasks: "Terminal", name: str) -> None:
    done = tasks(name)
    assert done.code == 0
    heading, *rows = done.out.splitlines()
    assert heading.split() == ["service", "state", "ready", "after", "address"]
    assert [row.split() for row in rows] == [
        ["app", "running"],
        ["postgres", "running"],
        ["redis", "running"],
    ]
    (command,) = composed(docker)
    assert command[0] == "up"


def test_up_shows_progress_on_stderr(docker: "FakeDocker", tasks: "Terminal") -> None:
    labels = {"com.docker.compose.service": "app", "exitCode": "3"}
    event = {"Action": "die", "Actor": {"ID": "id-app", "Attributes": labels}}
    running = docker.channel("running")
    docker.answer("compose", "up", tells=running, holds=True)
    docker.answer("events", stdout=f"{json.dumps(event)}\n", awaits=running, holds=True)
    docker.answer("logs", stdout="No module named app\n")
    done = tasks("dev.up")
    assert (done.code, done.out) == (69, "")
    progress, error, *details, hint = done.err.splitlines()
    assert progress.startswith("app exited ")
    assert error == "error: Service app (dashtam-dev-app) exited with code 3."
    assert details == ["--- the last lines of app's log", "No module named app"]
    assert hint.startswith("hint: ")


def test_up_passes_its_options(docker: "FakeDocker", tasks: "Terminal") -> None:
    assert tasks("dev.up", "--service", "app", "--service", "redis", "--build", "--timeout", "7").code == 0
    build, start = composed(docker)
    assert build[0] == "build"
    assert start == ("up", "--detach", "--wait", "--no-build", "app", "redis", "--wait-timeout", "7")


def test_restart_and_rebuild_end_as_up_does(docker: "FakeDocker", tasks: "Terminal") -> None:
    restarted, rebuilt = tasks("restart", "--service", "redis"), tasks("dev.rebuild")
    assert (restarted.code, rebuilt.code) == (0, 0)
    assert restarted.out.splitlines()[1].split() == ["redis", "running"]
    restart, _, build, start = composed(docker)
    assert restart == ("restart", "redis")
    assert build == ("build", "--no-cache")
    assert "--force-recreate" in start


def test_build_passes_its_options(docker: "FakeDocker", tasks: "Terminal") -> None:
    assert tasks("dev.build", "--no-cache", "--service", "app").code == 0
    assert composed(docker) == [("build", "--no-cache", "app")]


def test_down_keeps_data(docker: "FakeDocker", tasks: "Terminal") -> None:
    assert tasks("down", "--timeout", "3").code == 0
    assert composed(docker) == [("--profile", "*", "down", "--remove-orphans", "--timeout", "3")]


def test_down_removes_volumes_only_with_consent(docker: "FakeDocker", tasks: "Terminal") -> None:
    refused = tasks("dev.down", "--volumes")
    assert (refused.code, refused.out) == (64, "")
    assert refused.err.startswith("error: Remove the volumes of dev and all data in them? ")
    assert composed(docker) == []
    assert tasks("dev.down", "--volumes", "--yes").code == 0
    assert "--volumes" in composed(docker)[0]


def test_down_asks_for_the_instance_that_it_would_remove(docker: "FakeDocker", tasks: "Terminal") -> None:
    done = tasks("dev.down", "--volumes", "--instance", "feature-x")
    assert (done.code, done.out) == (64, "")
    assert done.err.startswith("error: Remove the volumes of dev (feature-x) and all data in them? ")
    assert composed(docker) == []


def test_an_instance_that_is_removed_gives_its_ports_back(
    project: "Project", docker: "FakeDocker", tasks: "Terminal", state: Path
) -> None:
    copies.tell(docker, copies.model(project))
    assert tasks("dev.run", "--instance", "x", "--", "true").code == 0
    assert [path.name for path in state.glob("*.json")] == ["dashtam-dev-x.json"]
    assert tasks("dev.down", "--instance", "x").code == 0
    assert [path.name for path in state.glob("*.json")] == ["dashtam-dev-x.json"]
    assert tasks("dev.down", "--instance", "x", "--volumes", "--yes").code == 0
    assert list(state.glob("*.json")) == []
    assert composed(docker)[-1][4:] == ("--volumes", "--rmi", "local")


def test_logs_pass_options_output_and_exit_code(docker: "FakeDocker", tasks: "Terminal") -> None:
    docker.answer("compose", "logs", stdout="app | hello\n", code=2)
    done = tasks("logs", "--service", "app", "--no-follow", "--tail", "5", "--since", "10m")
    assert (done.code, done.out) == (2, "app | hello\n")
    assert composed(docker) == [("logs", "--tail", "5", "--since", "10m", "app")]


def test_logs_follow_by_default(docker: "FakeDocker", tasks: "Terminal") -> None:
    assert tasks("dev.logs").code == 0
    assert composed(docker) == [("logs", "--follow")]


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize("name", ["dev.status", "status", "ps"])
def test_status_is_a_table_or_json(tasks: "Terminal", name: str) -> None:
    table, data = tasks(name), tasks(name, "--json")
    assert [row.split()[:2] for row in table.out.splitlines()[1:]] == [
        ["app", "running"],
        ["postgres", "running"],
        ["redis", "running"],
    ]
    parsed = json.loads(data.out)
    assert [(one["service"], one["state"], one["image"]) for one in parsed] == [
        ("app", "running", "app:1"),
        ("postgres", "running", "postgres:1"),
        ("redis", "running", "redis:1"),
    ]
    assert (table.err, data.err) == ("", "")


def test_the_shell_is_the_settings(project: "Project", docker: "FakeDocker", tasks: "Terminal") -> None:
    assert tasks("shell").code == 0
    (project.folder / "invoke.yaml").write_text("dashtam: {shell: [sh, -l]}", encoding="utf-8")
    assert tasks("dev.shell", "--service", "redis").code == 0
    assert composed(docker) == [
        ("exec", "--no-TTY", "app", "bash"),
        ("exec", "--no-TTY", "redis", "sh", "-l"),
    ]


def test_exec_keeps_quoting_and_exit_code(docker: "FakeDocker", tasks: "Terminal") -> None:
    docker.answer("compose", "exec", stdout="out\n", stderr="err\n", code=5)
    done = tasks("dev.exec", "--user", "0", "--", "sh", "-c", 'echo "$HOME  x" --json', "--service", "")
    assert (done.code, done.out, done.err) == (5, "out\n", "err\n")
    (command,) = composed(docker)
    assert command[3:] == ("0", "app", "sh", "-c", 'echo "$HOME  x" --json', "--service", "")


def test_run_keeps_quoting_and_exit_code(docker: "FakeDocker", tasks: "Terminal") -> None:
    docker.answer("compose", "run", code=1)
    assert tasks("dev.run", "--", "pytest", "-k", "a or b").code == 1
    assert composed(docker) == [("run", "--rm", "--no-TTY", "app", "pytest", "-k", "a or b")]


@pytest.mark.parametrize("name", ["dev.exec", "dev.run"])
def test_no_command_is_a_usage_error(docker: "FakeDocker", tasks: "Terminal", name: str) -> None:
    done = tasks(name)
    assert (done.code, done.out) == (64, "")
    assert done.err.startswith("error: There is no command after --.\n")
    assert composed(docker) == []


def test_the_databases_and_the_caches_shells_pass_arguments(docker: "FakeDocker", tasks: "Terminal") -> None:
    assert tasks("dev.db-shell", "--", "-c", "select 1").code == 0
    assert tasks("dev.redis-cli", "--", "get", "a b").code == 0
    database, cache = composed(docker)
    assert database[2:4] + database[-2:] == ("postgres", "psql", "-c", "select 1")
    assert cache[2:] == ("redis", "redis-cli", "get", "a b")


@pytest.mark.parametrize("name", ["dev.up", "dev.status", "dev.shell"])
def test_an_engine_that_is_down_is_one_clear_message(
    docker: "FakeDocker", tasks: "Terminal", name: str
) -> None:
    for command in ("version", "ps", "image"):
        docker.answer(command, stderr=NO_ENGINE, code=1)
    docker.answer("image", "inspect", stderr=NO_ENGINE, code=1)
    docker.answer("version", "--format", stderr=NO_ENGINE, code=1)
    for command in ("build", "up"):
        docker.answer("compose", command, stderr=NO_ENGINE, code=1)
    done = tasks(name)
    assert (done.code, done.out) == (69, "")
    assert "error: No Docker Engine answers." in done.err.splitlines()


def test_a_shells_variables_do_not_reach_docker(
    docker: "FakeDocker", tasks: "Terminal", monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("POSTGRES_PASSWORD", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME"):
        monkeypatch.setenv(name, "from a shell")
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere.sock")
    assert tasks("dev.up").code == 0
    assert len(docker.calls) > 3
    for call in docker.calls:
        assert call.environment["DOCKER_HOST"] == "unix:///elsewhere.sock"
        assert "from a shell" not in call.environment.values()


@pytest.mark.parametrize("name", ["up", "down", "restart", "dev.rebuild"])
def test_containers_of_another_folder_are_left_alone(
    project: "Project", docker: "FakeDocker", tasks: "Terminal", tmp_path: Path, name: str
) -> None:
    docker.made_from(str(project.compose_file.parent), str(tmp_path))
    done = tasks(name)
    assert (done.code, done.out) == (75, "")
    assert f"The containers of Compose project dashtam-dev belong to {tmp_path}." in done.err
    assert {command[0] for command in composed(docker)} <= {"build"}


def test_containers_of_a_folder_that_is_gone_are_taken_over(
    docker: "FakeDocker", tasks: "Terminal", tmp_path: Path
) -> None:
    docker.made_from(str(tmp_path / "gone"))
    assert tasks("up").code == 0
    assert [command[0] for command in composed(docker)] == ["up"]


def test_containers_of_this_folder_are_ours(
    project: "Project", docker: "FakeDocker", tasks: "Terminal"
) -> None:
    docker.made_from(str(project.compose_file.parent))
    assert tasks("down").code == 0
    assert [command[:4] for command in composed(docker)] == [("--profile", "*", "down", "--remove-orphans")]
