import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashtam_tasks import processes
from dashtam_tasks.compose import Compose, Dependency, Model, Named, Service
from dashtam_tasks.errors import DashtamError, ExitCode

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project


def after(*services: str) -> dict[str, Dependency]:
    return {name: Dependency(condition="service_started") for name in services}


MODEL = Model(
    name="shop",
    services={
        "app": Service(build={"context": "."}, depends_on=after("db", "cache")),
        "db": Service(image="postgres:17", depends_on=after("disk")),
        "disk": Service(image="busybox"),
        "cache": Service(image="redis:8", depends_on=after("app")),
        "debugger": Service(image="debugger", profiles=("debug",)),
    },
    volumes={"data": Named(name="shop_data")},
)


@pytest.fixture
def compose(project: "Project") -> Compose:
    images = project.folder / "envs/.env.images"
    return Compose(
        file=project.compose_file, env_files=(images, project.env_file), variables={"APP_DIR": "../x"}
    )


def test_every_call_names_file_and_env_files(
    compose: Compose, project: "Project", fake_docker: "FakeDocker"
) -> None:
    fake_docker.answer("compose", "ps", stdout="all\n")
    assert compose.run("ps", "--services") == "all\n"
    env_files = ("--env-file", f"{project.folder}/envs/.env.images", "--env-file", str(project.env_file))
    (call,) = fake_docker.calls
    assert call.argv == ("compose", "--file", str(project.compose_file), *env_files, "ps", "--services")


def test_a_shell_does_not_change_what_is_interpolated(
    compose: Compose, project: "Project", fake_docker: "FakeDocker", monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = {"POSTGRES_PASSWORD", "APP_PORT", "COMPOSE_FILE", "COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"}
    passed = {"DOCKER_HOST", "HTTPS_PROXY", "no_proxy", "COMPOSE_PROGRESS", "DOCKER_BUILDKIT"}
    for name in refused | passed | {"APP_DIR"}:
        monkeypatch.setenv(name, "from a shell")
    fake_docker.answer("compose", stdout=project.model())
    assert compose.model.name == "dashtam-dev"
    compose.run("ps")
    assert compose.attach("logs") == 0
    with compose.start("up") as process:
        process.communicate()
    for call in fake_docker.calls:
        assert call.environment.keys() & (refused | passed) == passed
        assert call.environment["APP_DIR"] == "../x"
    assert len(fake_docker.calls) == 4


def test_the_model_is_asked_for_with_every_profile(
    compose: Compose, project: "Project", fake_docker: "FakeDocker"
) -> None:
    fake_docker.answer("compose", "config", stdout=project.model(postgres=5432))
    model = compose.model
    assert fake_docker.argvs[0][-5:] == ("--profile", "*", "config", "--format", "json")
    assert (model.name, sorted(model.services)) == ("dashtam-dev", ["app", "postgres", "redis"])
    (port,) = model.services["postgres"].ports
    assert (port.host_ip, port.published, port.target) == ("127.0.0.1", "5432", 5432)


def test_dollars_are_as_the_engine_gets_them(
    compose: Compose, project: "Project", fake_docker: "FakeDocker"
) -> None:
    found = project.model()
    # Compose doubles what it prints.
    found["services"]["app"] |= {"command": ["sh", "-c", "echo $$$$ $$HOME"], "build": {"context": "/a$$b"}}
    found["services"]["app"]["volumes"][0]["source"] = "/a$$b/src"
    fake_docker.answer("compose", "config", stdout=found)
    app = compose.model.services["app"]
    assert app.command == ("sh", "-c", "echo $$ $HOME")
    assert app.build == {"context": "/a$b"}
    assert app.volumes[0].source == "/a$b/src"


def test_hashes_are_those_of_every_service(compose: Compose, fake_docker: "FakeDocker") -> None:
    fake_docker.answer("compose", "config", stdout="app 5eed\npostgres c0ffee\n")
    assert compose.hashes() == {"app": "5eed", "postgres": "c0ffee"}
    assert fake_docker.argvs[0][-5:] == ("--profile", "*", "config", "--hash", "*")


def test_ports_are_told_as_they_are_written_variables_and_all(
    compose: Compose, fake_docker: "FakeDocker"
) -> None:
    long = {"target": 6379, "published": "${REDIS_PORT:-6379}"}
    services = {
        "app": {"ports": ["127.0.0.1:${APP_PORT:-8000}:8000", "9000"], "command": None},
        "redis": {"ports": [long]},
        "worker": {},
    }
    fake_docker.answer("compose", "config", stdout={"name": "shop${SUFFIX}", "services": services})
    assert compose.written_ports() == ("127.0.0.1:${APP_PORT:-8000}:8000", "9000", long)
    options = ("--profile", "*", "config", "--no-interpolate", "--format", "json")
    assert fake_docker.argvs[0][-6:] == options


def test_a_service_tells_what_isolation_judges_by(compose: Compose, fake_docker: "FakeDocker") -> None:
    service = {
        "command": ["serve", "--all"],
        "entrypoint": None,
        "healthcheck": {"test": ["CMD", "true"]},
        "networks": {"inner": None},
        "depends_on": {"db": {"condition": "service_healthy", "required": True}},
    }
    networks = {"inner": {"name": "shop-network", "ipam": {}}}
    resolved = {"name": "shop", "services": {"app": service, "db": {}}, "networks": networks}
    fake_docker.answer("compose", "config", stdout=resolved)
    model = compose.model
    app, db = model.services["app"], model.services["db"]
    assert (app.command, app.entrypoint, app.healthcheck) == (
        ("serve", "--all"),
        None,
        {"test": ["CMD", "true"]},
    )
    assert (db.command, db.healthcheck, db.network_mode) == (None, None, "")
    assert app.depends_on == {"db": Dependency(condition="service_healthy")}
    assert [model.networks[key].name for key in app.networks] == ["shop-network"]


@pytest.mark.parametrize("ask", [lambda compose: compose.model, Compose.written_ports, Compose.resolved])
def test_a_compose_file_that_is_not_valid_is_named_with_composes_words(
    compose: Compose, project: "Project", fake_docker: "FakeDocker", ask: Callable[[Compose], object]
) -> None:
    words = "error: required variable POSTGRES_PASSWORD is missing a value: is set in envs/.env.dev\n"
    fake_docker.answer("compose", "config", stderr=words, code=15)
    fake_docker.answer("compose", "version", stdout="2.39.1\n")
    with pytest.raises(DashtamError) as raised:
        ask(compose)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert str(project.compose_file) in raised.value.reason
    assert str(project.env_file) in raised.value.reason
    assert raised.value.details == words


def test_a_missing_plugin_is_not_blamed_on_the_compose_file(
    compose: Compose, fake_docker: "FakeDocker"
) -> None:
    fake_docker.answer("compose", stderr="docker: 'compose' is not a docker command.\n", code=1)
    with pytest.raises(DashtamError, match="no Compose plugin") as raised:
        _ = compose.model
    assert raised.value.code == ExitCode.UNAVAILABLE


def test_a_failed_stream_says_that_its_words_are_above(
    compose: Compose, fake_docker: "FakeDocker", capfd: pytest.CaptureFixture[str]
) -> None:
    fake_docker.answer("compose", "build", stderr="failed to solve\n", code=17)
    fake_docker.answer("version", stdout="28.5.2\n")
    with pytest.raises(DashtamError) as raised:
        compose.stream("build", "app")
    assert raised.value.reason == "`docker compose build` failed with exit code 17; see above."
    assert (raised.value.code, raised.value.details) == (ExitCode.UNAVAILABLE, "")
    assert capfd.readouterr().err == "failed to solve\n"


def test_a_stream_without_an_engine_says_so(compose: Compose, fake_docker: "FakeDocker") -> None:
    fake_docker.answer("compose", "down", code=1)
    fake_docker.answer("version", stderr="Cannot connect to the Docker daemon\n", code=1)
    with pytest.raises(DashtamError, match=r"^No Docker Engine answers\.$"):
        compose.stream("down")


def test_an_interrupted_stream_interrupts_us(compose: Compose, fake_docker: "FakeDocker") -> None:
    fake_docker.answer("compose", "build", code=128 + signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        compose.stream("build")


def test_attach_returns_what_the_command_in_the_container_returned(
    compose: Compose, fake_docker: "FakeDocker"
) -> None:
    fake_docker.answer("compose", "exec", code=5)
    assert compose.attach("exec", "app", "pytest") == 5


def test_attach_hands_on_other_streams(compose: Compose, fake_docker: "FakeDocker", tmp_path: Path) -> None:
    read, written = tmp_path / "read", tmp_path / "written"
    fake_docker.answer("compose", "run", stdout="said\n", reads=str(read))
    with written.open("w") as stdout:
        assert compose.attach("run", "app", stdin=processes.DEVNULL, stdout=stdout) == 0
    assert (read.read_bytes(), written.read_text()) == (b"", "said\n")


def test_without_docker_the_program_is_named(
    compose: Compose, fake_docker: "FakeDocker", monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_docker.remove()
    monkeypatch.setenv("PATH", str(fake_docker.folder))
    calls: tuple[Callable[[], object], ...] = (lambda: compose.model, lambda: compose.stream("down"))
    for call in calls:
        with pytest.raises(DashtamError, match=r"^docker could not be started: No such file") as raised:
            call()
        assert raised.value.code == ExitCode.UNAVAILABLE
    assert os.environ["PATH"] == str(Path(fake_docker.folder))


def test_up_starts_all_that_is_outside_of_profiles() -> None:
    assert MODEL.selection() == {"app", "db", "disk", "cache"}


def test_up_starts_what_a_service_depends_on() -> None:
    assert MODEL.selection(["db"]) == {"db", "disk"}
    assert MODEL.selection(["cache"]) == {"cache", "app", "db", "disk"}
    assert MODEL.selection(["debugger"]) == {"debugger"}


def test_jobs_are_what_others_wait_for_to_end() -> None:
    completed = {"migrate": Dependency(condition="service_completed_successfully")}
    services = {
        **MODEL.services,
        "web": Service(depends_on={**after("db"), **completed}),
        "migrate": Service(),
    }
    assert Model(name="shop", services=services).jobs == {"migrate"}
    assert MODEL.jobs == frozenset()


def test_a_service_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(DashtamError, match=r"^Compose project shop has no service web\.$") as raised:
        MODEL.selection(["web"])
    assert raised.value.code == ExitCode.USAGE
    assert raised.value.hint == "It has app, cache, db, debugger, disk."


def test_images_and_volumes_have_the_engines_names() -> None:
    assert (MODEL.image("app"), MODEL.image("db")) == ("shop-app", "postgres:17")
    assert MODEL.volume("data") == "shop_data"
