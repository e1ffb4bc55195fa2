import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dashtam_tasks import engine, images
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.images import local_builds
from dashtam_tasks.settings import Image, Images, Settings

POSTGRES_UID = REDIS_UID = "999"
ROOT = Path(__file__).parents[2]
PASSWORD = "secret"
DATA = "/var/lib/postgresql/data"

EXECUTED = """\
#!/bin/bash
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<<"INSERT INTO seen VALUES
  ('executed while the server listens on <' || current_setting('listen_addresses') || '>')"
"""
BUSY = "SELECT pg_sleep(60)"
IS_BUSY = """test "$(psql -U postgres -Atc "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" """

Start = Callable[..., str]

# The classic builder everywhere, and BuildKit where the docker command has it.
HAS_BUILDKIT = (
    subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0
)
BUILDERS = ["0", "1"] if HAS_BUILDKIT else ["0"]


def run(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=timeout
    )


def docker(*arguments: str) -> str:
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def until(container: str, *command: str, seconds: float = 30) -> None:
    """Repeat a command in a container until it succeeds; each try takes the time of a `docker exec`."""
    end = time.monotonic() + seconds
    while run("exec", container, *command).returncode:
        assert time.monotonic() < end, docker("logs", container)
        state = docker("inspect", "--format", "{{.State.Status}}", container)
        assert state == "running", docker("logs", container)


def ready(container: str) -> str:
    """Wait until PostgreSQL answers over TCP: during the first start it answers on its socket only."""
    # It needs no such role, only a name where the container's user has none.
    until(container, "pg_isready", "--quiet", "--host", "127.0.0.1", "--username", "any")
    return container


def query(
    container: str, sql: str, *, user: str = "postgres", database: str = "", password: str = PASSWORD
) -> str:
    connection = ("--host", "127.0.0.1", "--username", user, "--dbname", database or user)
    psql = ("psql", "--no-psqlrc", "--tuples-only", "--no-align", *connection, "--command", sql)
    return docker("exec", "--env", f"PGPASSWORD={password}", container, *psql)


def address_of(container: str) -> str:
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return docker("inspect", "--format", template, container)


def uid_of_main_process(container: str) -> str:
    status = docker("exec", container, "cat", "/proc/1/status")
    return next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))


@pytest.fixture(scope="module")
def local() -> dict[str, str]:
    """The references of the local images, built where they are missing or out of date."""
    return local_builds.build(Images(), report=lambda _text: None)


@pytest.fixture
def name() -> str:
    return f"dashtam-images-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def start(name: str) -> Iterator[Start]:
    """Start containers, `start(IMAGE, OPTIONS…, command=(…))`; they go with all volumes, that called `name` too."""
    started: list[str] = []

    def start_one(image: str, *options: str, command: tuple[str, ...] = ()) -> str:
        container = f"{name}-{len(started)}"
        started.append(container)
        docker("run", "--detach", "--name", container, *options, image, *command)
        return container

    yield start_one
    for container in started:
        docker("rm", "--force", "--volumes", container)
    docker("volume", "rm", "--force", name)


@pytest.fixture
def initdb_folder(tmp_path: Path) -> Path:
    """Scripts of every kind that the first start runs, each leaving a row."""
    folder = tmp_path / "initdb"
    folder.mkdir()
    (folder / "1.sql").write_text("CREATE TABLE seen (what text);")
    (folder / "2.sql.gz").write_bytes(gzip.compress("INSERT INTO seen VALUES ('gzip Größe');".encode()))
    (folder / "3.sh").write_text(EXECUTED)
    (folder / "3.sh").chmod(0o755)
    (folder / "4.sh").write_text("""docker_process_sql <<<"INSERT INTO seen VALUES ('sourced')"\n""")
    (folder / "4.sh").chmod(0o644)
    (folder / "6.txt").write_text("left out")
    folder.chmod(0o755)
    return folder


def test_postgres_runs_first_start_scripts_before_anyone_can_connect(
    local: dict[str, str], start: Start, initdb_folder: Path
) -> None:
    container = start(
        local["postgres"],
        *("--env", "POSTGRES_USER=app", "--env", "POSTGRES_PASSWORD=it's", "--env", "POSTGRES_DB=My-App"),
        *("--volume", f"{initdb_folder}:/docker-entrypoint-initdb.d:ro"),
    )
    ready(container)

    rows = query(container, "SELECT what FROM seen", user="app", database="My-App", password="it's")
    assert rows.splitlines() == ["gzip Größe", "executed while the server listens on <>", "sourced"]
    assert "left out /docker-entrypoint-initdb.d/6.txt" in docker("logs", container)


def test_postgres_stores_utf8_and_takes_the_servers_options(local: dict[str, str], start: Start) -> None:
    options = ("--env", "POSTGRES_PASSWORD=secret", "--shm-size", "64m")
    container = ready(start(local["postgres"], *options, command=("postgres", "-c", "fsync=off")))
    other = ready(start(local["postgres"], *options, command=("-c", "work_mem=8MB")))

    assert query(container, "SHOW server_encoding") == "UTF8"
    assert query(container, "SELECT length('größe€')") == "6"
    assert query(container, "SHOW fsync") == "off"
    assert query(other, "SHOW work_mem") == "8MB"


def test_postgres_runs_without_roots_rights_and_asks_for_the_password(
    local: dict[str, str], start: Start
) -> None:
    container = ready(start(local["postgres"], "--env", "POSTGRES_PASSWORD=secret"))

    assert uid_of_main_process(container) == POSTGRES_UID
    # The image trusts the loopback, as the official one does; its own address stands for another machine's.
    psql = ("psql", "--no-password", "--username", "postgres", "--command", "SELECT 1", "--host")
    address = address_of(container)
    assert run("exec", container, *psql, address).returncode == 2
    assert run("exec", "--env", "PGPASSWORD=wrong", container, *psql, address).returncode == 2
    assert run("exec", "--env", "PGPASSWORD=secret", container, *psql, address).returncode == 0
    for tool in ("psql", "pg_dump", "pg_restore", "pg_dumpall", "pg_basebackup"):
        assert "17." in docker("exec", container, tool, "--version")


def test_postgres_refuses_to_start_without_a_password(local: dict[str, str]) -> None:
    done = run("run", "--rm", local["postgres"])

    assert done.returncode == 1
    assert "POSTGRES_PASSWORD is empty" in done.stderr
    assert "POSTGRES_HOST_AUTH_METHOD=trust" in done.stderr


def test_postgres_lets_everyone_in_with_trust(local: dict[str, str], start: Start) -> None:
    container = ready(start(local["postgres"], "--env", "POSTGRES_HOST_AUTH_METHOD=trust", "--tmpfs", DATA))

    address = address_of(container)
    psql = ("psql", "--no-password", "--username", "postgres", "--command", "SELECT 1", "--host", address)
    docker("exec", container, *psql)


def test_postgres_passes_arguments_to_initdb(local: dict[str, str], start: Start) -> None:
    arguments = "--data-checksums --set 'log_line_prefix=%p of us '"
    variables = ("--env", "POSTGRES_PASSWORD=secret", "--env", f"POSTGRES_INITDB_ARGS={arguments}")
    container = ready(start(local["postgres"], *variables))

    assert query(container, "SHOW data_checksums") == "on"
    assert query(container, "SELECT '<' || current_setting('log_line_prefix') || '>'") == "<%p of us >"


def test_postgres_reads_the_password_from_a_file(local: dict[str, str], start: Start, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret\n")
    secret.chmod(0o644)
    mount = ("--volume", f"{secret}:/run/secrets/password:ro")
    container = start(local["postgres"], *mount, "--env", "POSTGRES_PASSWORD_FILE=/run/secrets/password")

    assert query(ready(container), "SELECT 1") == "1"


@pytest.mark.parametrize("user", ["999", "4321:4321"])
def test_postgres_starts_as_another_user(local: dict[str, str], start: Start, user: str) -> None:
    uid = user.partition(":")[0]
    options = ("--user", user, "--env", "POSTGRES_PASSWORD=secret", "--env", f"PGDATA={DATA}/inside")
    container = ready(start(local["postgres"], *options))

    assert uid_of_main_process(container) == uid
    assert query(container, "SELECT 1") == "1"


def test_postgres_stops_fast_with_a_client_connected_and_keeps_its_rows(
    local: dict[str, str], start: Start, name: str
) -> None:
    options = ("--env", "POSTGRES_PASSWORD=secret", "--volume", f"{name}:{DATA}")
    first = ready(start(local["postgres"], *options))
    query(first, "CREATE TABLE kept AS SELECT 'still here' AS what")
    docker("exec", "--detach", first, "psql", "--username", "postgres", "--command", BUSY)
    until(first, "sh", "-c", IS_BUSY)

    begin = time.monotonic()
    docker("stop", "--time", "10", first)
    # Smart shutdown, which waits for clients, would end by SIGKILL after these 10 s.
    assert time.monotonic() - begin < 8
    assert docker("inspect", "--format", "{{.State.ExitCode}}", first) == "0"

    docker("start", first)
    assert query(ready(first), "SELECT what FROM kept") == "still here"
    docker("stop", first)
    second = ready(start(local["postgres"], *options))
    assert query(second, "SELECT what FROM kept") == "still here"


def test_redis_runs_without_roots_rights_and_keeps_its_data(
    local: dict[str, str], start: Start, name: str
) -> None:
    options, command = ("--volume", f"{name}:/data"), ("redis-server", "--appendonly", "yes")
    first = start(local["redis"], *options, command=command)
    until(first, "redis-cli", "ping")
    docker("exec", first, "redis-cli", "set", "key", "value")

    assert uid_of_main_process(first) == REDIS_UID
    docker("stop", first)
    second = start(local["redis"], *options, command=command)
    until(second, "redis-cli", "ping")
    assert docker("exec", second, "redis-cli", "get", "key") == "value"


@pytest.mark.parametrize(
    ("command", "protected"),
    [
        ((), "no"),
        (("--maxmemory", "32mb"), "no"),
        (("redis-server", "--protected-mode", "yes"), "yes"),
        (("/etc/ours.conf", "--maxmemory", "32mb"), "yes"),
    ],
)
def test_redis_takes_options_and_configuration_files(
    local: dict[str, str], start: Start, tmp_path: Path, command: tuple[str, ...], protected: str
) -> None:
    configuration = tmp_path / "ours.conf"
    configuration.write_text("protected-mode yes\n")
    configuration.chmod(0o644)
    container = start(local["redis"], "--volume", f"{configuration}:/etc/ours.conf:ro", command=command)
    until(container, "redis-cli", "ping")

    assert docker("exec", container, "redis-cli", "config", "get", "protected-mode").split()[1] == protected
    wanted = "33554432" if "--maxmemory" in command else "0"
    assert docker("exec", container, "redis-cli", "config", "get", "maxmemory").split()[1] == wanted


def test_redis_answers_other_containers(local: dict[str, str], start: Start) -> None:
    server = start(local["redis"])
    until(server, "redis-cli", "ping")
    address = address_of(server)

    assert docker("run", "--rm", local["redis"], "redis-cli", "-h", address, "ping") == "PONG"


def test_python_installs_from_an_index_over_tls(local: dict[str, str], start: Start) -> None:
    python = start(local["python"], command=("tail", "-f", "/dev/null"))

    docker("exec", python, "pip", "install", "--quiet", "--root-user-action=ignore", "iniconfig")
    docker("exec", python, "python", "-c", "import iniconfig")
    docker("exec", python, "python", "-m", "venv", "/opt/venv")
    docker("exec", python, "/opt/venv/bin/pip", "install", "--quiet", "uv")
    docker("exec", python, "/opt/venv/bin/uv", "pip", "install", "--python", "/opt/venv", "iniconfig")
    docker("exec", python, "/opt/venv/bin/python", "-c", "import iniconfig")
    assert docker("exec", python, "python3", "--version").startswith("Python 3.13.")
    assert docker("exec", python, "bash", "-c", "echo $LANG") == "C.UTF-8"


def test_images_carry_no_package_lists_and_no_manuals(local: dict[str, str]) -> None:
    for reference in local.values():
        found = docker(
            "run",
            "--rm",
            "--entrypoint",
            "find",
            reference,
            "/var/lib/apt/lists",
            "/usr/share/man",
            "-type",
            "f",
        )
        assert found == ""


def test_status_says_that_they_are_local_and_which_versions(local: dict[str, str], tmp_path: Path) -> None:
    base = {
        f"{name.upper()}_IMAGE": Image(reference=reference, build=name) for name, reference in local.items()
    }
    found = images.status(Settings(project_dir=str(tmp_path), images=Images(base=base)))

    assert all(one.local and one.image_id for one in found)
    versions = {one.variable: one.version for one in found}
    assert versions["POSTGRES_IMAGE"].startswith("17.")
    assert versions["REDIS_IMAGE"].startswith("8.")
    assert versions["PYTHON_IMAGE"].startswith("3.13.")


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize("buildkit", BUILDERS)
def test_every_builder_builds_the_recipes(name: str, monkeypatch: pytest.MonkeyPatch, buildkit: str) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", buildkit)
    recipe = local_builds.recipe(Images(), "redis")
    built = local_builds.docker_build(
        recipe.folder,
        f"{local_builds.PREFIX}debian:trixie",
        "--label",
        f"made-by={name}",
        "--tag",
        f"{name}:1",
    )
    try:
        assert docker("run", "--rm", built, "redis-server", "--version").startswith("Redis server v=8.")
        assert docker("inspect", "--format", '{{index .Config.Labels "made-by"}}', f"{name}:1") == name
    finally:
        docker("image", "rm", "--no-prune", f"{name}:1")


def test_what_a_removed_project_was_built_from_stays_for_builds_that_are_at_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    name = f"dashtam-tasks-test-{uuid.uuid4().hex[:8]}"
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nENV NAME={name}\nENV LAST=true\n")
    docker("build", "--tag", name, "--label", f"{engine.PROJECT_LABEL}={name}", str(tmp_path))
    parent = docker("image", "inspect", "--format", "{{.Parent}}", name)
    try:
        engine.remove_project(name)
        assert docker("image", "ls", "--quiet", name) == ""
        assert docker("image", "inspect", "--format", "{{.Id}}", parent) == parent
    finally:
        docker("image", "rm", parent)


class Refusal(BaseHTTPRequestHandler):
    """A registry that knows no image, as the OCI distribution specification words it."""

    def do_GET(self) -> None:
        body = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}).encode()
        self.send_response(200 if self.path == "/v2/" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - http.server names it

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def refusing_registry() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent_registry() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def absent_registry() -> str:
    """An address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def settings_for(registry: str, folder: Path) -> Settings:
    (folder / "envs").mkdir()
    base = {"REDIS_IMAGE": Image(reference=f"{registry}/team/redis:8.2.1", build="redis")}
    return Settings(project_dir=str(folder), images=Images(base=base, registry_timeout=1))


def test_a_registry_that_refuses_is_no_reason_to_build(refusing_registry: str, tmp_path: Path) -> None:
    with pytest.raises(DashtamError) as caught:
        images.choose(settings_for(refusing_registry, tmp_path), report=lambda _text: None)

    assert caught.value.code == ExitCode.UNAVAILABLE
    assert f"{refusing_registry}/team/redis:8.2.1" in caught.value.reason
    assert "manifest unknown" in caught.value.details
    assert list((tmp_path / "envs").iterdir()) == []


@pytest.mark.parametrize("kind", ["silent_registry", "absent_registry"])
def test_the_local_build_stands_in_for_a_registry_that_does_not_answer(
    local: dict[str, str], kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    begin = time.monotonic()
    (choice,) = images.choose(
        settings_for(request.getfixturevalue(kind), tmp_path), report=lambda _text: None
    )

    assert time.monotonic() - begin < 5
    assert (choice.reference, choice.local) == (local["redis"], True)
    assert f"REDIS_IMAGE={local['redis']}\n" in (tmp_path / "envs/.env.images").read_text(encoding="utf-8")


MAKE_BASE = """
import sys
from pathlib import Path
from dashtam_tasks.images import local_builds, rootfs
from dashtam_tasks.settings import Images

additions = local_builds.images_folder() / local_builds.BASE
report = lambda text: print(text, flush=True)
rootfs.make(sys.argv[1], Images(), additions=additions, labels={}, report=report, install=True)
"""


def test_an_interrupt_leaves_neither_files_nor_processes_nor_an_image(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    argv = [sys.executable, "-c", MAKE_BASE, f"{name}:1"]
    environment = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(
        argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert next(line for line in process.stdout if line.endswith(": retrieving\n"))
        (system,) = folder.iterdir()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)

    assert process.returncode == -signal.SIGINT
    assert list(folder.iterdir()) == []
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.parent.exists()]
    assert [one for one in commands if str(system).encode() in one] == []
    assert run("image", "inspect", f"{name}:1").returncode == 1
