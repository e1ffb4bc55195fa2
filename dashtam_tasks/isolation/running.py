"""What is wrong with what the engine runs, whatever the files say now."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations
from pathlib import Path

from dashtam_tasks.compose import COMPLETED, PublishedPort
from dashtam_tasks.engine import Container
from dashtam_tasks.isolation import alone, sharing
from dashtam_tasks.isolation.claims import ENGINE_NETWORKS, Claim
from dashtam_tasks.isolation.endless import sleeps_for_ever
from dashtam_tasks.isolation.source import SourceFile
from dashtam_tasks.isolation.subjects import Breach, Subject

FILES_LABEL = "com.docker.compose.project.config_files"
DEPENDENCIES_LABEL = "com.docker.compose.depends_on"
OUTDATED = " If the file says so already, recreate the container: `docker compose up --detach`."


@dataclass(frozen=True)
class Running:
    """A container of a Compose project, and the file that it was made from."""

    container: Container
    source: SourceFile

    @property
    def name(self) -> str:
        """The container's name; the engine writes a slash before it."""
        return self.container.name.removeprefix("/")

    def where(self, find: Callable[[SourceFile], str]) -> str:
        """Return the line that `find` finds in the file; the container when the file cannot be read."""
        return find(self.source) if self.source.root else f"container {self.name}"


def breaches(
    containers: Iterable[Container], subjects: Sequence[Subject], *, meant: Collection[Path]
) -> Iterator[Breach]:
    """Yield what Compose projects share on the engine, and what is wrong with each container."""
    source = cache(SourceFile)
    seen = [Running(one, source(file_of(one))) for one in containers if one.project]
    owners = {subject.model.name: subject.name for subject in subjects}
    for one, other in combinations(claims_by_project(seen, owners).values(), 2):
        yield from sharing.between(one, other, meant=meant)
    jobs = known_jobs(seen, subjects)
    for each in seen:
        yield from sleeping(each)
        yield from open_ports(each)
        if (each.container.project, each.container.service) not in jobs:
            yield from unchecked(each)


def file_of(container: Container) -> Path:
    """Return the first Compose file that a container was made from."""
    return Path(container.config.labels.get(FILES_LABEL, "").partition(",")[0])


def claims_by_project(seen: Iterable[Running], owners: Mapping[str, str]) -> Mapping[str, list[Claim]]:
    """Return what the containers of each project take for themselves."""
    found: defaultdict[str, list[Claim]] = defaultdict(list)
    for one in seen:
        project = one.container.project
        owner = owners.get(project, f"Compose project {project}")
        found[project] += claims(one, owner)
    return found


def claims(one: Running, owner: str) -> Iterator[Claim]:
    """Yield the networks, volumes and paths of a container; of names and ports the engine has each only once."""
    container = one.container
    claim = partial(Claim, service=container.service, owner=owner, project=container.project)
    for network in sorted(container.network_settings.networks.keys() - {"none"}):
        yield claim(
            kind="shared-network",
            thing=network,
            where=partial(one.where, partial(network_line, container.service, network)),
        )
    for mount in container.mounts:
        line = partial(SourceFile.line_of_mount, service=container.service, target=mount.destination)
        where = partial(one.where, line)
        if mount.type == "volume":
            yield claim(kind="shared-volume", thing=mount.name, where=where)
        elif mount.type == "bind":
            path = Path(mount.source).resolve()
            yield claim(kind="shared-bind-mount", thing=path, writable=mount.rw, where=where)


def network_line(service: str, network: str, source: SourceFile) -> str:
    """Return the line that lets a service join a network."""
    key = "network_mode" if network in ENGINE_NETWORKS else "networks"
    return source.line_of("services", service, key)


def known_jobs(seen: Iterable[Running], subjects: Iterable[Subject]) -> frozenset[tuple[str, str]]:
    """Return project and service of what others wait for to end, by the models and by Compose's labels."""
    modelled = {(subject.model.name, job) for subject in subjects for job in alone.jobs(subject)}
    labelled = {
        (one.container.project, dependency.partition(":")[0])
        for one in seen
        for dependency in one.container.config.labels.get(DEPENDENCIES_LABEL, "").split(",")
        if COMPLETED in dependency.split(":")
    }
    return frozenset(modelled | labelled)


def sleeping(one: Running) -> Iterator[Breach]:
    """Yield the breach that a container sleeps for ever, be it by its image."""
    container = one.container
    if sleeps_for_ever((container.path, *container.args)):
        yield breach(
            one,
            "sleeps-for-ever",
            key="command",
            message="sleeps for ever: it does nothing but wait.",
            hint=alone.SLEEP_HINT,
        )


def unchecked(one: Running) -> Iterator[Breach]:
    """Yield the breach that a container runs without a health check."""
    container = one.container
    if container.is_running and not container.state.health:
        yield breach(
            one,
            "no-health-check",
            key="healthcheck",
            message="runs without a health check.",
            hint=alone.HEALTH_HINT,
        )


def breach(one: Running, kind: str, *, key: str, message: str, hint: str) -> Breach:
    """Return what is wrong with a container, told at the `key` of its service."""
    container = one.container
    return Breach.of_service(
        kind,
        project=container.project,
        service=container.service,
        where=one.where(lambda file: file.line_of("services", container.service, key)),
        message=f"Container {one.name} {message}",
        hint=hint + OUTDATED,
    )


def open_ports(one: Running) -> Iterator[Breach]:
    """Yield each port of a container that is published where other machines reach it."""
    service = one.container.service
    for port in published(one.container):
        if not alone.is_loopback(port):
            yield alone.open_port(
                port,
                project=one.container.project,
                service=service,
                publisher=f"Container {one.name}",
                where=one.where(partial(SourceFile.line_of_port, service=service, port=port)),
            )


def published(container: Container) -> Iterator[PublishedPort]:
    """Yield the ports that a container publishes, as Compose would write them."""
    for exposed, bindings in container.network_settings.ports.items():
        target, _, protocol = exposed.partition("/")
        for binding in bindings or ():
            yield PublishedPort(int(target), binding.host_port, binding.host_ip, protocol)
