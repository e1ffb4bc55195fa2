import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import trustme

from dashtam_tasks import endpoints, env_files, instances
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import claimed, open_environment
from dashtam_tasks.readiness import Progress
from dashtam_tasks.settings import Environment as Files
from dashtam_tasks.status import ServiceStatus
from tests.unit import copies
from tests.unit.copies import composed

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


def quiet() -> AbstractContextManager[Callable[[Progress], None]]:
    """Leave progress to other tests."""
    return nullcontext(lambda _: None)


def up(dev: Environment, **options: Any) -> tuple[ServiceStatus, ...]:
    return dev.up(display=quiet, **options)


def remembered() -> list[str]:
    """Return the Compose projects that are remembered."""
    return [one.project for one in instances.remembered()]


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
    model = project.model(app=number)
    model["services"]["app"]["environment"] = {"SSL_ENABLED": "true"}
    fake_docker.answer("compose", "config", stdout=model)
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
    dev.restart(services=["redis"], display=quiet)
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


@pytest.mark.parametrize(("ssl", "scheme"), [("true", "https"), ("false", "http"), (None, "http")])
def test_status_tells_health_addresses_and_time(
    dev: Environment, project: "Project", fake_docker: "FakeDocker", ssl: str | None, scheme: str
) -> None:
    model = project.model()
    model["services"]["app"]["environment"] = {"SSL_ENABLED": ssl}
    fake_docker.answer("compose", "config", stdout=model)
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
    assert app.endpoints == (f"{scheme}://localhost:8000", "127.0.0.1:9")


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


def test_down_keeps_an_instance_as_long_as_it_has_data(dev: Environment, fake_docker: "FakeDocker") -> None:
    claimed(dev).down()
    assert remembered() == ["dashtam-dev"]
    dev.down(volumes=True)
    assert remembered() == []
    assert [command[4:] for command in composed(fake_docker)] == [(), ("--volumes",)]


def test_an_instance_without_volumes_has_no_data_when_it_is_down(
    dev: Environment, project: "Project", fake_docker: "FakeDocker"
) -> None:
    claimed(dev)
    fake_docker.answer("compose", "config", stdout=project.test.model())
    claimed(open_environment(project.settings, "test")).down()
    assert remembered() == ["dashtam-dev"]
    assert composed(fake_docker) == [("--profile", "*", "down", "--remove-orphans")]


@pytest.mark.parametrize(
    ("volumes", "options", "kept"),
    [(False, (), ["dashtam-dev-x"]), (True, ("--volumes", "--rmi", "local"), [])],
)
def test_a_named_instances_images_go_with_its_data(
    dev: Environment,
    project: "Project",
    fake_docker: "FakeDocker",
    *,
    volumes: bool,
    options: tuple[str, ...],
    kept: list[str],
) -> None:
    copies.tell(fake_docker, copies.model(project))
    claimed(open_environment(dev.settings, "dev", instance="x")).down(volumes=volumes)
    (command,) = composed(fake_docker)
    assert command[4:] == options
    assert remembered() == kept


@pytest.mark.parametrize(
    ("instance", "images", "removed"),
    [("", False, ()), ("", True, ("--rmi", "local")), ("x", False, ("--rmi", "local"))],
)
def test_remove_takes_all_at_once_and_says_nothing(
    dev: Environment,
    project: "Project",
    fake_docker: "FakeDocker",
    capfd: pytest.CaptureFixture[str],
    *,
    instance: str,
    images: bool,
    removed: tuple[str, ...],
) -> None:
    copies.tell(fake_docker, copies.model(project))
    fake_docker.answer("compose", "down", stdout="Removed\n", stderr="Removing\n")
    claimed(open_environment(dev.settings, "dev", instance=instance)).remove(images=images)
    down = ("--profile", "*", "down", "--remove-orphans", "--volumes", *removed, "--timeout", "0")
    assert composed(fake_docker) == [down]
    assert remembered() == []
    assert capfd.readouterr() == ("", "")


def test_what_remove_cannot_remove_stays_remembered(dev: Environment, fake_docker: "FakeDocker") -> None:
    claimed(dev)
    fake_docker.answer("compose", "down", stderr="volume is in use\n", code=1)
    fake_docker.answer("compose", "version", stdout="2.39.1\n")
    with pytest.raises(DashtamError, match=r"^`docker compose down` failed with exit code 1") as raised:
        dev.remove()
    assert (raised.value.code, raised.value.details) == (ExitCode.UNAVAILABLE, "volume is in use\n")
    assert remembered() == ["dashtam-dev"]


def test_an_instance_that_could_not_be_removed_stays_remembered(
    dev: Environment, fake_docker: "FakeDocker"
) -> None:
    claimed(dev)
    fake_docker.answer("compose", "down", code=1)
    with pytest.raises(DashtamError, match="`docker compose down` failed with exit code 1") as raised:
        dev.down(volumes=True)
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert remembered() == ["dashtam-dev"]


def test_hints_name_the_instance(dev: Environment, project: "Project", fake_docker: "FakeDocker") -> None:
    copies.tell(fake_docker, copies.model(project))
    fake_docker.runs()
    named = open_environment(project.settings, "dev", instance="x")
    for opened, hint in ((dev, "Start it: inv dev.up"), (named, "Start it: inv dev.up --instance x")):
        with pytest.raises(DashtamError, match="is not running") as raised:
            opened.execute(("true",))
        assert raised.value.hint == hint
    assert dev.other_ports_hint == f"set another port in {project.env_file}"
    assert "inv dev.down --volumes --instance x" in named.other_ports_hint


@pytest.mark.parametrize(
    ("state", "hashes", "ready"),
    [
        ({}, {}, True),
        ({}, {"redis": "new"}, False),
        ({}, {"app": "new"}, True),
        ({"Health": {"Status": "healthy"}}, {}, True),
        ({"Health": {"Status": "starting"}}, {}, False),
        ({"Status": "exited"}, {}, False),
    ],
)
def test_services_are_ready_when_they_are_healthy_and_as_their_file_says(
    dev: Environment, fake_docker: "FakeDocker", state: dict[str, Any], hashes: dict[str, str], *, ready: bool
) -> None:
    def shown(service: str) -> dict[str, Any]:
        labels = {"com.docker.compose.service": service, "com.docker.compose.config-hash": f"hash-{service}"}
        return {
            "Id": f"id-{service}",
            "Name": f"/dashtam-dev-{service}",
            "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z", **state},
            "Config": {"Image": f"{service}:1", "Labels": labels},
            "NetworkSettings": {"Ports": {}},
        }

    names = ("app", "postgres", "redis")
    fake_docker.answer("inspect", stdout=[shown(name) for name in names])
    declared = "".join(f"{name} {hashes.get(name, f'hash-{name}')}\n" for name in names)
    fake_docker.answer("compose", "config", "--hash", stdout=declared)
    assert dev.is_ready(["postgres", "redis"]) is ready


def test_a_service_without_a_container_is_not_ready(dev: Environment, fake_docker: "FakeDocker") -> None:
    fake_docker.runs("postgres")
    assert not dev.is_ready(["postgres", "redis"])


PREPARE = ("python", "prepare.py", "two words")


@pytest.fixture
def prepared(dev: Environment, project: "Project", fake_docker: "FakeDocker") -> Environment:
    """An environment whose database is in memory, is remembered, and has something that prepares it."""
    test = project.test
    files = Files(compose_file=str(test.compose_file), env_file=str(test.env_file), prepare=PREPARE)
    fake_docker.answer("compose", "config", stdout=test.model())
    chosen = msgspec.structs.replace(dev.settings, environments={"test": files})
    return claimed(open_environment(chosen, "test"))


def preparations(fake: "FakeDocker") -> int:
    """Return how often the database was prepared; each time was as the settings say."""
    runs = [command for command in composed(fake) if command[0] == "run"]
    assert set(runs) <= {("run", "--rm", "--no-deps", "--no-TTY", "app", *PREPARE)}
    return len(runs)


def test_a_new_database_is_prepared_once(prepared: Environment, fake_docker: "FakeDocker") -> None:
    up(prepared)
    assert [command[0] for command in composed(fake_docker)] == ["up", "run"]
    up(prepared)
    prepared.prepare_database()
    assert preparations(fake_docker) == 1


def test_a_database_in_memory_is_new_when_it_was_started_again(
    prepared: Environment, fake_docker: "FakeDocker"
) -> None:
    prepared.prepare_database()
    fake_docker.runs("app", "postgres", "redis", StartedAt="2026-01-02T00:00:00Z")
    prepared.prepare_database()
    prepared.prepare_database()
    assert preparations(fake_docker) == 2


def test_a_database_in_a_volume_is_new_when_the_volume_is(
    prepared: Environment, fake_docker: "FakeDocker"
) -> None:
    volume = {"Type": "volume", "Name": "data", "Destination": "/var/lib/postgresql/data"}

    def runs(started: str, created: str) -> None:
        container = {
            "Id": f"id-{started}",
            "Name": "/dashtam-test-postgres",
            "State": {"Status": "running", "ExitCode": 0, "StartedAt": started},
            "Config": {"Image": "postgres:1", "Labels": {"com.docker.compose.service": "postgres"}},
            "NetworkSettings": {"Ports": {}},
            "Mounts": [volume],
        }
        fake_docker.answer("inspect", stdout=[container])
        fake_docker.answer("volume", "inspect", stdout=f"data {created}\n")

    runs("2026-01-01T00:00:00Z", "today")
    prepared.prepare_database()
    runs("2026-01-02T00:00:00Z", "today")
    prepared.prepare_database()
    assert preparations(fake_docker) == 1
    runs("2026-01-02T00:00:00Z", "tomorrow")
    prepared.prepare_database()
    assert preparations(fake_docker) == 2


def test_a_database_that_could_not_be_prepared_is_tried_again(
    prepared: Environment, fake_docker: "FakeDocker"
) -> None:
    fake_docker.answer("compose", "run", code=3)
    for _ in range(2):
        with pytest.raises(DashtamError) as raised:
            up(prepared)
        assert raised.value.code == ExitCode.UNAVAILABLE
        assert raised.value.reason.startswith("The database of test could not be prepared: ")
        assert "`python prepare.py two words` failed with exit code 3" in raised.value.reason
        assert "dashtam.environments.test.prepare" in raised.value.hint
    fake_docker.answer("compose", "run")
    up(prepared)
    up(prepared)
    assert preparations(fake_docker) == 3


def test_ctrl_c_in_the_preparation_leaves_the_database_new(
    prepared: Environment, fake_docker: "FakeDocker"
) -> None:
    fake_docker.answer("compose", "run", code=130)
    with pytest.raises(KeyboardInterrupt):
        prepared.prepare_database()
    fake_docker.answer("compose", "run")
    prepared.prepare_database()
    assert preparations(fake_docker) == 2


def test_a_database_that_does_not_run_is_not_prepared(
    prepared: Environment, fake_docker: "FakeDocker"
) -> None:
    fake_docker.runs("app", "redis")
    prepared.prepare_database()
    up(prepared, services=["redis"])
    fake_docker.runs("postgres", Status="exited")
    prepared.prepare_database()
    assert preparations(fake_docker) == 0


def test_without_a_preparation_nobody_asks_for_the_database(
    dev: Environment, fake_docker: "FakeDocker"
) -> None:
    claimed(dev)
    before = len(fake_docker.calls)
    dev.prepare_database()
    assert fake_docker.calls[before:] == ()


def test_a_preparation_writes_no_result_and_reads_no_input(
    prepared: Environment, fake_docker: "FakeDocker", capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ours, writer = os.pipe()
    before = os.dup(0)
    read = tmp_path / "read"
    fake_docker.answer("compose", "run", stdout="prepared\n", reads=str(read))
    try:
        os.write(writer, b"for whoever comes next")
        os.close(writer)
        os.dup2(ours, 0)
        prepared.prepare_database()
        assert os.read(0, 100) == b"for whoever comes next"
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(ours)
    assert read.read_bytes() == b""
    assert capfd.readouterr() == ("", "prepared\n")
