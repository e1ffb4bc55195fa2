"""Environments: what can be done with one copy of the application."""

import functools
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dashtam_tasks import endpoints, engine, env_files, keys, ports, readiness, status
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.settings import Settings
from dashtam_tasks.status import ServiceStatus


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One environment of a project, opened: its settings and its Compose files, found and readable."""

    name: str
    settings: Settings
    compose: Compose

    @functools.cached_property
    def model(self) -> Model:
        """The project as Compose resolves it, asked once.

        Raises DashtamError (CONFIGURATION) as Compose.model does.
        """
        return self.compose.model()

    @property
    def env_file(self) -> Path:
        """The env file of this environment alone, which holds its secrets."""
        return self.settings.path(self.settings.environments[self.name].env_file)

    def secrets_in_use(self) -> frozenset[str]:
        """Return the secrets that existing data was made with: all passwords, if a database's volume is there.

        Where the settings do not say which service is the database, any volume may be its own. Raises
        DashtamError (UNAVAILABLE) when no engine answers, since then nobody knows.
        """
        database = self.model.services.get(self.settings.services.database)
        services = [database] if database else self.model.services.values()
        sources = {mount.source for one in services for mount in one.volumes if mount.type == "volume"}
        kept = engine.volumes_present([self.model.volume(source) for source in sources if source])
        passwords = (name for name, kind in self.settings.keys.items() if kind == "password")
        return frozenset(passwords) if kept else frozenset()

    def up(
        self,
        *,
        services: Iterable[str] = (),
        build: bool = False,
        recreate: bool = False,
        timeout: float | None = None,
        report: Callable[[readiness.Progress], None],
    ) -> tuple[ServiceStatus, ...]:
        """Start services, wait until they are ready and return their status.

        `timeout` is in seconds, by default that of the settings. Raises DashtamError: CONFIGURATION for files
        that are wrong or missing, BUSY when another folder has these containers, UNAVAILABLE for a taken port
        or a service that does not become ready.
        """
        chosen = self.model.selection(services)
        self.require_secrets()
        self.require_ours()
        require_bind_sources(self.model, chosen)
        ports.require_free(self.model, chosen)
        self.provide_images(chosen, build=build)
        readiness.bring_up(
            self.compose,
            project=self.model.name,
            arguments=(
                *("up", "--detach", "--wait", "--no-build"),
                *(("--force-recreate",) if recreate else ()),
                *services,
            ),
            timeout=self.settings.readiness.timeout if timeout is None else timeout,
            report=report,
        )
        endpoints.require_answers(self.probe_urls(chosen), self.settings.ca_certificate)
        return tuple(one for one in self.status() if one.service in chosen)

    def provide_images(self, services: Iterable[str], *, build: bool) -> None:
        """Build and pull what `services` need and the engine does not have, showing Compose's own progress."""
        needed = {name: self.model.image(name) for name in sorted(services)}
        if engine.images_present(needed.values()) and not build:
            return
        built = [name for name in needed if self.model.services[name].build]
        pulled = [name for name in needed if name not in built]
        if build or not engine.images_present([needed[name] for name in built]):
            self.compose.stream("build", *built)
        if not engine.images_present([needed[name] for name in pulled]):
            self.compose.stream("pull", "--policy", "missing", *pulled)

    def down(self, *, volumes: bool = False, images: bool = False, timeout: float | None = None) -> None:
        """Stop and remove the containers and the network; volumes and built images only when told to.

        Raises DashtamError (BUSY) when another folder has these containers.
        """
        self.require_ours()
        self.compose.stream(
            *("--profile", "*", "down", "--remove-orphans"),
            *(("--volumes",) if volumes else ()),
            *(("--rmi", "local") if images else ()),
            *(("--timeout", str(math.ceil(timeout))) if timeout is not None else ()),
        )

    def restart(
        self,
        *,
        services: Iterable[str] = (),
        timeout: float | None = None,
        report: Callable[[readiness.Progress], None],
    ) -> tuple[ServiceStatus, ...]:
        """Restart the containers that are there, start those that are not, and wait as `up` does."""
        self.require_ours()
        require_bind_sources(self.model, self.model.selection(services))
        self.compose.stream("restart", *services)
        return self.up(services=services, timeout=timeout, report=report)

    def build(self, *, services: Iterable[str] = (), no_cache: bool = False) -> None:
        """Build the images, showing the build's own progress."""
        self.compose.stream("build", *(("--no-cache",) if no_cache else ()), *services)

    def logs(
        self, *, services: Iterable[str] = (), follow: bool = True, tail: str = "", since: str = ""
    ) -> int:
        """Show the services' logs and return the exit code of `docker compose logs`.

        Raises DashtamError (USAGE) for a service that the project does not have.
        """
        if services:
            self.model.selection(services)
        options = (
            *(("--follow",) if follow else ()),
            *(("--tail", tail) if tail else ()),
            *(("--since", since) if since else ()),
        )
        return self.compose.attach("logs", *options, *services)

    def execute(self, command: Sequence[str], *, service: str = "", user: str = "") -> int:
        """Run a command in a service's running container and return its exit code.

        Raises DashtamError (UNAVAILABLE) when the service does not run.
        """
        service = service or self.service_of("app")
        self.require_running(service)
        return self.compose.attach(*self.exec_arguments(command, service=service, user=user))

    def exec_arguments(
        self, command: Sequence[str], *, service: str, user: str = "", tty: bool | None = None
    ) -> tuple[str, ...]:
        """Return the arguments of `docker compose exec`; a TTY is there only if we have one, or never."""
        interactive = sys.stdin.isatty() if tty is None else tty
        options = (*(() if interactive else ("--no-TTY",)), *(("--user", user) if user else ()))
        return ("exec", *options, service, *command)

    def run(self, command: Sequence[str], *, service: str = "") -> int:
        """Run a command in a new container of a service, removed afterwards; return its exit code."""
        service = service or self.service_of("app")
        self.model.selection([service])
        options = ("--rm",) if sys.stdin.isatty() else ("--rm", "--no-TTY")
        return self.compose.attach("run", *options, service, *command)

    def database_shell(self, arguments: Sequence[str] = ()) -> int:
        """Open psql in the database's container, as its user on its database; return psql's exit code."""
        service = self.service_of("database")
        variables = self.model.service(service).environment
        user = variables.get("POSTGRES_USER") or "postgres"
        command = ("psql", "--username", user, "--dbname", variables.get("POSTGRES_DB") or user, *arguments)
        return self.execute(command, service=service)

    def cache_shell(self, arguments: Sequence[str] = ()) -> int:
        """Open redis-cli in the cache's container and return its exit code."""
        return self.execute(("redis-cli", *arguments), service=self.service_of("cache"))

    def service_of(self, role: Literal["app", "database", "cache"]) -> str:
        """Return the name of the service that the settings give a role.

        Raises DashtamError (CONFIGURATION), naming the setting, when the project has no such service.
        """
        name: str = getattr(self.settings.services, role)
        services = self.model.services
        if name not in services:
            raise DashtamError(
                f"dashtam.services.{role} is {name}, and {self.compose.file.name} has no such service.",
                code=ExitCode.CONFIGURATION,
                hint=f"Set it in invoke.yaml to one of {', '.join(sorted(services))}.",
            )
        return name

    def status(self) -> tuple[ServiceStatus, ...]:
        """Return how every service is, those outside of profiles even when they have no container."""
        return status.of_project(self.model, self.settings.readiness.probes)

    def probe_urls(self, services: Iterable[str]) -> tuple[str, ...]:
        """Return the URLs that must answer once `services` are healthy."""
        return tuple(
            f"{probe.scheme}://localhost:{port.published}{probe.path}"
            for probe in self.settings.readiness.probes
            if probe.service in services
            for port in self.model.services[probe.service].ports
            if port.target == probe.port and port.published
        )

    def require_secrets(self) -> None:
        """Raise DashtamError (CONFIGURATION) when a generated secret is still a placeholder.

        PostgreSQL would keep it for as long as its volume lives.
        """
        pending = keys.due(self.settings, self.env_file)
        if pending:
            raise DashtamError(
                f"{self.env_file}: {', '.join(pending)} is still a placeholder.",
                code=ExitCode.CONFIGURATION,
                hint="`inv keys` writes real secrets, or says why it does not. Nothing was started.",
            )

    def require_ours(self) -> None:
        """Raise DashtamError (BUSY) when the project's containers were made from another folder.

        Compose itself would replace or remove them: it knows a project by its name alone.
        """
        ours = self.compose.file.parent.resolve()
        others = [
            folder for folder in engine.project_folders(self.model.name) if Path(folder).resolve() != ours
        ]
        if others:
            raise DashtamError(
                f"The containers of Compose project {self.model.name} belong to {others[0]}.",
                code=ExitCode.BUSY,
                hint=f"Stop them there, or give this copy names of its own: set INSTANCE_SUFFIX=-copy "
                f"and other ports in {self.env_file}.",
            )

    def require_running(self, service: str) -> None:
        """Raise DashtamError when `service` has no running container (UNAVAILABLE) or does not exist (USAGE)."""
        self.require_ours()
        self.model.service(service)
        running = engine.project_containers(self.model.name)
        if not any(one.service == service and one.state.status == "running" for one in running):
            raise DashtamError(
                f"Service {service} of {self.model.name} is not running.",
                code=ExitCode.UNAVAILABLE,
                hint=f"Start it: inv {self.name}.up",
            )


def open_environment(settings: Settings, name: str) -> Environment:
    """Return the environment called `name`, its files found and readable.

    Raises DashtamError: USAGE for a name that the settings do not have, CONFIGURATION for a missing Compose
    file and for a missing or malformed env file.
    """
    if name not in settings.environments:
        raise DashtamError(
            f"There is no environment {name}.",
            code=ExitCode.USAGE,
            hint=f"There is {', '.join(settings.environments)}.",
        )
    files = settings.environments[name]
    compose_file = settings.path(files.compose_file)
    if not compose_file.is_file():
        raise DashtamError(
            f"The Compose file {compose_file} of environment {name} does not exist.",
            code=ExitCode.CONFIGURATION,
            hint=f"Check dashtam.environments.{name}.compose_file in invoke.yaml.",
        )
    images = settings.path(settings.images.env_file)
    chosen = (*((images,) if images.exists() else ()), settings.path(files.env_file))
    for path in chosen:
        env_files.read(path)
    return Environment(name=name, settings=settings, compose=Compose(file=compose_file, env_files=chosen))


def missing_bind_sources(model: Model, services: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return service and source of each bind mount that needs a file or folder that is not there."""
    return tuple(
        (name, mount.source)
        for name in sorted(services)
        for mount in model.services[name].volumes
        if mount.type == "bind"
        and mount.bind.get("create_host_path") is not True
        and not Path(mount.source).exists()
    )


def require_bind_sources(model: Model, services: Iterable[str]) -> None:
    """Raise DashtamError (CONFIGURATION) for bind mounts that need a file or folder that is not there."""
    missing = missing_bind_sources(model, services)
    if missing:
        raise DashtamError(
            "\n".join(f"{source} of service {name} does not exist." for name, source in missing),
            code=ExitCode.CONFIGURATION,
            hint="`inv setup` makes env files and certificates. Nothing was started.",
        )
