"""What the engine has of a project: its containers, its volumes, and who holds those."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from dashtam_tasks import engine, processes
from dashtam_tasks.compose import Model
from dashtam_tasks.engine import PROJECT_LABEL, Container
from dashtam_tasks.errors import DashtamError

VOLUME_LABEL = "com.docker.compose.volume"
COLUMNS = f'{{{{.Name}}}}\t{{{{.Label "{PROJECT_LABEL}"}}}}\t{{{{.Label "{VOLUME_LABEL}"}}}}'


@dataclass(frozen=True, kw_only=True)
class MountPoint:
    """Where a service has a volume."""

    service: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A container that has a volume: its name, its project and service (empty for none), the path, its state."""

    container: str
    project: str
    service: str
    path: str
    is_running: bool


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume on the engine, the `key` that Compose files know it by, and where it is mounted.

    `mounts` is what Compose files say, `holders` what containers have. `project` is the label that it carries,
    empty when Compose did not make it.
    """

    name: str
    key: str
    project: str
    mounts: tuple[MountPoint, ...]
    holders: tuple[Holder, ...]


@dataclass(frozen=True, kw_only=True)
class Present:
    """A container of the project: its name, what it was made as, and the engine's word for its state."""

    container: str
    project: str
    service: str
    image: str
    status: str

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self.status == "running"


@dataclass(frozen=True, kw_only=True)
class OnEngine:
    """What the engine has of a project; `answered` is False when there was none to ask, `problem` says why."""

    answered: bool
    problem: str = ""
    containers: tuple[Present, ...] = ()
    volumes: tuple[Volume, ...] = ()

    @property
    def running(self) -> tuple[Present, ...]:
        """The project's containers that run."""
        return tuple(one for one in self.containers if one.is_running)


def ask(projects: Iterable[str], models: Iterable[Model]) -> OnEngine:
    """Return what the engine has of Compose projects, whose files resolve to `models`."""
    projects, models = tuple(dict.fromkeys(projects)), tuple(models)
    try:
        engine.version()
        wanted = dict(wanted_volumes(projects, models))
        containers = inspected(projects, wanted)
    except DashtamError as error:
        return OnEngine(answered=False, problem=error.reason)
    own = tuple(present(one) for one in containers if one.project in projects)
    volumes = tuple(described(name, *wanted[name], models, containers) for name in sorted(wanted))
    return OnEngine(answered=True, containers=own, volumes=volumes)


def present(container: Container) -> Present:
    """Return what matters of a container; its arguments and its environment may be secrets."""
    return Present(
        container=container.name.lstrip("/"),
        project=container.project,
        service=container.service,
        image=container.config.image,
        status=container.state.status,
    )


def wanted_volumes(projects: Iterable[str], models: Iterable[Model]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the name of each volume on the engine that is a project's, with its project's label and its key.

    It is one that a model names, or one that carries the label of a project.
    """
    keys = {volume.name: key for model in models for key, volume in model.volumes.items()}
    for line in engine.docker("volume", "ls", "--format", COLUMNS).splitlines():
        name, project, key = line.split("\t")
        if name in keys or project in projects:
            yield name, (project, keys.get(name) or key)


def inspected(projects: Iterable[str], volumes: Iterable[str]) -> tuple[Container, ...]:
    """Return the containers of projects, and those that hold volumes, one-off ones included, by name."""
    # Containers have all the labels that one call filters by, and any of its volumes.
    filters = [[f"label={PROJECT_LABEL}={project}"] for project in projects]
    if names := [f"volume={name}" for name in volumes]:
        filters.append(names)
    ids = {one for wanted in filters for one in listed(wanted)}
    if not ids:
        return ()
    # A container may go between the two calls: what is gone is not listed, the rest is.
    done = processes.run(["docker", "inspect", "--type", "container", *sorted(ids)])
    found = msgspec.json.decode(done.stdout or "[]", type=tuple[Container, ...])
    return tuple(sorted(found, key=lambda one: one.name))


def listed(wanted: Iterable[str]) -> list[str]:
    """Return the ids of the containers that filters of `docker ps` find, stopped ones included."""
    filters = [part for one in wanted for part in ("--filter", one)]
    return engine.docker("ps", "--all", "--quiet", "--no-trunc", *filters).split()


def described(
    name: str, project: str, key: str, models: Iterable[Model], containers: Iterable[Container]
) -> Volume:
    """Return a volume with where it is mounted."""
    return Volume(
        name=name,
        key=key,
        project=project,
        mounts=tuple(dict.fromkeys(mount_points(name, models))),
        holders=tuple(holders(name, containers)),
    )


def mount_points(name: str, models: Iterable[Model]) -> Iterator[MountPoint]:
    """Yield where the services of models have a volume."""
    for model in models:
        for service_name, service in model.services.items():
            for mount in service.volumes:
                known = model.volumes.get(mount.source)
                if mount.type == "volume" and known and known.name == name:
                    yield MountPoint(service=service_name, path=mount.target)


def holders(name: str, containers: Iterable[Container]) -> Iterator[Holder]:
    """Yield the containers that have a volume."""
    for container in containers:
        for mount in container.mounts:
            if mount.type == "volume" and mount.name == name:
                yield Holder(
                    container=container.name.lstrip("/"),
                    project=container.project,
                    service=container.service,
                    path=mount.destination,
                    is_running=container.is_running,
                )
