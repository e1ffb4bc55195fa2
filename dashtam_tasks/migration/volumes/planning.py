"""Planning: which volumes of a legacy project have to be copied for development, and under which names."""

from collections.abc import Iterator
from typing import Literal

from dashtam_tasks import engine, processes
from dashtam_tasks.compose import Model
from dashtam_tasks.engine import PROJECT_LABEL
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.legacy.on_engine import VOLUME_LABEL, MountPoint, Volume
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.rules import known_images

Mode = Literal["copy", "adopt", "none"]

NOTHING_KEPT = (
    "DEVELOPMENT STARTS WITH EMPTY VOLUMES (--volumes=none): its database has no rows until something makes them. "
    "The old volumes stay as they are; to take their data along, plan with --volumes=copy or --volumes=adopt."
)

# Compose asks no question about a volume that has these three: with another project's name it warns, and only one
# that carries a hash of its configuration is compared with it.
# https://github.com/docker/compose/blob/v5.6.1/pkg/compose/create.go, ensureVolume
VERSION_LABEL = "com.docker.compose.version"
PREFIX = "dev_"


def planned(found: Legacy, environment: Model, *, mode: Mode) -> tuple[CopyVolume, ...]:
    """Return the copies that development needs; `environment` is what Compose resolves its new file to.

    A volume that keeps its name, an external one for example, is not copied, nor one that is a folder of the host.
    Raises DashtamError (UNAVAILABLE) when the engine does not answer any more.
    """
    model = legacy_model(found)
    if mode != "copy" or model is None or not found.engine.volumes:
        return ()
    return tuple(
        described(volume, new_key, model, environment)
        for volume, new_key in renamed(found, model, environment)
    )


def legacy_model(found: Legacy) -> Model | None:
    """Return what Compose makes of the files that development uses, None where it makes nothing."""
    return next((one.model for one in found.resolutions if one.model), None)


def renamed(found: Legacy, model: Model, environment: Model) -> Iterator[tuple[Volume, str]]:
    """Yield each volume on the engine that development has under another name, with its new key."""
    for volume in found.engine.volumes:
        key = next((name for name, one in model.volumes.items() if one.name == volume.name), "")
        new_key = next((name for name in (f"{PREFIX}{key}", key) if name in environment.volumes), "")
        if not key or not new_key or model.volumes[key].driver_opts.get("device"):
            continue
        if environment.volumes[new_key].name != volume.name:
            yield volume, new_key


def described(volume: Volume, new_key: str, model: Model, environment: Model) -> CopyVolume:
    """Return the copy of a volume."""
    mounts = [one for one in volume.mounts if one.service in model.services] or [
        MountPoint(service="", path="")
    ]
    mount = next((one for one in mounts if is_postgres(model, one)), mounts[0])
    return CopyVolume(
        source=volume.name,
        target=environment.volumes[new_key].name,
        labels={
            PROJECT_LABEL: environment.name,
            VOLUME_LABEL: new_key,
            VERSION_LABEL: engine.compose_version(),
        },
        service=mount.service,
        image=image_of(volume, mount, model, environment),
        path=mount.path,
        is_postgres=is_postgres(model, mount),
    )


def is_postgres(model: Model, mount: MountPoint) -> bool:
    """Return whether a service keeps PostgreSQL's data in a volume."""
    service = model.services.get(mount.service)
    return service is not None and known_images.keeps_postgres(service, mount.path)


def image_of(volume: Volume, mount: MountPoint, model: Model, environment: Model) -> str:
    """Return the image of the container that holds a volume, else the service's own if it is on this machine.

    Where neither is, it is the service's name for it, which is not there.
    """
    for holder in sorted(volume.holders, key=lambda one: (one.service != mount.service, not one.is_running)):
        done = processes.run(["docker", "container", "inspect", "--format", "{{.Image}}", holder.container])
        image = done.stdout.strip()
        if not done.returncode and engine.images_present((image,)):
            return image
    names = [one.image(mount.service) for one in (environment, model) if mount.service in one.services]
    return next((one for one in names if engine.images_present((one,))), names[-1] if names else "")
