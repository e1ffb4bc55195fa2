"""What the engine shows: containers, their state and their events, as far as tasks decide by them."""

from datetime import datetime
from typing import Any

import msgspec

PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
FOLDER_LABEL = "com.docker.compose.project.working_dir"
HASH_LABEL = "com.docker.compose.config-hash"
ONE_OFF_LABEL = "com.docker.compose.oneoff"

# The engine keeps this many results of a health check (moby, daemon/health.go, maxLogEntries).
PROBES_REMEMBERED = 5


class HealthProbe(msgspec.Struct, frozen=True, rename="pascal"):
    """One run of a health check."""

    end: datetime
    exit_code: int
    output: str


class Health(msgspec.Struct, frozen=True, rename="pascal"):
    """A container's health: `starting`, `healthy` or `unhealthy`, and the last few probes, oldest first."""

    status: str
    log: tuple[HealthProbe, ...] | None = None


class State(msgspec.Struct, frozen=True, rename="pascal"):
    """A container's state as the engine tells it; `oom_killed` says that it ran out of memory."""

    status: str
    exit_code: int
    started_at: datetime
    oom_killed: bool = msgspec.field(name="OOMKilled", default=False)
    health: Health | None = None


class Actor(msgspec.Struct, frozen=True, rename="pascal"):
    """The container that an event is about."""

    id: str = msgspec.field(name="ID")
    attributes: dict[str, str] = {}


class Event(msgspec.Struct, frozen=True):
    """A container event as `docker events` prints it."""

    action: str = msgspec.field(name="Action")
    actor: Actor = msgspec.field(name="Actor")

    @property
    def service(self) -> str:
        """The Compose service of the container, empty when it is a one-off container or belongs to none."""
        one_off = self.actor.attributes.get(ONE_OFF_LABEL) == "True"
        return "" if one_off else self.actor.attributes.get(SERVICE_LABEL, "")


class Configuration(msgspec.Struct, frozen=True, rename="pascal"):
    """The image reference and the labels that a container was made with."""

    image: str
    labels: dict[str, str]


class Mount(msgspec.Struct, frozen=True, rename="pascal"):
    """What a container has mounted: a `volume` by its name, or a `bind` by its folder on the host.

    A tmpfs is not among them.
    """

    type: str
    destination: str
    name: str = ""
    source: str = ""
    rw: bool = msgspec.field(name="RW", default=True)


class Binding(msgspec.Struct, frozen=True, rename="pascal"):
    """A host address that a container's port is published on."""

    host_ip: str
    host_port: str


class Networking(msgspec.Struct, frozen=True, rename="pascal"):
    """A container's ports, `8000/tcp` to the host addresses that reach it, and its networks by name."""

    ports: dict[str, tuple[Binding, ...] | None] = {}
    networks: dict[str, Any] = {}


class Container(msgspec.Struct, frozen=True, rename="pascal"):
    """A container as `docker inspect` shows it; `path` and `args` are what it runs."""

    id: str
    name: str
    state: State
    config: Configuration
    network_settings: Networking
    path: str = ""
    args: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()

    @property
    def service(self) -> str:
        """The Compose service that the container runs, empty when it belongs to none."""
        return self.config.labels.get(SERVICE_LABEL, "")

    @property
    def project(self) -> str:
        """The Compose project of the container, empty when it belongs to none."""
        return self.config.labels.get(PROJECT_LABEL, "")

    @property
    def configuration_hash(self) -> str:
        """Compose's hash of the service that the container was made from, empty when it belongs to none."""
        return self.config.labels.get(HASH_LABEL, "")

    @property
    def is_one_off(self) -> bool:
        """Whether `docker compose run` made it."""
        return self.config.labels.get(ONE_OFF_LABEL) == "True"

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self.state.status == "running"

    @property
    def has_run(self) -> bool:
        """Whether it was ever started."""
        return self.state.status != "created"

    @property
    def is_complete(self) -> bool:
        """Whether it ended, and well."""
        return self.state.status == "exited" and not self.state.exit_code

    @property
    def ready(self) -> bool:
        """Whether it runs, and is healthy if it has a health check."""
        health = self.state.health
        return self.is_running and (health is None or health.status == "healthy")

    @property
    def volumes(self) -> tuple[str, ...]:
        """The engine's names of the volumes that are mounted, anonymous ones included."""
        return tuple(mount.name for mount in self.mounts if mount.type == "volume")

    @property
    def seconds_to_ready(self) -> float | None:
        """Seconds from the container's start to its first passed probe, None when that is forgotten."""
        log = self.state.health.log or () if self.state.health else ()
        # The log outlives a restart.
        probes = [probe for probe in log if probe.end > self.state.started_at]
        passed = [probe.end for probe in probes if probe.exit_code == 0]
        forgotten = len(probes) >= PROBES_REMEMBERED and probes[0].exit_code == 0
        return (passed[0] - self.state.started_at).total_seconds() if passed and not forgotten else None
