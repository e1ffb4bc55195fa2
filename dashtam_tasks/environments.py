"""Environments: what can be done with one copy of the application."""

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dashtam_tasks import endpoints, engine, files, instances, ports, preflight, processes, readiness, status
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.instances import Instance
from dashtam_tasks.settings import Settings
from dashtam_tasks.status import ServiceStatus


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One instance of an environment, opened: its settings and its Compose files, found and readable.

    `instance` is empty for the default one; `remembered` is what is known of it once something of it was started.
    """

    name: str
    settings: Settings
    compose: Compose
    instance: str = ""
    remembered: Instance | None = None

    @property
    def label(self) -> str:
        """The instance as a person calls it."""
        return f"{self.name} ({self.instance})" if self.instance else self.name

    def command(self, task: str) -> str:
        """Return the command line of one of the environment's tasks on this instance, for hints."""
        option = f" --instance {self.instance}" if self.instance else ""
        return f"inv {self.name}.{task}{option}"

    @property
    def other_ports_hint(self) -> str:
        """How to get other host ports, as the end of a sentence."""
        if self.instance:
            return f"let this instance have new ones: {self.command('down --volumes')}, then start it again"
        return f"set another port in {self.env_file}"

    @property
    def model(self) -> Model:
        """The project as Compose resolves it.

        Raises DashtamError (CONFIGURATION) as Compose.model does.
        """
        return self.compose.model

    @property
    def env_file(self) -> Path:
        """The env file of this environment alone, which holds its secrets."""
        return self.settings.path(self.settings.environments[self.name].env_file)

    def secrets_in_use(self) -> frozenset[str]:
        """Return the secrets that existing data was made with: all passwords, if the database's volume is there.

        Where the settings do not say which service is the database, any volume may be its own. A volume that
        belongs to another folder is none of ours. Raises DashtamError (UNAVAILABLE) when no engine answers, since
        then nobody knows.
        """
        if instances.owner(self.model.name) not in {"", str(self.settings.path("").resolve())}:
            return frozenset()
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
        display: readiness.Display,
    ) -> tuple[ServiceStatus, ...]:
        """Start services, wait until they are ready and return their status.

        `timeout` is in seconds, by default that of the settings. Raises DashtamError: CONFIGURATION for files
        that are wrong or missing, BUSY when another folder has these containers, UNAVAILABLE for a taken port
        or a service that does not become ready.
        """
        chosen = self.model.selection(services)
        self.require_startable(chosen)
        ports.require_free(self.model, chosen, hint=self.other_ports_hint)
        self.provide_images(chosen, build=build)
        with display() as report:
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
        self.prepare_database()
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

        An instance of which no data is left is forgotten, and a named one's images are removed too.
        Raises DashtamError (BUSY) when another folder has these containers.
        """
        self.require_ours()
        removed = volumes or not self.model.volumes
        # Nothing else uses the images of an instance that is gone.
        images = images or (removed and bool(self.instance))
        self.compose.stream(*down_arguments(volumes=volumes, images=images, timeout=timeout))
        if removed:
            instances.forget([self.model.name])

    def remove(self, *, images: bool = False) -> None:
        """Kill and remove all that the instance has, volumes included, without a word, and forget it.

        `images` is as for `down`. Raises DashtamError (UNAVAILABLE) when something cannot be removed.
        """
        arguments = down_arguments(volumes=True, images=images or bool(self.instance), timeout=0)
        self.compose.run(*arguments)
        instances.forget([self.model.name])

    def prepare_database(self) -> None:
        """Run the settings' `prepare` if the database runs and is new, and remember that it is prepared.

        Raises DashtamError (UNAVAILABLE) when that fails; what it says itself is on the screen by then.
        """
        command = self.settings.files(self.name).prepare
        database = self.running(self.service_of("database")) if command else None
        known = instances.find(Path(self.settings.project_dir), self.name, self.instance)
        if database is None or known is None:
            return
        prepared = f"{engine.data_of(database)}: {' '.join(command)}"
        if known.prepared == prepared:
            return
        returncode = self.compose.attach(
            *self.run_arguments(command), stdin=processes.DEVNULL, stdout=sys.stderr
        )
        if returncode == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        if returncode:
            raise DashtamError(
                f"The database of {self.label} could not be prepared: `{' '.join(command)}` failed with exit code "
                f"{returncode}; see above.",
                code=ExitCode.UNAVAILABLE,
                hint=f"It is dashtam.environments.{self.name}.prepare. The next start tries it again. Should "
                f"Docker miss a network or a container, begin anew: {self.command('down')}",
            )
        instances.note_prepared(known, prepared)

    def restart(
        self,
        *,
        services: Iterable[str] = (),
        timeout: float | None = None,
        display: readiness.Display,
    ) -> tuple[ServiceStatus, ...]:
        """Restart the containers that are there, start those that are not, and wait as `up` does."""
        self.require_ours()
        preflight.require_bind_sources(self.model, self.model.selection(services))
        self.compose.stream("restart", *services)
        return self.up(services=services, timeout=timeout, display=display)

    def build(self, *, services: Iterable[str] = (), no_cache: bool = False) -> None:
        """Build the images, showing the build's own progress."""
        self.compose.stream("build", *(("--no-cache",) if no_cache else ()), *services)

    def logs(
        self, *, services: Iterable[str] = (), follow: bool = True, tail: str = "", since: str = ""
    ) -> int:
        """Show the services' logs and return the exit code of `docker compose logs`.

        Raises DashtamError: BUSY when another folder has these containers, USAGE for a service that the project
        does not have.
        """
        self.require_ours()
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

    def run_arguments(
        self, command: Sequence[str], *, service: str = "", options: Sequence[str] = (), tty: bool = False
    ) -> tuple[str, ...]:
        """Return the arguments of `docker compose run` for a one-off container beside what runs already."""
        options = (*(() if tty else ("--no-TTY",)), *options)
        return ("run", "--rm", "--no-deps", *options, service or self.service_of("app"), *command)

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
        """Return how every service is, those outside of profiles even when they have no container.

        Raises DashtamError (BUSY) when another folder has these containers.
        """
        self.require_ours()
        return status.of_project(self.model, self.settings.readiness.probes)

    def probe_urls(self, services: Iterable[str]) -> tuple[str, ...]:
        """Return the URLs that must answer once `services` are healthy."""
        return tuple(
            f"{probe.scheme_in(self.model.services[probe.service].environment)}://localhost:{port.published}{probe.path}"
            for probe in self.settings.readiness.probes
            if probe.service in services
            for port in self.model.services[probe.service].ports
            if port.target == probe.port and port.published
        )

    def require_startable(self, services: Iterable[str]) -> None:
        """Raise DashtamError as the parts of preflight do when `services` cannot be started."""
        preflight.require_secrets(self.settings, self.env_file)
        self.require_ours()
        preflight.require_bind_sources(self.model, services)
        preflight.require_alone(self.model, services)

    def is_ready(self, services: Iterable[str]) -> bool:
        """Return whether each of `services` runs, healthy, in a container that is as its Compose file says."""
        found = {one.service: one for one in engine.project_containers(self.model.name)}
        if not all(name in found and found[name].ready for name in services):
            return False
        declared = self.compose.hashes()
        return all(found[name].configuration_hash == declared.get(name) for name in services)

    def outdated(self, services: Iterable[str]) -> tuple[str, ...]:
        """Return those of `services` that run since before a file changed in a folder that is mounted into them.

        A server that does not reload itself still has the old code.
        """
        found = {
            one.service: one.state.started_at.timestamp()
            for one in engine.project_containers(self.model.name)
        }
        return tuple(
            name
            for name in services
            if name in found
            and any(
                files.changed_since(Path(mount.source), found[name])
                for mount in self.model.service(name).volumes
                if mount.type == "bind"
            )
        )

    def require_ours(self) -> None:
        """Raise DashtamError (BUSY) when the Compose project belongs to another folder."""
        preflight.require_ours(self.model, self.compose.file, Path(self.settings.project_dir))

    @property
    def is_ours(self) -> bool:
        """Whether the Compose project belongs to this folder, or to none."""
        try:
            self.require_ours()
        except DashtamError as error:
            if error.code != ExitCode.BUSY:
                raise
            return False
        return True

    def running(self, service: str) -> engine.Container | None:
        """Return the container that runs `service`, None when none does."""
        found = engine.project_containers(self.model.name)
        return next((one for one in found if one.service == service and one.is_running), None)

    def require_running(self, service: str) -> None:
        """Raise DashtamError when `service` has no running container (UNAVAILABLE) or does not exist (USAGE)."""
        self.require_ours()
        self.model.service(service)
        if self.running(service) is None:
            raise DashtamError(
                f"Service {service} of {self.model.name} is not running.",
                code=ExitCode.UNAVAILABLE,
                hint=f"Start it: {self.command('up')}",
            )


def down_arguments(*, volumes: bool, images: bool, timeout: float | None) -> tuple[str, ...]:
    """Return the arguments of `docker compose down`, for every profile."""
    return (
        *("--profile", "*", "down", "--remove-orphans"),
        *(("--volumes",) if volumes else ()),
        *(("--rmi", "local") if images else ()),
        *(("--timeout", str(math.ceil(timeout))) if timeout is not None else ()),
    )
