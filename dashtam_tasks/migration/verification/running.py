"""An environment that is run to be looked at: its containers, their ports and logs, and what it leaves behind."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal

from dashtam_tasks import engine, opening, ports
from dashtam_tasks.compose import Model, Service
from dashtam_tasks.engine import PROJECT_LABEL, Container
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.boxes import Evidence
from dashtam_tasks.migration.rules.known_images import kind_of
from dashtam_tasks.migration.verification.evidence import Done, Watch, ran, typed
from dashtam_tasks.migration.verification.subject import DEVELOPMENT, Subject

# A first start builds images; the tasks have limits of their own for what comes then.
START_SECONDS = 3_600
STOP_SECONDS = 300

# The words by which loggers say that something failed, in text, in JSON and in key=value.
TROUBLE = re.compile(
    r"\b(?:ERROR|CRITICAL|FATAL|PANIC)\b|^Traceback \(most recent call last\)"
    r"|\"(?:level|severity)\": ?\"(?:error|critical|fatal|panic)\"|\blevel=(?:error|critical|fatal|panic)\b"
)
SHOWN_LINES = 20

Role = Literal["app", "database", "cache"]


@dataclass(kw_only=True)
class Stand:
    """An environment of the project, opened as its tasks open it.

    `seen` are the volumes that its containers had, `ready` is when it was last started and all of it healthy.
    """

    subject: Subject
    name: str
    seen: set[str] = field(default_factory=set)
    ready: datetime | None = None

    @cached_property
    def opened(self) -> Environment:
        """The environment, with the host ports of the instance that a task means.

        Raises DashtamError as opening.open_environment does.
        """
        return opening.open_environment(self.subject.settings, self.name)

    @property
    def model(self) -> Model:
        """The environment as Compose resolves it."""
        return self.opened.model

    @property
    def services(self) -> frozenset[str]:
        """The services that a start without arguments starts."""
        return self.model.selection()

    def containers(self) -> tuple[Container, ...]:
        """Return the environment's containers, and remember what volumes they have."""
        found = engine.project_containers(self.model.name)
        self.seen.update(name for one in found for name in one.volumes)
        return found

    def running(self) -> frozenset[str]:
        """Return the services that run."""
        return frozenset(one.service for one in self.containers() if one.is_running)

    def container(self, service: str) -> Container:
        """Return the container that runs a service.

        Raises DashtamError (UNAVAILABLE) when none does.
        """
        found = self.opened.running(service)
        if found is None:
            raise DashtamError(f"Service {service} of {self.name} does not run.", code=ExitCode.UNAVAILABLE)
        return found

    def service_of(self, role: Role) -> str:
        """Return the service that has a role, by the settings, else as it was found; empty where none has."""
        facts = self.subject.facts
        found = {"app": (facts.app,), "database": facts.databases, "cache": facts.caches}[role]
        names = (getattr(self.subject.settings.services, role), *found)
        return next((name for name in names if name in self.model.services), "")

    def up(self, services: Iterable[str] = ()) -> Done:
        """Start the environment as a person does."""
        chosen = [part for name in sorted(services) for part in ("--service", name)]
        done = typed(self.subject, f"{self.name}.up", *chosen, timeout=START_SECONDS)
        self.ready = None if done.problem else datetime.now(UTC)
        return done

    def down(self, *, volumes: bool = False) -> Done:
        """Stop the environment as a person does; volumes stay unless `volumes` says that they go.

        Raises DashtamError (CONFIGURATION) when data would be lost all the same.
        """
        self.require_safe_to_stop()
        options = ("--volumes", "--yes") if volumes else ()
        return typed(self.subject, f"{self.name}.down", *options, timeout=STOP_SECONDS)

    def require_safe_to_stop(self) -> None:
        """Raise DashtamError (CONFIGURATION) when development's data are in volumes that no name leads to.

        A new container gets a new one of those, and the data would be out of reach.
        """
        kept = [one.name.lstrip("/") for one in self.containers() if self.anonymous(one.volumes)]
        if self.name == DEVELOPMENT and kept:
            raise DashtamError(
                f"{', '.join(kept)} has data in a volume without a name, which would be out of reach once it is "
                "stopped.",
                code=ExitCode.CONFIGURATION,
                hint=f"Give it a name in {self.opened.compose.file.name}, after you have saved what is in it.",
            )

    def anonymous(self, volumes: Iterable[str]) -> tuple[str, ...]:
        """Return those of the engine's volumes that the Compose file does not name."""
        named = {one.name for one in self.model.volumes.values()}
        return tuple(sorted(set(volumes) - named))

    def require_free_ports(self) -> None:
        """Raise DashtamError (UNAVAILABLE), saying who holds them, when the ports are not free."""
        ports.require_free(self.model, self.services, hint=self.opened.other_ports_hint)

    def unready(self) -> Iterator[str]:
        """Yield which services are not as they should be once all are started."""
        found = {one.service: one for one in self.containers()}
        for name in sorted(self.services):
            one = found.get(name)
            if one is None:
                yield f"Service {name} of {self.name} has no container."
            elif not one.ready and not one.is_complete:
                health = one.state.health.status if one.state.health else "without a health check"
                yield f"Service {name} of {self.name} is {one.state.status}, {health}."

    def listing(self) -> Evidence:
        """Return the containers as `docker ps` shows them."""
        label = f"label={PROJECT_LABEL}={self.model.name}"
        form = "{{.Names}}\t{{.Status}}\t{{.Ports}}"
        return ran(self.subject, ["docker", "ps", "--all", "--filter", label, "--format", form]).evidence

    def published(self) -> Iterator[tuple[str, str, int, str]]:
        """Yield the service, the address, the port and the protocol of each host port that is published."""
        for container in self.containers():
            for port, bindings in sorted(container.network_settings.ports.items()):
                for one in bindings or ():
                    yield container.service, one.host_ip, int(one.host_port), port.partition("/")[2]

    def host_ports(self) -> frozenset[int]:
        """Return the host ports that the environment's file publishes, whether it runs or not."""
        return frozenset(one.number for one in ports.published(self.model, self.services))

    def leftovers(self) -> Iterator[str]:
        """Yield what the engine still has of the environment, named volumes aside."""
        label = ("--filter", f"label={PROJECT_LABEL}={self.model.name}")
        yield from listed("container", "ps", "--all", *label, "--format", "{{.Names}}")
        yield from listed("network", "network", "ls", *label, "--format", "{{.Name}}")
        for name in engine.volumes_present(self.anonymous(self.seen)):
            yield f"volume {name}, which has no name in the Compose file"

    def left_volumes(self) -> Iterator[str]:
        """Yield every volume that the engine still has of the environment, named ones included."""
        label = ("--filter", f"label={PROJECT_LABEL}={self.model.name}")
        named = listed("volume", "volume", "ls", *label, "--format", "{{.Name}}")
        yield from (*named, *(f"volume {name}" for name in engine.volumes_present(sorted(self.seen))))

    def trouble(self) -> tuple[list[str], Evidence]:
        """Return the lines of the services' logs that tell of an error, and what was read.

        PostgreSQL turns away who asks before it is ready, as it should: what it says until then does not count.
        """
        command = f"docker compose --file {self.opened.compose.file} logs"
        watch = Watch(subject=self.subject, command=command)
        lines = [
            f"{one.service}: {line}"
            for one in self.containers()
            for line in self.log(one)
            if TROUBLE.search(line)
        ]
        return lines, watch.saw("\n".join(lines[:SHOWN_LINES]) or "no line tells of an error")

    def log(self, container: Container) -> list[str]:
        """Return what a container wrote since it was started; a database, since it was ready."""
        since = container.state.started_at
        if is_postgres(self.model.services.get(container.service, Service())):
            seconds = container.seconds_to_ready
            # The engine forgets its first probes, after five others.
            since = (self.ready or since) if seconds is None else since + timedelta(seconds=seconds)
        done = ran(self.subject, ["docker", "logs", "--since", since.isoformat(), container.id])
        return done.everything.splitlines()


def listed(kind: str, *arguments: str) -> Iterator[str]:
    """Yield what docker lists, each with what it is."""
    yield from (f"{kind} {name}" for name in engine.docker(*arguments).splitlines())


def is_postgres(service: Service) -> bool:
    """Return whether a service is PostgreSQL: a well-known image of it, or one that is set up alike."""
    kind = kind_of(service.image)
    return "postgres" in kind.programs if kind else "POSTGRES_DB" in service.environment


def is_redis(service: Service) -> bool:
    """Return whether a service speaks Redis' protocol and has its client."""
    kind = kind_of(service.image)
    return kind is not None and any(name in {"redis-server", "valkey-server"} for name in kind.programs)
