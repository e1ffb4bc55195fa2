"""Docker Compose: one file, the env files it is resolved with, and every call to `docker compose`.

python-on-whales runs its children with the whole of our environment, which would let a developer's shell
change what is interpolated; so these calls go through our own runner.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from dashtam_tasks import engine, processes
from dashtam_tasks.errors import DashtamError, ExitCode

COMPLETED = "service_completed_successfully"


class PublishedPort(msgspec.Struct, frozen=True):
    """A port as `docker compose config` resolves it; `published` is empty, a number or a range."""

    target: int
    published: str = ""
    host_ip: str = ""
    protocol: str = "tcp"


class Mount(msgspec.Struct, frozen=True):
    """A volume or bind mount as `docker compose config` resolves it."""

    type: str
    target: str
    source: str = ""
    read_only: bool = False
    bind: dict[str, Any] = {}


class Dependency(msgspec.Struct, frozen=True):
    """What a service waits for: `service_started`, `service_healthy` or `service_completed_successfully`."""

    condition: str


class Service(msgspec.Struct, frozen=True):
    """The parts of a resolved service that tasks decide by."""

    image: str = ""
    build: dict[str, Any] | None = None
    container_name: str = ""
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    user: str = ""
    environment: dict[str, str | None] = {}
    ports: tuple[PublishedPort, ...] = ()
    volumes: tuple[Mount, ...] = ()
    tmpfs: tuple[str, ...] = ()
    networks: dict[str, Any] = {}
    network_mode: str = ""
    healthcheck: dict[str, Any] | None = None
    depends_on: dict[str, Dependency] = {}
    profiles: tuple[str, ...] = ()


class Named(msgspec.Struct, frozen=True):
    """A volume or network; Compose resolves `name` to the one that the engine knows."""

    name: str
    driver_opts: dict[str, str] = {}
    external: bool = False

    @property
    def folder(self) -> str:
        """The folder on the host that the local driver binds as a volume, empty when it binds none."""
        options = self.driver_opts.get("o", "").split(",")
        return self.driver_opts.get("device", "") if {"bind", "rbind"} & set(options) else ""


class Model(msgspec.Struct, frozen=True):
    """A Compose project as `docker compose config` resolves it."""

    name: str
    services: dict[str, Service] = {}
    networks: dict[str, Named] = {}
    volumes: dict[str, Named] = {}

    def image(self, service: str) -> str:
        """Return the image that `service` runs; Compose names a built one after project and service."""
        return self.service(service).image or f"{self.name}-{service}"

    def volume(self, source: str) -> str:
        """Return the engine's name of the volume that services mount as `source`."""
        return self.volumes[source].name

    @property
    def jobs(self) -> frozenset[str]:
        """The services that others wait for to end."""
        return frozenset(
            name
            for service in self.services.values()
            for name, dependency in service.depends_on.items()
            if dependency.condition == COMPLETED
        )

    def service(self, name: str) -> Service:
        """Return the service called `name`.

        Raises DashtamError (USAGE) when the project does not have it.
        """
        if name not in self.services:
            raise DashtamError(
                f"Compose project {self.name} has no service {name}.",
                code=ExitCode.USAGE,
                hint=f"It has {', '.join(sorted(self.services))}.",
            )
        return self.services[name]

    def selection(self, services: Iterable[str] = ()) -> frozenset[str]:
        """Return what `up` starts: `services` and all they depend on, by default all outside of profiles.

        Raises DashtamError (USAGE) for a service that the project does not have.
        """
        pending = list(services) or [name for name, service in self.services.items() if not service.profiles]
        chosen: set[str] = set()
        while pending:
            name = pending.pop()
            if name not in chosen:
                pending += self.service(name).depends_on
                chosen.add(name)
        return frozenset(chosen)


class WrittenService(msgspec.Struct, frozen=True):
    """A service's ports as its Compose file has them."""

    ports: tuple[str | dict[str, Any], ...] = ()


class Uninterpolated(msgspec.Struct, frozen=True):
    """The services of a Compose project whose variables are left as they are written."""

    services: dict[str, WrittenService] = {}


@dataclass(frozen=True, kw_only=True)
class Compose:
    """One Compose file with the env files and variables that it is resolved with.

    With `overlay` a second one, read from standard input, is merged over it.
    """

    file: Path
    env_files: tuple[Path, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    overlay: bool = False

    def argv(self, *arguments: str) -> list[str]:
        """Return the whole command line of `docker compose ARGUMENTS` for this project."""
        env_files = [part for path in self.env_files for part in ("--env-file", str(path))]
        overlay = ("--file", "-") if self.overlay else ()
        return ["docker", "compose", "--file", str(self.file), *overlay, *env_files, *arguments]

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run `docker compose ARGUMENTS` and return what it wrote to stdout.

        Raises DashtamError (UNAVAILABLE) when it fails, naming the missing part of Docker if one is missing.
        """
        done = processes.run(self.argv(*arguments), environment=self.variables, stdin=stdin)
        return engine.checked(done, f"docker compose {subcommand(arguments)}")

    def start(self, *arguments: str, **streams: Any) -> processes.Process:  # noqa: ANN401
        """Start `docker compose ARGUMENTS`; `streams` are those of processes.start."""
        return processes.start(self.argv(*arguments), environment=self.variables, **streams)

    def attach(self, *arguments: str, **streams: Any) -> int:  # noqa: ANN401
        """Run `docker compose ARGUMENTS` on our own streams and return its exit code.

        `streams` stand in for ours, as in processes.attach.
        """
        return processes.attach(self.argv(*arguments), environment=self.variables, **streams)

    def stream(self, *arguments: str) -> None:
        """Run `docker compose ARGUMENTS` on our own streams.

        Raises DashtamError (UNAVAILABLE) when it fails; what it says itself is on the screen by then.
        """
        returncode = self.attach(*arguments)
        if returncode == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        if returncode:
            engine.version()
            raise DashtamError(
                f"`docker compose {subcommand(arguments)}` failed with exit code {returncode}; see above.",
                code=ExitCode.UNAVAILABLE,
            )

    @functools.cached_property
    def model(self) -> Model:
        """The project as Compose resolves it, every profile included, asked once.

        Raises DashtamError (CONFIGURATION) with Compose's own words when a file is not valid.
        """
        # Compose doubles each dollar, so that what it prints can be read as a Compose file again.
        return msgspec.json.decode(self.resolved().replace("$$", "$"), type=Model)

    def hashes(self) -> dict[str, str]:
        """Return Compose's hash of each service, by which it tells whether a container is as its file says."""
        return dict(line.split() for line in self.run("--profile", "*", "config", "--hash", "*").splitlines())

    def written_ports(self) -> tuple[str | dict[str, Any], ...]:
        """Return every service's ports as they are written, in Compose's short or long syntax, variables and all.

        Raises DashtamError (CONFIGURATION) as `model` does.
        """
        text = self.resolved("--no-interpolate")
        written = msgspec.json.decode(text, type=Uninterpolated)
        return tuple(port for service in written.services.values() for port in service.ports)

    def resolved(self, *options: str) -> str:
        """Return the project as `docker compose config` shows it, as JSON, every profile included.

        Raises DashtamError (CONFIGURATION) with Compose's own words when a file is not valid.
        """
        arguments = ("--profile", "*", "config", *options, "--format", "json")
        done = processes.run(self.argv(*arguments), environment=self.variables)
        if done.returncode:
            engine.compose_version()
            raise DashtamError(
                f"{self.file} is not a valid Compose file with these env files: "
                f"{', '.join(map(str, self.env_files))}.",
                code=ExitCode.CONFIGURATION,
                details=done.stderr,
            )
        return done.stdout


def subcommand(arguments: Iterable[str]) -> str:
    """Return the word of a command line that says what Compose does, behind the options that go before it."""
    return next(word for word in arguments if word.isalpha())
