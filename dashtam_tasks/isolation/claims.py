"""What each service takes for itself on the machine: a name, a port, a network, a volume or a path."""

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dashtam_tasks.compose import PublishedPort
from dashtam_tasks.isolation.subjects import Subject

# The engine's own networks that containers meet in; `none` connects nothing.
ENGINE_NETWORKS = frozenset({"bridge", "host"})


@dataclass(frozen=True)
class HostPorts:
    """Ports of the host, with the address that they are published on; none stands for every address."""

    address: str
    first: int
    last: int
    protocol: str

    def common(self, other: "HostPorts") -> "HostPorts | None":
        """Return the ports that both publish, None when they can be published side by side."""
        first, last = max(self.first, other.first), min(self.last, other.last)
        narrow, wide = sorted((self, other), key=lambda ports: is_wildcard(ports.address))
        same_address = is_wildcard(wide.address) or address(wide.address) == address(narrow.address)
        if self.protocol != other.protocol or first > last or not same_address:
            return None
        return HostPorts(narrow.address, first, last, self.protocol)

    def __str__(self) -> str:
        host = f"[{self.address}]:" if ":" in self.address else f"{self.address}:" if self.address else ""
        last = f"-{self.last}" if self.last > self.first else ""
        return f"{host}{self.first}{last}/{self.protocol}"


Thing = str | HostPorts | Path


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One thing that a service takes for itself.

    `kind` is that of the finding when another takes it too. `owner` names the instance or project for people.
    `where` returns `file:line`; only a breach asks. `derived` tells a name that Compose made from the project's.
    """

    kind: str
    thing: Thing
    service: str
    owner: str
    project: str
    where: Callable[[], str]
    writable: bool = True
    derived: bool = False


def of_subject(subject: Subject) -> Iterator[Claim]:
    """Yield what the services of an instance take for themselves, every profile included."""
    for service in subject.model.services:
        claim = partial(Claim, service=service, owner=subject.name, project=subject.model.name)
        yield from names(subject, service, claim)
        yield from ports(subject, service, claim)
        yield from networks(subject, service, claim)
        yield from mounts(subject, service, claim)


def names(subject: Subject, service: str, claim: Callable[..., Claim]) -> Iterator[Claim]:
    """Yield the name of a service's container: its own, or the one that Compose gives the first."""
    own = subject.model.services[service].container_name
    yield claim(
        kind="shared-container-name",
        thing=own or f"{subject.model.name}-{service}-1",
        derived=not own,
        where=partial(subject.source.line_of, "services", service, "container_name"),
    )


def ports(subject: Subject, service: str, claim: Callable[..., Claim]) -> Iterator[Claim]:
    """Yield the fixed host ports of a service; one that is left to the engine is free by definition."""
    for port in subject.model.services[service].ports:
        if port.published:
            yield claim(
                kind="shared-port",
                thing=host_ports(port),
                where=partial(subject.source.line_of_port, service, port),
            )


def networks(subject: Subject, service: str, claim: Callable[..., Claim]) -> Iterator[Claim]:
    """Yield the networks that a service joins, by the engine's names."""
    model, line_of = subject.model, subject.source.line_of
    mode = model.services[service].network_mode
    if mode in ENGINE_NETWORKS:
        where = partial(line_of, "services", service, "network_mode")
        yield claim(kind="shared-network", thing=mode, where=where)
    for key in model.services[service].networks:
        name = model.networks[key].name
        yield claim(
            kind="shared-network",
            thing=name,
            derived=name == f"{model.name}_{key}",
            where=partial(line_of, "networks", key, "name"),
        )


def mounts(subject: Subject, service: str, claim: Callable[..., Claim]) -> Iterator[Claim]:
    """Yield the named volumes of a service, by the engine's names, and its bind mounts, by their real paths."""
    model = subject.model
    for mount in model.services[service].volumes:
        if mount.type == "volume" and mount.source:
            name = model.volume(mount.source)
            yield claim(
                kind="shared-volume",
                thing=name,
                derived=name == f"{model.name}_{mount.source}",
                where=partial(subject.source.line_of, "volumes", mount.source, "name"),
            )
            folder = model.volumes[mount.source].folder
            if folder:
                yield claim(
                    kind="shared-bind-mount",
                    thing=Path(folder).resolve(),
                    writable=not mount.read_only,
                    where=partial(subject.source.line_of, "volumes", mount.source, "driver_opts", "device"),
                )
        elif mount.type == "bind":
            yield claim(
                kind="shared-bind-mount",
                thing=Path(mount.source).resolve(),
                writable=not mount.read_only,
                where=partial(subject.source.line_of_mount, service, mount.target),
            )


def host_ports(port: PublishedPort) -> HostPorts:
    """Return what a port with a fixed host port, or a range of them, takes."""
    first, _, last = port.published.partition("-")
    return HostPorts(port.host_ip, int(first), int(last or first), port.protocol)


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an IP address; without one, Compose publishes on all."""
    return ipaddress.ip_address(text or "0.0.0.0")  # noqa: S104 - Compose's default


def is_wildcard(text: str) -> bool:
    """Return whether a port is published on every address."""
    return address(text).is_unspecified
