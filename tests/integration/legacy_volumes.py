"""Volumes of a legacy project under migration: filled, looked into, and put back for the next case."""

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashtam_tasks import env_files
from dashtam_tasks.migration.operations import CopyVolume
from tests.integration.legacy_projects import LegacyProject
from tests.integration.projects import ROOT, docker
from tests.integration.volume_keeper import ASKED, POSTGRES, Keeper

__all__ = ["COUNTED", "POSTGRES", "REDIS", "ROWS", "Kept", "Volumes", "rows"]

REDIS = env_files.read(ROOT / "envs/.env.images")["REDIS_IMAGE"]
SERVICES = ("postgres", "redis")
ROWS = (
    "create table savings (id serial primary key, name text);"
    "insert into savings (name) select 'row ' || n from generate_series(1, 500) n"
)
COUNTED = "select count(*), md5(string_agg(name, ',' order by id)) from savings"


def rows(volume: str) -> str:
    """Return the rows that a server finds in a copy of a volume."""
    options = ("--rm", "--user", "0:0", "--network", "none", "--volume", f"{volume}:/volume:ro")
    return docker("run", *options, "--entrypoint", "sh", POSTGRES, "-euc", ASKED, "sh", "/volume", COUNTED)


@dataclass(frozen=True)
class Kept:
    """What a new volume had, to begin with it again: its name, its labels, and what the keeper has its data by."""

    name: str
    labels: Mapping[str, str]
    data: str


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A container of a legacy service that was made and not started, as Compose left it."""

    name: str
    image: str
    labels: Mapping[str, str]
    volume: str
    path: str

    def make(self) -> None:
        """Make it again."""
        marks = labelled(self.labels)
        docker("create", "--name", self.name, *marks, "--volume", f"{self.volume}:{self.path}", self.image)


class Volumes:
    """The volumes of a legacy project: `rows` are those of its database, `old` the states of the legacy ones."""

    def __init__(self, project: LegacyProject) -> None:
        self.project, self.keeper = project, Keeper(f"{project.name}-kept", project.path)
        # The states in which a volume was found to have all data.
        self.proven: set[str] = set()
        # What each volume was given, and the state that it was in then.
        self.placed: dict[str, tuple[str, str]] = {}
        self.start()
        project.sql(ROWS)
        self.rows = project.sql(COUNTED).strip()
        project.compose("exec", "-T", "redis", "redis-cli", "set", "key", "value")
        project.compose("down")
        names = project.found("volume")
        assert len(names) == len(SERVICES)
        for name in names:
            self.keeper.keep(name, name)
        self.old = {name: self.keeper.state(name) for name in names}
        project.compose("create", "--no-build", *SERVICES)
        self.holders = [holder(name) for name in held_by(*names)]
        docker("rm", *(one.name for one in self.holders))

    def start(self) -> None:
        """Start the legacy services, and return when the database answers over TCP."""
        self.project.compose("up", "--detach", "--force-recreate", *SERVICES)
        wait = "until pg_isready --quiet --host 127.0.0.1; do :; done"
        self.project.compose("exec", "-T", "postgres", "timeout", "60", "sh", "-c", wait)

    def keep(self, volume: str) -> Kept:
        """Return what is in a volume."""
        data = f"{volume}-{uuid.uuid4().hex[:8]}"
        self.keeper.keep(volume, data)
        self.placed[volume] = data, self.keeper.state(volume)
        return Kept(volume, labels(volume), data)

    def put_back(self, kept: Iterable[Kept]) -> None:
        """Make volumes again that are not there."""
        for one in kept:
            docker("volume", "create", *labelled(one.labels), one.name)
            self.keeper.fill(one.data, one.name)
            state = self.keeper.state(one.name)
            self.placed[one.name] = one.data, state
            if one.name in self.old:
                self.old[one.name] = state

    def reset(self, copies: Sequence[CopyVolume], kept: Sequence[Kept]) -> None:
        """Let no new volumes be there but those that were kept; other sources have their containers."""
        copied = {one.name for one in kept}
        waiting = {one.source for one in copies if one.target not in copied}
        wanted = {one.name: one for one in self.holders if one.volume in waiting}
        held = held_by(*(name for copy in copies for name in (copy.source, copy.target)))
        left = {name for name, status in held.items() if name in wanted and status == "created"}
        if held.keys() - left:
            docker("rm", "--force", *(held.keys() - left))
        there = {one.target for one in copies} & set(self.project.found("volume"))
        same = [one for one in kept if one.name in there and self.is_same(one)]
        stale = there - {one.name for one in same}
        if stale:
            docker("volume", "rm", *stale)
        self.put_back([one for one in kept if one not in same])
        for name in wanted.keys() - left:
            wanted[name].make()

    def is_same(self, kept: Kept) -> bool:
        """Return whether a volume was not touched since it was kept or put back."""
        placed = kept.data, self.keeper.state(kept.name)
        return labels(kept.name) == kept.labels and self.placed.get(kept.name) == placed

    def check_old(self, *, was_served: bool = False) -> None:
        """See that the legacy volumes are as they were; one that was served since has at least its rows."""
        if was_served:
            self.project.compose("stop")
            (database,) = (name for name in self.old if "postgres" in name)
            assert self.keeper.rows(database, COUNTED) == self.rows
            self.old = {name: self.keeper.state(name) for name in self.old}
        else:
            assert {name: self.keeper.state(name) for name in self.old} == self.old

    def restore(self) -> None:
        """Give the legacy volumes back what they had at first, after they were served."""
        held = held_by(*self.old)
        if held:
            docker("rm", "--force", *held)
        for name in self.old:
            self.keeper.fill(name, name)
            self.old[name] = self.keeper.state(name)

    def check_new(self, copies: Collection[CopyVolume]) -> None:
        """See that the new volumes have the data; a server counts the rows of each state of them once."""
        for one in copies:
            state = self.keeper.state(one.target)
            if state in self.proven:
                continue
            if one.is_postgres:
                assert self.keeper.rows(one.target, COUNTED) == self.rows
            else:
                assert self.keeper.contents(one.target) == self.keeper.contents(one.source)
            self.proven.add(state)

    def check_gone(self, copies: Collection[CopyVolume]) -> None:
        """See that the new volumes are not there, nor anything that held them."""
        assert not {one.target for one in copies} & set(self.project.found("volume"))
        assert not held_by(*(one.target for one in copies))


def labelled(marks: Mapping[str, str]) -> list[str]:
    """Return the options that give labels."""
    return [part for pair in marks.items() for part in ("--label", "=".join(pair))]


def labels(volume: str) -> dict[str, str]:
    """Return the labels of a volume."""
    (found,) = json.loads(docker("volume", "inspect", volume))
    return dict(found["Labels"] or {})


def held_by(*volumes: str) -> dict[str, str]:
    """Return the containers that hold any of some volumes, by name, and the status of each."""
    filters = [part for one in volumes for part in ("--filter", f"volume={one}")]
    rows = docker("ps", "--all", *filters, "--format", "{{.Names}} {{.State}}").splitlines()
    return dict(row.split() for row in rows)


def holder(container: str) -> Holder:
    """Return a container that holds one volume."""
    (found,) = json.loads(docker("inspect", container))
    (mount,) = (one for one in found["Mounts"] if one["Type"] == "volume")
    return Holder(
        name=container,
        image=found["Config"]["Image"],
        labels=found["Config"]["Labels"],
        volume=mount["Name"],
        path=mount["Destination"],
    )
