"""A running development environment, as its users find it."""

import json
import signal
import ssl
import subprocess
import sys
import time
import urllib.error

import pytest

from tests.integration.projects import Project, docker

PATIENCE_SECONDS = 30
SERVICES = ("app", "callback", "postgres", "redis")


def test_up_starts_four_healthy_containers_on_their_own_network(running: Project) -> None:
    names = {f"dashtam-dev-{service}{running.suffix}" for service in SERVICES}
    assert running.containers().keys() == names
    for name in names:
        state, networks = docker(
            "inspect", name, "--format", "{{.State.Health.Status}} {{json .NetworkSettings.Networks}}"
        ).split(" ", 1)
        assert state == "healthy"
        assert set(json.loads(networks)) == {f"dashtam-dev-network{running.suffix}"}


def test_the_app_answers_over_tls_with_database_and_redis(running: Project) -> None:
    assert running.get("/health") == {"status": "ok", "database": "connected", "redis": "connected"}


def test_the_callback_server_answers(running: Project) -> None:
    assert running.get("/health", port="CALLBACK_PORT")["status"] == "ok"


def test_a_client_without_our_authority_is_refused(running: Project) -> None:
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        running.get(trust=ssl.create_default_context())


def test_every_port_is_published_on_loopback_only(running: Project) -> None:
    for name in running.containers():
        bindings = json.loads(docker("inspect", name, "--format", "{{json .NetworkSettings.Ports}}"))
        published = [binding for found in bindings.values() for binding in found or ()]
        assert published
        assert {binding["HostIp"] for binding in published} == {"127.0.0.1"}


def test_the_app_is_not_root_and_gains_no_privileges(running: Project) -> None:
    for service in ("app", "callback"):
        name = f"dashtam-dev-{service}{running.suffix}"
        assert docker("exec", name, "id", "-u") == running.variable("APP_UID") != "0"
        assert "no-new-privileges:true" in json.loads(
            docker("inspect", name, "--format", "{{json .HostConfig.SecurityOpt}}")
        )


def test_up_again_keeps_every_container(running: Project) -> None:
    before = running.containers()
    assert "healthy" in running.inv("up").stdout
    assert running.containers() == before


def test_the_callers_variables_change_nothing(running: Project) -> None:
    before = running.containers()
    strange = {
        "POSTGRES_PASSWORD": "from-the-shell",
        "SSL_ENABLED": "false",
        "APP_PORT": "1",
        "COMPOSE_PROJECT_NAME": "from-the-shell",
        "COMPOSE_FILE": "/nowhere.yml",
    }
    running.inv("dev.up", environment=strange)
    assert running.containers() == before


def test_an_edit_shows_in_a_response(running: Project) -> None:
    file = "example/src/api/status.py"
    running.replace(file, '"name": "Dashtam"', '"name": "Edited"')
    end = time.monotonic() + PATIENCE_SECONDS
    seen = ""
    while seen != "Edited" and time.monotonic() < end:
        try:
            seen = running.get("/")["name"]
        except (urllib.error.URLError, ConnectionError):
            continue
    running.replace(file, '"name": "Edited"', '"name": "Dashtam"')
    assert seen == "Edited"


def test_status_as_json_says_where_each_service_is(running: Project) -> None:
    status = {one["service"]: one for one in json.loads(running.inv("dev.status", "--json").stdout)}
    assert set(status) == set(SERVICES)
    assert status["app"]["endpoints"] == [f"https://localhost:{running.variable('APP_PORT')}"]
    assert status["postgres"]["endpoints"] == [f"127.0.0.1:{running.variable('POSTGRES_PORT')}"]
    assert {one["health"] for one in status.values()} == {"healthy"}


def test_exec_hands_arguments_through_unchanged(running: Project) -> None:
    odd = ["two words", "a'b", 'c"d', "$HOME", "*", "", "--service"]
    done = running.inv("dev.exec", "--", "python", "-c", "import sys; print(sys.argv[1:])", *odd)
    assert done.stdout.strip() == str(odd)


def test_exec_and_run_return_the_commands_exit_code(running: Project) -> None:
    running.inv("dev.exec", "--", "sh", "-c", "exit 7", code=7)
    running.inv("dev.run", "--", "sh", "-c", "exit 9", code=9)


def test_run_leaves_no_container(running: Project) -> None:
    before = running.containers()
    running.inv("dev.run", "--service", "app", "--", "true")
    assert running.containers() == before


def test_exec_reads_standard_input(running: Project) -> None:
    assert running.inv("dev.exec", "--", "cat", stdin="through\n").stdout == "through\n"


def test_exec_without_a_command_is_a_usage_error(running: Project) -> None:
    assert "no command" in running.inv("dev.exec", code=64).stderr


def test_the_database_shell_is_logged_in(running: Project) -> None:
    done = running.inv("dev.db-shell", "--", "-Atc", "select current_user, current_database()")
    assert done.stdout.strip() == "dashtam_user|dashtam"


def test_redis_cli_reaches_redis(running: Project) -> None:
    assert running.inv("dev.redis-cli", "--", "ping").stdout.strip() == "PONG"


def test_logs_stop_where_they_are_told_to(running: Project) -> None:
    done = running.inv("logs", "--no-follow", "--tail", "1", "--service", "redis")
    assert len(done.stdout.splitlines()) == 1


def test_ctrl_c_ends_followed_logs_with_130(running: Project) -> None:
    with running.start("dev.logs", "--tail", "1") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130


def test_an_unknown_service_is_named_with_those_there_are(running: Project) -> None:
    done = running.inv("dev.up", "--service", "nginx", code=64)
    assert "nginx" in done.stderr
    assert "app, callback, postgres, redis" in done.stderr
    assert "nginx" in running.inv("logs", "--service", "nginx", code=64).stderr
    assert "soon is no number of seconds" in running.inv("dev.up", "--timeout", "soon", code=64).stderr


def test_doctor_has_no_complaint(running: Project) -> None:
    report = json.loads(running.inv("doctor", "--json").stdout)
    assert [one for one in report["findings"] if one["severity"] == "error"] == []


def test_restart_gives_the_same_containers_a_new_start(running: Project) -> None:
    name = f"dashtam-dev-redis{running.suffix}"
    before = docker("inspect", name, "--format", "{{.Id}} {{.State.StartedAt}}").split()
    running.inv("dev.restart", "--service", "redis")
    after = docker("inspect", name, "--format", "{{.Id}} {{.State.StartedAt}}").split()
    assert after[0] == before[0]
    assert after[1] > before[1]
    status = {one["service"]: one for one in json.loads(running.inv("status", "--json").stdout)}
    assert 0 <= status["redis"]["seconds"] < 60


def test_a_new_revision_belongs_to_the_owner_of_the_others(running: Project) -> None:
    running.inv("db.revision", "--message", "nothing new", "--no-autogenerate")
    versions = running.path / "example/alembic/versions"
    made = [path for path in versions.glob("*.py") if "nothing_new" in path.name]
    assert len(made) == 1
    assert made[0].stat().st_uid == versions.stat().st_uid
    running.inv("db.upgrade")
    assert "(head)" in running.inv("db.current").stdout
    assert "--yes" in running.inv("db.downgrade", code=64).stderr
    running.inv("db.downgrade", "--yes")
    made[0].unlink()
    assert "0001" in running.inv("db.history").stdout


def test_plain_docker_compose_can_drive_the_same_files(running: Project) -> None:
    before = running.containers()
    argv = ["docker", "compose", "--env-file", "envs/.env.images", "--env-file", "envs/.env.dev"]
    argv += ["--file", "compose/docker-compose.dev.yml", "up", "--detach", "--wait"]
    subprocess.run(argv, cwd=running.path, check=True, capture_output=True, timeout=120)
    assert running.containers() == before


def test_private_files_are_private(running: Project) -> None:
    private = [running.env_file, *(running.path / "certs").glob("*key.pem")]
    assert len(private) == 4
    for path in private:
        assert path.stat().st_mode & 0o777 == 0o600, path


def test_tasks_find_the_project_from_a_folder_below_it(running: Project) -> None:
    deep = running.path / "example/src"
    argv = [sys.executable, "-m", "invoke", "dev.status", "--json"]
    done = subprocess.run(argv, cwd=deep, capture_output=True, text=True, check=True, timeout=60)
    assert {one["service"] for one in json.loads(done.stdout)} == set(SERVICES)
    assert not (deep / "envs").exists()
