"""Clusters: the volumes of a legacy project that PostgreSQL keeps its data in."""

from collections.abc import Iterator
from dataclasses import dataclass

from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.legacy.on_engine import Volume
from dashtam_tasks.migration.rules.known_images import keeps_postgres


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A volume that PostgreSQL keeps its data in, and the service that has it at `path`.

    `container` is the one that runs on it, empty for none. `pgdata` is what the service sets, empty for nothing.
    """

    volume: str
    service: str
    image: str
    path: str
    pgdata: str
    container: str


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
            if service and keeps_postgres(service, mount.path):
                yield Cluster(
                    volume=volume.name,
                    service=mount.service,
                    image=model.image(mount.service),
                    path=mount.path,
                    pgdata=service.environment.get("PGDATA") or "",
                    container=running_on(volume, mount.path),
                )


def running_on(volume: Volume, path: str) -> str:
    """Return the container that runs with a volume at a path, empty for none."""
    running = (one.container for one in volume.holders if one.is_running and one.path == path)
    return next(running, "")
