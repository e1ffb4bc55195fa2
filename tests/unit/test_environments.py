import socket
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from dashtam_tasks import endpoints, env_files
from dashtam_tasks.environments import Environment, open_environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.readiness import Progress
from dashtam_tasks.status import ServiceStatus

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project


@pytest.fixture
def dev(project: "Project", fake_docker: "FakeDocker") -> Environment:
    """A development environment whose files are complete and that nothing keeps from starting."""
    (project.folder / "certs").mkdir()
    fake_docker.answer("compose", "config", stdout=project.model())
    fake_docker.answer("version", stdout="28.5.2\n")
    fake_docker.answer("image", "inspect", stdout="[]")
    fake_docker.answer("events", holds=True)
    for command in ("up", "build", "pull", "down", "restart", "logs", "exec", "run"):
        fake_docker.answer("compose", command)
    fake_docker.runs("app", "postgres", "redis")
    return open_environment(project.settings, "dev")


def up(dev: Environment, **options: Any) -> tuple[ServiceStatus, ...]:
    def report(_: Progress) -> None:
        """Leave progress to other tests."""

    return dev.up(report=report, **options)


def composed(fake: "FakeDocker") -> list[tuple[str, ...]]:
    """Return what Compose was told to do, without its files and without mere questions."""
    calls = [argv for argv in fake.argvs if argv[0] == "compose"]
    commands = [argv[argv.index("--env-file") + 2 :] for argv in calls]
    return [command for command in commands if "config" not in command]


def test_an_unknown_environment_is_named_with_those_that_are_there(project: "Project") -> None:
    with pytest.raises(DashtamError, match=r"^There is no environment prod\.$") as raised:
        open_environment(project.settings, "prod")
    assert (raised.value.code, raised.value.hint) == (ExitCode.USAGE, "There is dev.")


def test_a_missing_compose_file_is_named_with_its_setting(project: "Project") -> None:
    project.compose_file.unlink()
    with pytest.raises(DashtamError) as raised:
        open_environment(project.settings, "dev")
    assert raised.value.code == ExitCode.CONFIGURATION
    assert str(project.compose_file) in raised.value.reason
    assert "dashtam.environments.dev.compose_file" in raised.value.hint


def test_a_missing_env_file_is_named(project: "Project") -> None:
    project.env_file.unlink()
    with pytest.raises(DashtamError, match=f"^{project.env_file} is missing") as raised:
        open_environment(project.settings, "dev")
    assert raised.value.code == ExitCode.CONFIGURATION
    assert "inv setup" in raised.value.hint


def test_a_malformed_env_file_is_named_with_its_line(project: "Project") -> None:
    project.env_file.write_text("A=1\nno assignment\n", encoding="utf-8")
    with pytest.raises(DashtamError, match=f"^{project.env_file}:2: ") as raised:
        open_environment(project.settings, "dev")
    assert raised.value.code == ExitCode.CONFIGURATION


def test_the_chosen_images_come_before_the_environments_own_file(project: "Project") -> None:
    images = project.folder / "envs/.env.images"
    assert open_environment(project.settings, "dev").compose.env_files == (project.env_file,)
    images.write_text("POSTGRES_IMAGE=local/postgres:17\n", encoding="utf-8")
    assert open_environment(project.settings, "dev").compose.env_files == (images, project.env_file)


def test_up_waits_and_returns_the_status_of_what_it_started(
    dev: Environment, fake_docker: "FakeDocker"
) -> None:
    assert [one.service for one in up(dev)] == ["app", "postgres", "redis"]
    assert composed(fake_docker) == [("up", "--detach", "--wait", "--no-build", "--wait-timeout", "180")]


def test_up_of_one_service_starts_what_it_depends_on_and_returns_no_more(
    dev: Environment, fake_docker: "FakeDocker"
) -> None:
    assert [one.service for one in up(dev, services=["redis"], timeout=0.5)] == ["redis"]
    assert composed(fake_docker) == [
        ("up", "--detach", "--wait", "--no-build", "redis", "--wait-timeout", "1")
    ]


def test_up_recreates_and_builds_when_told_to(dev: Environment, fake_docker: "FakeDocker") -> None:
    up(dev, build=True, recreate=True)
    build, start = composed(fake_docker)
    assert build == ("build", "app")
    assert "--force-recreate" in start


def test_up_builds_and_pulls_what_is_missing(dev: Environment, fake_docker: "FakeDocker") -> None:
    fake_docker.answer("image", "inspect", code=1)
    up(dev)
    build, pull, start = composed(fake_docker)
    assert build == ("build", "app")
    assert pull == ("pull", "--policy", "missing", "postgres", "redis")
    assert start[0] == "up"


def test_up_starts_nothing_when_a_mounted_file_is_missing(
    dev: Environment, project: "Project", fake_docker: "FakeDocker"
) -> None:
    (project.folder / "certs").rmdir()
    (project.folder / "src").rmdir()
    with pytest.raises(DashtamError) as raised:
        up(dev)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert raised.value.reason.splitlines() == [
        f"{project.folder}/src of service app does not exist.",
        f"{project.folder}/certs of service app does not exist.",
    ]
    assert "inv setup" in raised.value.hint
    assert composed(fake_docker) == []


def test_up_starts_nothing_when_a_port_is_taken(
    dev: Environment, project: "Project", fake_docker: "FakeDocker"
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        number = holder.getsockname()[1]
        fake_docker.answer("compose", "config", stdout=project.model(postgres=number))
        with pytest.raises(
            DashtamError, match=f"^Port 127.0.0.1:{number} of service postgres is taken by"
        ) as raised:
            up(dev)
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert composed(fake_docker) == []


def test_up_is_not_ready_before_the_published_endpoint_answers(
    dev: Environment, project: "Project", fake_docker: "FakeDocker", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "PATIENCE_SECONDS", 0.2)
    trustme.CA().cert_pem.write_to_path(str(project.folder / "certs/ca.pem"))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number = probe.getsockname()[1]
    fake_docker.answer("compose", "config", stdout=project.model(app=number))
    with pytest.raises(DashtamError, match=f"^https://localhost:{number}/health does not answer") as raised:
        up(dev)
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert composed(fake_docker)[0][0] == "up"


def test_down_keeps_volumes_and_images(dev: Environment, fake_docker: "FakeDocker") -> None:
    dev.down()
    assert composed(fake_docker) == [("--profile", "*", "down", "--remove-orphans")]


def test_down_removes_more_only_when_told_to(dev: Environment, fake_docker: "FakeDocker") -> None:
    dev.down(volumes=True, images=True, timeout=0)
    (command,) = composed(fake_docker)
    assert command[4:] == ("--volumes", "--rmi", "local", "--timeout", "0")


def test_restart_restarts_and_then_waits_as_up_does(dev: Environment, fake_docker: "FakeDocker") -> None:
    dev.restart(services=["redis"], report=lambda _: None)
    restart, start = composed(fake_docker)
    assert (restart, start[0], start[4]) == (("restart", "redis"), "up", "redis")


def test_logs_pass_their_options(dev: Environment, fake_docker: "FakeDocker") -> None:
    fake_docker.answer("compose", "logs", code=1)
    assert dev.logs() == 1
    assert dev.logs(services=["app"], follow=False, tail="5", since="10m") == 1
    assert composed(fake_docker) == [
        ("logs", "--follow"),
        ("logs", "--tail", "5", "--since", "10m", "app"),
    ]


def test_a_command_in_a_container_keeps_its_arguments_and_exit_code(
    dev: Environment, fake_docker: "FakeDocker"
) -> None:
    fake_docker.answer("compose", "exec", code=42)
    assert dev.execute(("echo", "two words", "--flag"), user="1000:1000") == 42
    (command,) = composed(fake_docker)
    assert command == ("exec", "--no-TTY", "--user", "1000:1000", "app", "echo", "two words", "--flag")


def test_a_command_in_a_container_that_does_not_run(dev: Environment, fake_docker: "FakeDocker") -> None:
    fake_docker.runs("app", Status="exited")
    for service in ("app", "redis"):
        with pytest.raises(DashtamError, match=f"^Service {service} of dashtam-dev is not running") as raised:
            dev.execute(("true",), service=service)
        assert (raised.value.code, raised.value.hint) == (ExitCode.UNAVAILABLE, "Start it: inv dev.up")
    assert composed(fake_docker) == []


@pytest.mark.parametrize("call", ["execute", "run"])
def test_a_command_in_a_service_that_is_not_there(
    dev: Environment, fake_docker: "FakeDocker", call: str
) -> None:
    with pytest.raises(DashtamError, match="has no service web") as raised:
        getattr(dev, call)(("true",), service="web")
    assert raised.value.code == ExitCode.USAGE
    assert composed(fake_docker) == []


def test_a_command_in_a_new_container_leaves_none(dev: Environment, fake_docker: "FakeDocker") -> None:
    fake_docker.answer("compose", "run", code=3)
    assert dev.run(("pytest", "-k", "a b")) == 3
    assert composed(fake_docker) == [("run", "--rm", "--no-TTY", "app", "pytest", "-k", "a b")]


@pytest.mark.parametrize(
    ("variables", "user", "database"),
    [
        ({"POSTGRES_USER": "me", "POSTGRES_DB": "shop"}, "me", "shop"),
        ({"POSTGRES_USER": "me"}, "me", "me"),
        ({"POSTGRES_USER": ""}, "postgres", "postgres"),
    ],
)
def test_the_database_shell_is_the_databases_own_user_on_its_database(
    dev: Environment,
    project: "Project",
    fake_docker: "FakeDocker",
    variables: dict[str, str],
    user: str,
    database: str,
) -> None:
    model = project.model()
    model["services"]["postgres"]["environment"] = variables
    fake_docker.answer("compose", "config", stdout=model)
    assert dev.database_shell(("-c", "select 1")) == 0
    (command,) = composed(fake_docker)
    psql = ("psql", "--username", user, "--dbname", database, "-c", "select 1")
    assert command == ("exec", "--no-TTY", "postgres", *psql)


def test_the_cache_shell(dev: Environment, fake_docker: "FakeDocker") -> None:
    assert dev.cache_shell(("get", "a b")) == 0
    assert composed(fake_docker) == [("exec", "--no-TTY", "redis", "redis-cli", "get", "a b")]


def test_status_has_every_service_those_without_a_container_too(
    dev: Environment, fake_docker: "FakeDocker"
) -> None:
    fake_docker.runs("app", Status="exited", ExitCode=1)
    app, postgres, redis = dev.status()
    assert (app.service, app.container, app.state, app.health) == ("app", "dashtam-dev-app", "exited", "")
    assert (postgres.state, postgres.container, postgres.image) == ("absent", "", "postgres:17.6-alpine3.22")
    assert redis.state == "absent"


def test_status_tells_health_addresses_and_time(dev: Environment, fake_docker: "FakeDocker") -> None:
    probe = {"End": "2026-01-01T00:00:02.500000000Z", "ExitCode": 0, "Output": ""}
    binding = {"HostIp": "127.0.0.1", "HostPort": "8000"}
    container = {
        "Id": "id-app",
        "Name": "/dashtam-dev-app",
        "State": {
            "Status": "running",
            "ExitCode": 0,
            "StartedAt": "2026-01-01T00:00:00Z",
            "Health": {"Status": "healthy", "Log": [probe]},
        },
        "Config": {"Image": "dashtam-dev-app", "Labels": {"com.docker.compose.service": "app"}},
        "NetworkSettings": {"Ports": {"8000/tcp": [binding], "9000/tcp": [binding | {"HostPort": "9"}]}},
    }
    fake_docker.answer("inspect", stdout=[container])
    app = dev.status()[0]
    assert (app.health, app.seconds, app.image) == ("healthy", 2.5, "dashtam-dev-app")
    assert app.endpoints == ("https://localhost:8000", "127.0.0.1:9")


def test_the_password_of_a_database_volume_is_in_use(dev: Environment, fake_docker: "FakeDocker") -> None:
    fake_docker.answer("volume", "ls", stdout="another_dev_postgres_data\n")
    assert dev.secrets_in_use() == frozenset()
    fake_docker.answer("volume", "ls", stdout="dashtam-dev_dev_postgres_data\n")
    assert dev.secrets_in_use() == {"POSTGRES_PASSWORD"}


def test_up_refuses_a_secret_that_is_still_a_placeholder(
    dev: Environment, project: "Project", fake_docker: "FakeDocker"
) -> None:
    env_files.update(project.env_file, {"POSTGRES_PASSWORD": "CHANGE_ME"})
    with pytest.raises(DashtamError, match="POSTGRES_PASSWORD is still a placeholder") as raised:
        up(dev)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert composed(fake_docker) == []
