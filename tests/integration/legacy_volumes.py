"""Volumes of a legacy project under migration: filled, looked into, and put back for the next case."""

import json
import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashtam_tasks import env_files
from dashtam_tasks.engine import PROJECT_LABEL
from dashtam_tasks.migration.operations import CopyVolume
from tests.integration.legacy_projects import LegacyProject
from tests.integration.projects import ROOT, docker

IMAGES = env_files.read(ROOT / "envs/.env.images")
POSTGRES, REDIS = IMAGES["POSTGRES_IMAGE"], IMAGES["REDIS_IMAGE"]
SERVICES = ("postgres", "redis")
ROWS = (
    "create table savings (id serial primary key, name text);"
    "insert into savings (name) select 'row ' || n from generate_series(1, 500) n"
)
COUNTED = "select count(*), md5(string_agg(name, ',' order by id)) from savings"
# Everything in volumes as text, which a line divides.
DIVISION = "-- next --\n"
STATE = """\
for one in /volume/*; do
    cd "$one"
    find . -exec stat -c '%n %f %u %g %s %y' {} + | sort
    find . -type f -exec sha256sum {} + | sort
    echo "-- next --"
done
"""
HASHED = re.compile(r"[0-9a-f]{64}  ")
# On a copy, since a server writes to what it serves.
ASK = """\
set -e
cp -a /volume/0/. "$PGDATA"
pg_ctl start --silent -w -D "$PGDATA" -o '-c listen_addresses=' > /dev/null
psql -U dashtam_user -d dashtam -Atc "$1"
pg_ctl stop --silent -m immediate -D "$PGDATA"
"""


def rows(volume: str) -> str:
    """Return the rows that a server finds in a copy of a volume."""
    return inside((volume,), ASK, COUNTED, image=POSTGRES, user="postgres")


def states(volumes: Sequence[str]) -> dict[str, str]:
    """Return everything that is in volumes, with times and contents, by their names."""
    found = f"{inside(volumes, STATE)}\n".split(DIVISION)
    return dict(zip(volumes, found, strict=False))


def inside(
    volumes: Sequence[str], script: str, *arguments: str, image: str = REDIS, user: str = "0:0"
) -> str:
    """Return what a script prints that reads volumes below /volume, by their number."""
    mounts = [
        part for index, name in enumerate(volumes) for part in ("--volume", f"{name}:/volume/{index}:ro")
    ]
    options = ("--rm", "--user", user, "--network", "none", "--entrypoint", "sh")
    return docker("run", *options, *mounts, image, "-c", script, "sh", *arguments)


@dataclass(frozen=True)
class Kept:
    """What a new volume had, to begin with it again: its name, its labels, and the volume that has its data."""

    name: str
    labels: Mapping[str, str]
    data: str


class Volumes:
    """The volumes of a legacy project; `rows` are those of its database, `old` is what is in the legacy volumes."""

    def __init__(self, project: LegacyProject) -> None:
        self.project = project
        # The contents in which a server has found the rows.
        self.proven: set[tuple[str, ...]] = set()
        self.start()
        project.sql(ROWS)
        self.rows = project.sql(COUNTED).strip()
        project.compose("exec", "-T", "redis", "redis-cli", "set", "key", "value")
        project.compose("down")
        self.old = states(project.found("volume"))
        assert len(self.old) == len(SERVICES)

    def start(self) -> None:
        """Start the legacy services, and return when the database answers over TCP."""
        self.project.compose("up", "--detach", *SERVICES)
        wait = "until pg_isready --quiet --host 127.0.0.1; do :; done"
        self.project.compose("exec", "-T", "postgres", "timeout", "60", "sh", "-c", wait)

    def keep(self, volume: str) -> Kept:
        """Return what is in a volume."""
        data = f"{volume}-kept-{uuid.uuid4().hex[:8]}"
        # By the label it is found, and removed with all that is the project's.
        docker("volume", "create", "--label", f"{PROJECT_LABEL}={self.project.name}-kept", data)
        transfer({volume: data})
        return Kept(volume, labels(volume), data)

    def put_back(self, kept: Iterable[Kept]) -> None:
        """Make volumes again that are not there."""
        for one in kept:
            marks = [part for pair in one.labels.items() for part in ("--label", "=".join(pair))]
            docker("volume", "create", *marks, one.name)
        transfer({one.data: one.name for one in kept})

    def reset(self, copies: Sequence[CopyVolume], kept: Sequence[Kept]) -> None:
        """Let no new volumes be there but those that were kept; other sources have their containers."""
        held = holders(*(name for copy in copies for name in (copy.source, copy.target)))
        if held:
            docker("rm", "--force", *held)
        there = {one.target for one in copies} & set(self.project.found("volume"))
        same = [one for one in kept if one.name in there and labels(one.name) == one.labels]
        stale = there - {one.name for one in same}
        if stale:
            docker("volume", "rm", *stale)
        self.put_back([one for one in kept if one not in same])
        copied = {one.name for one in kept}
        waiting = [one.service for one in copies if one.target not in copied]
        if waiting:
            self.project.compose("create", "--no-build", *waiting)

    def check_old(self, *, was_served: bool = False) -> None:
        """See that the legacy volumes are as they were; one that was served since has at least its rows."""
        if was_served:
            self.project.compose("stop")
            (database,) = (name for name in self.old if "postgres" in name)
            assert rows(database) == self.rows
            self.old = states(list(self.old))
        else:
            assert states(list(self.old)) == self.old

    def check_new(self, copies: Collection[CopyVolume]) -> None:
        """See that the new volumes have the data; a server counts the rows of each state of them once."""
        every = states([name for one in copies for name in (one.source, one.target)])
        for one in copies:
            found = contents(every[one.target])
            if found in self.proven:
                continue
            if one.is_postgres:
                assert rows(one.target) == self.rows
            else:
                assert found == contents(every[one.source])
            self.proven.add(found)

    def check_gone(self, copies: Collection[CopyVolume]) -> None:
        """See that the new volumes are not there, nor anything that held them."""
        assert not {one.target for one in copies} & set(self.project.found("volume"))
        assert not [name for one in copies for name in holders(one.target)]


def contents(found: str) -> tuple[str, ...]:
    """Return the hashes of a state, with the files' names."""
    return tuple(line for line in found.splitlines() if HASHED.match(line))


def labels(volume: str) -> dict[str, str]:
    """Return the labels of a volume."""
    (found,) = json.loads(docker("volume", "inspect", volume))
    return dict(found["Labels"] or {})


def holders(*volumes: str) -> list[str]:
    """Return the containers that hold any of some volumes."""
    filters = [part for one in volumes for part in ("--filter", f"volume={one}")]
    return docker("ps", "--all", "--quiet", *filters).split()


def transfer(names: dict[str, str]) -> None:
    """Copy volumes into others, all at once."""
    if names:
        pairs = list(names.items())
        mounts = [
            part
            for number, (source, target) in enumerate(pairs)
            for part in ("--volume", f"{source}:/from/{number}:ro", "--volume", f"{target}:/to/{number}")
        ]
        script = 'for one in /from/*; do cp -a "$one/." "/to/${one##*/}/"; done'
        options = ("--rm", "--user", "0:0", "--network", "none", "--entrypoint", "sh")
        docker("run", *options, *mounts, REDIS, "-c", script)
