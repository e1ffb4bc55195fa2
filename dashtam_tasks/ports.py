"""Host ports: which ones a project publishes, which are taken, and by whom."""

import errno
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dashtam_tasks import engine
from dashtam_tasks.compose import Model
from dashtam_tasks.errors import DashtamError, ExitCode

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}

# Running containers by each host port and protocol that they publish.
Holders = Mapping[tuple[int, str], engine.Container]


@dataclass(frozen=True, kw_only=True, order=True)
class HostPort:
    """A port on the host that a service publishes."""

    service: str
    address: str
    number: int
    protocol: str = "tcp"

    def __str__(self) -> str:
        return f"{self.address}:{self.number}"

    @property
    def taken(self) -> bool:
        """Whether something on this machine holds the port already."""
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with socket.socket(family, KINDS[self.protocol]) as probe:
            if self.protocol == "tcp":
                # As the engine binds: a port that only lingers in TIME_WAIT is free. UDP would share a held one.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.address, self.number))
            except OSError as error:
                return error.errno == errno.EADDRINUSE
        return False


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """A port that a service publishes and something else holds; `holder` is a phrase that names it."""

    port: HostPort
    holder: str


def published(model: Model, services: frozenset[str]) -> tuple[HostPort, ...]:
    """Return the fixed host ports that `services` publish; a port left to the engine is not among them."""
    return tuple(
        HostPort(service=name, address=port.host_ip or "0.0.0.0", number=number, protocol=port.protocol)  # noqa: S104 - Compose's default
        for name in sorted(services)
        for port in model.services[name].ports
        for number in numbers(port.published)
    )


def numbers(published_range: str) -> Iterator[int]:
    """Yield the ports of Compose's `8000` or `8000-8010`."""
    first, _, last = published_range.partition("-")
    if first:
        yield from range(int(first), int(last or first) + 1)


def occupied(model: Model, services: frozenset[str]) -> tuple[HostPort, ...]:
    """Return the fixed host ports that `services` publish and that something holds, perhaps they themselves."""
    return tuple(port for port in published(model, services) if port.taken)


def conflicts(taken: Iterable[HostPort], *, project: str, holders: Holders) -> tuple[Conflict, ...]:
    """Return those of the `taken` ports that no container of `project` holds, each with what does."""
    ours = {key for key, container in holders.items() if container.project == project}
    return tuple(
        Conflict(port=port, holder=holder(port, holders))
        for port in taken
        if (port.number, port.protocol) not in ours
    )


def require_free(model: Model, services: frozenset[str], *, hint: str) -> None:
    """Raise DashtamError (UNAVAILABLE) when another program or project holds a port that `services` publish.

    It names every such port with the container or process that holds it; `hint` says how to get other ports.
    """
    taken = occupied(model, services)
    found = conflicts(taken, project=model.name, holders=container_holders()) if taken else ()
    if found:
        raise DashtamError(
            "\n".join(
                f"Port {one.port} of service {one.port.service} is taken by {one.holder}." for one in found
            ),
            code=ExitCode.UNAVAILABLE,
            hint=f"Stop what holds it, or {hint}. Nothing was started.",
        )


def container_holders() -> Holders:
    """Return the running and the paused containers by each host port and protocol that they publish."""
    return {
        (int(binding.host_port), port.partition("/")[2]): container
        for container in engine.containers("status=running", "status=paused")
        for port, bindings in container.network_settings.ports.items()
        for binding in bindings or ()
    }


def holder(port: HostPort, holders: Holders) -> str:
    """Return a phrase for what holds `port`: a container, a process, or a process that we may not see."""
    container = holders.get((port.number, port.protocol))
    if container:
        project = f" of Compose project {container.project}" if container.project else ""
        return f"container {container.name.removeprefix('/')}{project}"
    return process_holder(port) or "a process of another user"


def process_holder(port: HostPort) -> str:
    """Return a phrase for the process that holds `port`, empty when there is none that we may see."""
    import psutil

    for connection in psutil.net_connections(kind=port.protocol):
        listens = port.protocol == "udp" or connection.status == psutil.CONN_LISTEN
        if listens and connection.laddr and connection.laddr.port == port.number and connection.pid:
            try:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
            except psutil.NoSuchProcess:
                return f"process {connection.pid}, which has just ended"
    return ""
