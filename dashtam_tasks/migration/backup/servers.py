"""Servers to dump from: the one that runs on a PostgreSQL volume, else one of our own on a copy of it.

The volume itself is only ever read, and what is started reaches no network.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

from dashtam_tasks import engine, processes
from dashtam_tasks.compose import Service
from dashtam_tasks.engine import Event
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.legacy.on_engine import Volume
from dashtam_tasks.migration.rules import health_checks
from dashtam_tasks.migration.rules.known_images import KINDS
from dashtam_tasks.notifying import Notify

LABEL = "dashtam-tasks.dump"
ORIGINAL = "/original"
# Recovery after a crash may read all that was written since the last checkpoint.
PATIENCE_SECONDS = 600
CHECK = (
    *("--health-cmd", "pg_isready --quiet", "--health-interval", "500ms"),
    *("--health-retries", str(PATIENCE_SECONDS * 2)),
)
SERVERS = (health_checks.postgresql, health_checks.bitnami_postgresql)
DATA_FOLDERS = frozenset(
    str(folder)
    for kind in KINDS
    if kind.check in SERVERS
    for folder in (*kind.data, *kind.alternatives, *(kind.earlier or ())[1:])
)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A volume that PostgreSQL keeps its data in, and the service that has it at `path`.

    `container` is the one that runs on it, empty for none. `pgdata` is what the service sets, empty for nothing.
    """

    volume: str
    service: str
    image: str
    path: str
    user: str
    pgdata: str
    container: str


@dataclass(frozen=True, kw_only=True)
class Server:
    """A PostgreSQL server in a container, and its superuser, whom the server's own socket trusts."""

    container: str
    user: str

    @property
    def connection(self) -> tuple[str, ...]:
        """The options of a client that asks nobody for a password."""
        return ("--no-password", "--username", self.user)


def clusters(found: Legacy) -> tuple[Cluster, ...]:
    """Return the PostgreSQL volumes of a project that the engine has, each with the first service that has it."""
    every = (next(clusters_in(found, volume), None) for volume in found.engine.volumes)
    return tuple(one for one in every if one)


def clusters_in(found: Legacy, volume: Volume) -> Iterator[Cluster]:
    """Yield a volume as a cluster for each service that runs PostgreSQL on it."""
    models = [one.model for one in found.resolutions if one.model]
    for model in models:
        for mount in volume.mounts:
            service = model.services.get(mount.service)
            if service and is_data(service, mount.path):
                yield Cluster(
                    volume=volume.name,
                    service=mount.service,
                    image=model.image(mount.service),
                    path=mount.path,
                    user=service.environment.get("POSTGRES_USER") or "postgres",
                    pgdata=service.environment.get("PGDATA") or "",
                    container=running_on(volume, mount.path),
                )


def is_data(service: Service, path: str) -> bool:
    """Return whether PostgreSQL keeps its data there, by its image's habit or by the service's own word."""
    pgdata = service.environment.get("PGDATA")
    return path in DATA_FOLDERS or bool(pgdata and PurePosixPath(pgdata).is_relative_to(path))


def running_on(volume: Volume, path: str) -> str:
    """Return the container that runs with a volume at a path, empty for none."""
    running = (one.container for one in volume.holders if one.is_running and one.path == path)
    return next(running, "")


@contextmanager
def serving(cluster: Cluster, *, notify: Notify) -> Iterator[Server | None]:
    """Yield a server that has a cluster's data, None for a volume with nothing in it."""
    if cluster.container:
        asked = processes.run(["docker", "exec", cluster.container, "printenv", "POSTGRES_USER"])
        yield Server(container=cluster.container, user=asked.stdout.rstrip("\n") or cluster.user)
        return
    remove_left(cluster)
    if not contained(cluster):
        yield None
        return
    notify(f"Copying {cluster.volume}, since no server runs on it.")
    try:
        yield started_on_copy(cluster)
    finally:
        remove_left(cluster)


def remove_left(cluster: Cluster) -> None:
    """Remove the containers that were made to dump a volume, with the copies in them."""
    ids = engine.docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}={cluster.volume}").split()
    engine.remove_containers(ids)


def contained(cluster: Cluster) -> list[str]:
    """Return the names of what lies in a volume."""
    options = (*original(cluster), "--rm", "--entrypoint", "ls")
    return engine.docker("run", *options, cluster.image, "-A", ORIGINAL).splitlines()


def original(cluster: Cluster) -> tuple[str, ...]:
    """Return the options of a container of ours that may read a cluster's volume, and reach nothing else."""
    mount = f"type=volume,source={cluster.volume},target={ORIGINAL},readonly"
    label = f"{LABEL}={cluster.volume}"
    return ("--pull", "never", "--network", "none", "--user", "0:0", "--label", label, "--mount", mount)


def started_on_copy(cluster: Cluster) -> Server:
    """Return a server that runs on a copy of a cluster; the copy goes with the last container that has it.

    Raises DashtamError (UNAVAILABLE) when the volume cannot be copied or the server does not answer in time.
    """
    label = f"{LABEL}={cluster.volume}"
    mount = f"type=volume,target={cluster.path},volume-nocopy,volume-label={label}"
    copy = ("--mount", mount, "--entrypoint", "cp")
    command = (cluster.image, "-a", f"{ORIGINAL}/.", cluster.path)
    copier = engine.docker("create", *original(cluster), *copy, *command).strip()
    engine.docker("start", "--attach", copier)
    data = ("--env", f"PGDATA={cluster.pgdata}") if cluster.pgdata else ()
    options = ("--pull", "never", "--network", "none", "--label", label, *data, *CHECK)
    server = engine.docker("create", *options, "--volumes-from", copier, cluster.image).strip()
    began = time.time()
    engine.docker("start", server)
    await_answer(server, cluster, began=began)
    return Server(container=server, user=cluster.user)


def await_answer(container: str, cluster: Cluster, *, began: float) -> None:
    """Return when a server's health check passed; raise DashtamError (UNAVAILABLE) when it ended, or time did."""
    bounds = ("--since", f"{began:.3f}", "--until", f"{began + PATIENCE_SECONDS:.3f}")
    argv = ["docker", "events", *bounds, "--filter", f"container={container}", "--format", "{{json .}}"]
    decode = msgspec.json.Decoder(Event).decode
    with processes.start(argv, stderr=processes.DEVNULL) as events, processes.ending(events):
        assert events.stdout is not None
        for action in (decode(line).action for line in events.stdout):
            if action == "health_status: healthy":
                return
            if action == "die":
                break
    raise DashtamError(
        f"No PostgreSQL of {cluster.image} answers on a copy of {cluster.volume}.",
        code=ExitCode.UNAVAILABLE,
        details=engine.log_tail(container),
        hint=f"Start service {cluster.service} as it was, and dump again: it is asked where it runs.",
    )
