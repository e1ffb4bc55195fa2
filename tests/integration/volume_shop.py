"""A shop's volumes for the tests: with names of their own, on the real engine, gone at the end."""

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dashtam_tasks import env_files
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.migration import backup, legacy, volumes
from dashtam_tasks.migration.backup import Backup
from dashtam_tasks.migration.operations import CopyVolume
from tests.integration.projects import ROOT, docker

IMAGES = env_files.read(ROOT / "envs/.env.images")
POSTGRES, REDIS = IMAGES["POSTGRES_IMAGE"], IMAGES["REDIS_IMAGE"]
DATA = "/var/lib/postgresql/data"
USER = "shop owner"

LEGACY = f"""\
services:
  db:
    image: {POSTGRES}
    environment: {{POSTGRES_PASSWORD: made-up, POSTGRES_USER: {USER}, POSTGRES_DB: shop}}
    volumes: ["db_data:{DATA}"]
    healthcheck: {{test: [CMD, pg_isready, -h, 127.0.0.1], interval: 0.3s, retries: 100}}
  cache:
    image: {REDIS}
    command: redis-server --appendonly yes
    volumes: ["cache_data:/data"]
  app:
    image: {REDIS}
    tmpfs: /data  # instead of a volume without a name, which a migration leaves
    entrypoint: [sh, -c, "trap exit TERM; read _ < /dev/zero & wait"]
volumes: {{db_data: , cache_data: }}
"""
# Every table has rows of its own number; the names need quoting.
ROWS = """\
CREATE TABLE parent (id int, name text) PARTITION BY RANGE (id);
CREATE TABLE child PARTITION OF parent FOR VALUES FROM (0) TO (1000);
INSERT INTO parent SELECT n, 'row ' || n FROM generate_series(1, 100) n;
CREATE SCHEMA "od""d";
CREATE TABLE "od""d"."a 'table'" AS SELECT n FROM generate_series(1, 7) n;
CREATE TABLE nothing (id int);
CREATE MATERIALIZED VIEW half AS SELECT * FROM parent WHERE id <= 50;
"""
OTHER_ROWS = "CREATE TABLE visits AS SELECT n FROM generate_series(1, 3) n;"
COUNTED = {
    ("other = 'db'", "public", "visits"): 3,
    ("shop", 'od"d', "a 'table'"): 7,
    ("shop", "public", "child"): 100,
    ("shop", "public", "half"): 50,
    ("shop", "public", "nothing"): 0,
}
# Everything in a volume as one text: times and contents included; a byte that is no UTF-8 has a stand-in.
STATE = """\
cd /volume
find . -exec stat -c '%n %f %u %g %s %Y %y %i' {} + | sort | tr '\\377' '?'
find . -type f -exec sha256sum {} + | sort | tr '\\377' '?'
"""

ODD = r"""
set -e
mkdir -p folder/deep empty-folder; echo text > folder/deep/file
printf 1 > "$(printf 'new\nline')"; printf 2 > "$(printf 'back\\slash')"; printf 3 > "$(printf 'not-utf8-\377')"
printf 4 > '-n'; printf 5 > ' spaces '; printf 6 > "$(printf 'carriage\rreturn')"; printf 7 > "'quotes\""; : > empty
ln -s "$(printf 'to\nnewline\n')" link; ln -s folder folder-link; ln -s /nowhere broken
ln folder/deep/file hard; ln "$(printf 'new\nline')" hard-odd
dd if=/dev/zero of=sparse bs=1 count=1 seek=20000000 2> /dev/null
mkfifo pipe
chown 70:70 folder/deep/file; chown -h 999:1000 link; chown 999:0 folder; chown 70:999 .
chmod 4750 folder/deep/file; chmod 2770 folder; chmod 0 empty; chmod 1700 .
touch -d '2001-02-03 04:05:06' folder/deep/file; touch -d '1999-12-31 23:59:59' folder empty-folder
"""
# Without what a copy has of its own: inodes, the sizes of folders, and parts of seconds.
LOOK = r"""
find . -exec stat -c '%n %f %u %g' {} + | sort | tr '\377' '?'
find . ! -type l -exec stat -c '%n %Y' {} + | sort | tr '\377' '?'
find . -type f -exec sha256sum {} + | sort | tr '\377' '?'
"""
LARGE = "head -c 300000000 /dev/urandom > large; head -c 1000 large > small"

BUSYBOX = f"""\
FROM {REDIS}
RUN apt-get update && apt-get install --yes --no-install-recommends busybox-static \\
    && mkdir /applets && busybox --install -s /applets
ENV PATH=/applets
"""

CHILD = """\
import json, sys
from pathlib import Path
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration import volumes
from dashtam_tasks.migration.operations import CopyVolume
try:
    volumes.copy(CopyVolume(**json.loads(sys.argv[1])), project=Path(sys.argv[2]), notify=lambda _: None)
except DashtamError as error:
    sys.exit(f"{int(error.code)} {error.reason}")
"""


@dataclass(frozen=True)
class Shop:
    """A legacy project in `folder`; all its names begin with the folder's, and `said` is what was notified."""

    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the Compose project."""
        return self.folder.name

    def compose(self, *arguments: str, file: str = "docker-compose.yml") -> str:
        """Run Compose on a file of the project, and return what it said to stderr."""
        argv = [
            "docker",
            "compose",
            "--project-directory",
            str(self.folder),
            "--file",
            str(self.folder / file),
        ]
        done = subprocess.run(
            [*argv, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    def start(self) -> None:
        """Write the legacy file, start it, and put rows into its database and a key into its cache."""
        (self.folder / "docker-compose.yml").write_text(LEGACY)
        self.compose("up", "--detach", "--wait")
        self.sql(ROWS)
        self.sql("""CREATE DATABASE "other = 'db'";""")
        self.sql(OTHER_ROWS, database="other = 'db'")
        docker("exec", f"{self.name}-cache-1", "redis-cli", "set", "key", "value")

    def sql(self, script: str, *, container: str = "", database: str = "shop") -> str:
        """Return what psql answers in a container of PostgreSQL."""
        name = "dbname='" + database.replace("'", "\\'") + "'"
        user = ("--username", USER, "--dbname", name)
        return docker("exec", container or f"{self.name}-db-1", "psql", "-qAtX", *user, "-c", script)

    def migrated(self) -> Model:
        """Write development's new file, and return what Compose makes of it."""
        text = LEGACY.replace("db_data:", "dev_db_data:").replace("cache_data:", "dev_cache_data:")
        (self.folder / "dev.yml").write_text(f"name: {self.name}-dev\n{text}")
        return Compose(file=self.folder / "dev.yml", env_files=()).model

    def planned(self, mode: volumes.Mode = "copy") -> dict[str, CopyVolume]:
        """Return the copies that are planned, by service."""
        operations = volumes.planned(legacy.survey(self.folder), self.migrated(), mode=mode)
        return {one.service: one for one in operations}

    def volume(self, name: str, script: str = "", *, image: str = REDIS) -> str:
        """Make a volume, fill it by a script that runs in it, and return its name."""
        made = f"{self.name}_{name}"
        docker("volume", "create", made)
        self.run(made, script or "true", image=image)
        return made

    def run(self, volume: str, script: str, *, image: str = REDIS) -> str:
        """Return what a script prints that runs in a volume."""
        mount = ("--volume", f"{volume}:/volume", "--workdir", "/volume", "--entrypoint", "sh")
        return docker("run", "--rm", "--network", "none", "--user", "0:0", *mount, image, "-c", script)

    def state(self, volume: str) -> str:
        """Return everything that is in a volume, with times and contents."""
        return self.run(volume, STATE)

    def operation(self, source: str, *, image: str = REDIS, is_postgres: bool = False) -> CopyVolume:
        """Return the copy of a volume to one whose name says so."""
        return CopyVolume(
            source=source,
            target=f"{source}_copy",
            labels={"com.docker.compose.project": f"{self.name}-dev"},
            service="db",
            image=image,
            path=DATA,
            is_postgres=is_postgres,
        )

    def copy(self, operation: CopyVolume) -> volumes.Copied:
        """Copy a volume."""
        return volumes.copy(operation, project=self.folder, notify=self.said.append)

    def copy_elsewhere(self, operation: CopyVolume, environment: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start to copy a volume in a process of its own."""
        facts = json.dumps({name: getattr(operation, name) for name in operation.__dataclass_fields__})
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, facts, str(self.folder)],
            cwd=ROOT,
            env=dict(environment),
            stderr=subprocess.PIPE,
            text=True,
        )

    def backup(self) -> Backup:
        """Take a backup that dumps can be added to, and return it."""
        (self.folder / "docker-compose.yml").touch()
        return backup.take(self.folder, ("docker-compose.yml",), today=datetime.now(UTC).date())

    def take_back(self, operation: CopyVolume, kept: Backup) -> volumes.TakenBack:
        """Take back the copy of a volume, with dumps into a backup."""
        return volumes.take_back(
            operation, project=self.folder, backup_folder=kept.folder, notify=self.said.append
        )

    def holders(self, volume: str) -> list[str]:
        """Return the names of the containers that hold a volume."""
        return docker("ps", "--all", "--filter", f"volume={volume}", "--format", "{{.Names}}").split()

    def volumes(self) -> set[str]:
        """Return the names of the shop's volumes."""
        names = docker("volume", "ls", "--format", "{{.Name}}").split()
        return {name.removeprefix(self.name) for name in names if name.startswith(self.name)}


def opened(folder: Path) -> Iterator[Shop]:
    """Yield a shop in a folder below `folder`; its containers, networks and volumes are removed afterwards."""
    shop = Shop(folder / f"shop{uuid.uuid4().hex[:10]}")
    shop.folder.mkdir()
    try:
        yield shop
    finally:
        names = [f"{shop.name}{name}" for name in shop.volumes()]
        held = {one for name in names for one in docker("ps", "-aq", "--filter", f"volume={name}").split()}
        named = docker("ps", "-aq", "--filter", f"name={shop.name}").split()
        if held | set(named):
            docker("rm", "--force", "--volumes", *(held | set(named)))
        networks = docker("network", "ls", "-q", "--filter", f"name={shop.name}").split()
        for kind, found in (("network", networks), ("volume", names)):
            if found:
                docker(kind, "rm", *found)


@contextmanager
def working(target: str) -> Iterator["subprocess.Popen[str]"]:
    """Yield the events of the commands that start in workbenches of a volume, one line each."""
    filters = ("--filter", f"label=dashtam-tasks.volume={target}")
    argv = ["docker", "events", *filters, "--format", "{{.Action}}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as events:
        try:
            yield events
        finally:
            events.terminate()


def await_action(events: "subprocess.Popen[str]", beginning: str) -> None:
    """Return when an event came that begins so; pytest-timeout ends a wait that is too long."""
    assert events.stdout is not None
    while not (line := events.stdout.readline()).startswith(beginning):
        assert line, "no more events"
