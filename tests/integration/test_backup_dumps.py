"""Dumps of real PostgreSQL volumes, of a server that runs and of one that does not."""

import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup, legacy
from dashtam_tasks.migration.backup import Backup, dumps
from dashtam_tasks.migration.containers.workbench import WORK_LABEL
from tests.integration.projects import docker

IMAGE = "localhost/dashtam-tasks/postgres:17-trixie"
ODD = 'it\'s \\ "odd" = ünïcode'
SECRET = "never-on-a-command-line"
# Not the one that clients try by themselves.
PORT = 5433
COMPOSE = f"""\
services:
  db:
    image: {IMAGE}
    environment: {{POSTGRES_USER: owner, POSTGRES_DB: shop, POSTGRES_PASSWORD: {SECRET}}}
    volumes: ["data:/var/lib/postgresql/data"]
    command: postgres -p {PORT}
    healthcheck: {{test: [CMD, pg_isready, -h, 127.0.0.1, -p, "{PORT}"], interval: 250ms, retries: 200}}
  cache:
    image: {IMAGE}
    command: "true"
    volumes: ["cache:/data"]
volumes: {{data: {{}}, cache: {{}}}}
"""
ROWS = "INSERT INTO things SELECT n, repeat('x', 100) FROM generate_series(1, 1000) n"


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A legacy project with its database."""

    folder: Path

    @property
    def volume(self) -> str:
        return f"{self.folder.name}_data"

    def compose(self, *arguments: str) -> str:
        return docker("compose", "--project-directory", str(self.folder), *arguments)

    def sql(self, statement: str, database: str = "shop") -> str:
        login = ("--port", str(PORT), "--username", "owner", "--dbname", database)
        client = ("psql", *login, "--no-align", "--tuples-only")
        return self.compose("exec", "-T", "db", *client, "--command", statement)

    def dump(self) -> tuple[Backup, list[str]]:
        said: list[str] = []
        found = legacy.survey(self.folder)
        taken = backup.take(self.folder, backup.wanted(found, ()), today=date(2026, 11, 23))
        return dumps.dump(taken, dumps.clusters(found), notify=said.append), said


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A project whose database runs and has rows in databases of two names, and a role of its own."""
    made = Shop(folder=tmp_path_factory.mktemp("shop") / f"dumped-{uuid.uuid4().hex[:8]}")
    made.folder.mkdir()
    (made.folder / "docker-compose.yml").write_text(COMPOSE)
    try:
        made.compose("up", "--wait", "db")
        quoted = ODD.replace('"', '""')
        made.sql(f'CREATE DATABASE "{quoted}"')
        made.sql("CREATE ROLE guest LOGIN")
        made.sql("CREATE TABLE things (id int PRIMARY KEY, words text)")
        made.sql(ROWS)
        yield made
    finally:
        made.compose("down", "--volumes", "--timeout", "0")


def ours(volume: str) -> list[str]:
    """Return the containers and the volumes that dumping has made and left."""
    label = ("--quiet", "--filter", f"label={WORK_LABEL}={volume}")
    return [*docker("ps", "--all", *label).split(), *docker("volume", "ls", *label).split()]


def data_of(shop: Shop) -> str:
    """Return the hash and the time of every file in the volume."""
    mount = f"type=volume,source={shop.volume},target=/data,readonly"
    script = "cd /data && find . -type f -printf '%p %T@ %m %U\\n' -exec sha256sum {} + | sort"
    return docker(
        "run", "--rm", "--network", "none", "--mount", mount, "--entrypoint", "sh", IMAGE, "-c", script
    )


def await_answer(server: str) -> None:
    """Ask a server until it answers; each try takes the time of a `docker exec`."""
    end = time.monotonic() + 60
    probe = ["docker", "exec", server, "pg_isready", "--quiet", "--host", "127.0.0.1"]
    while subprocess.run(probe, check=False).returncode:
        assert time.monotonic() < end, docker("logs", server)


def restored(made: Backup, database: str) -> str:
    """Return the rows that a new server has when a dump is restored into it, with its roles."""
    by_name = {one.database: made.dump_file(one) for one in made.dumps}
    server = docker("run", "--detach", "--network", "none", "--env", "POSTGRES_HOST_AUTH_METHOD=trust", IMAGE)
    try:
        await_answer(server)
        psql = ("psql", "--username", "postgres", "--dbname", "postgres")
        for command, file in (
            ((*psql, "--set", "ON_ERROR_STOP=1"), by_name[""]),
            (("pg_restore", "--username", "postgres", "--create", "--dbname", "postgres"), by_name[database]),
        ):
            with file.open("rb") as source:
                argv = ["docker", "exec", "--interactive", server, *command]
                done = subprocess.run(argv, stdin=source, capture_output=True, check=False)
            assert done.returncode == 0, done.stderr
        answer = (
            "SELECT count(*), sum(length(words)), (SELECT count(*) FROM pg_roles WHERE rolname = 'guest')"
        )
        query = (*psql[:3], "--dbname", database, "--no-align", "--tuples-only")
        return docker("exec", server, *query, "--command", f"{answer} FROM things")
    finally:
        docker("rm", "--force", "--volumes", server)


def test_a_running_server_is_dumped_where_it_runs(shop: Shop) -> None:
    shop.compose("up", "--wait", "db")
    made, said = shop.dump()
    assert {one.database for one in made.dumps} == {"", "postgres", "shop", ODD}
    for one in made.dumps:
        assert (one.volume, one.service) == (shop.volume, "db")
        assert one.server_version.startswith("17.")
        assert made.dump_file(one).stat().st_mode & 0o777 == 0o600
    assert next(one for one in made.dumps if one.database == "shop").objects >= 3
    assert backup.verified(made) == ()
    assert f"Dumping the database shop of {shop.volume}." in said
    assert not any("Copying" in one for one in said)
    assert ours(shop.volume) == []
    assert restored(made, "shop") == "1000|100000|1"


def test_a_stopped_server_is_dumped_from_a_copy_and_its_volume_is_only_read(shop: Shop) -> None:
    # As after a power cut: the copy has to recover, and the volume must not.
    shop.compose("kill", "db")
    before = data_of(shop)
    made, said = shop.dump()
    assert {one.database for one in made.dumps} == {"", "postgres", "shop", ODD}
    assert said[0] == f"Copying {shop.volume}, since no server runs on it."
    assert (data_of(shop), ours(shop.volume)) == (before, [])
    assert backup.verified(made) == ()
    assert restored(made, "shop") == "1000|100000|1"


def test_what_a_killed_run_left_is_removed_by_the_next(shop: Shop) -> None:
    shop.compose("kill", "db")
    label = f"{WORK_LABEL}={shop.volume}"
    mount = f"type=volume,target=/copy,volume-label={label}"
    docker("create", "--label", label, "--network", "none", "--mount", mount, IMAGE)
    assert len(ours(shop.volume)) == 2
    shop.dump()
    assert ours(shop.volume) == []


def test_data_that_no_server_of_the_image_opens_is_said_with_its_words(shop: Shop) -> None:
    shop.compose("kill", "db")
    write = (
        "run",
        "--rm",
        "--network",
        "none",
        "--volume",
        f"{shop.volume}:/data",
        "--entrypoint",
        "sh",
        IMAGE,
    )
    docker(*write, "-c", "echo 12 >/data/PG_VERSION")
    try:
        with pytest.raises(DashtamError, match=f"No PostgreSQL of {IMAGE} answers on a copy of") as error:
            shop.dump()
        assert error.value.code == ExitCode.UNAVAILABLE
        assert "initialized by PostgreSQL version 12" in error.value.details
        assert ours(shop.volume) == []
        (taken, *_) = backup.existing(shop.folder)[::-1]
        assert (taken.dumps, backup.verified(taken)) == ((), ())
    finally:
        docker(*write, "-c", "echo 17 >/data/PG_VERSION")


def test_a_database_that_cannot_be_dumped_is_said_and_leaves_no_part_of_a_dump(shop: Shop) -> None:
    shop.compose("up", "--wait", "db")
    shop.sql("UPDATE pg_class SET relnamespace = 1 WHERE relname = 'things'")
    try:
        with pytest.raises(DashtamError, match=r"^pg_dump failed with exit code 1 in ") as error:
            shop.dump()
        assert error.value.code == ExitCode.DATA
        assert "schema with OID 1 does not exist" in error.value.details
        taken = backup.existing(shop.folder)[-1]
        assert "shop" not in {one.database for one in taken.dumps}
        assert backup.verified(taken) == ()
        assert list((shop.folder / "backups").glob("*.tmp")) == []
    finally:
        shop.sql("UPDATE pg_class SET relnamespace = 'public'::regnamespace WHERE relname = 'things'")


def test_an_empty_volume_has_nothing_to_dump_and_other_volumes_are_no_databases(tmp_path: Path) -> None:
    made = Shop(folder=tmp_path / f"empty-{uuid.uuid4().hex[:8]}")
    made.folder.mkdir()
    (made.folder / "docker-compose.yml").write_text(COMPOSE)
    try:
        made.compose("create")
        taken, said = made.dump()
        assert taken.dumps == ()
        assert said == [f"{made.volume} is empty, and there is nothing to dump."]
        assert ours(made.volume) == []
    finally:
        made.compose("down", "--volumes", "--timeout", "0")
