"""The machine: its engine, its Compose plugin and its disk, and how a check's error becomes a finding."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from dashtam_tasks import engine
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.findings import Finding, Severity

# Docker Engine 20.10, the oldest that is tested.
OLDEST_API = (1, 41)
OLDEST_COMPOSE = (2,)

GIB = 2**30
# A build of the base images takes about 1 GiB; a development environment fills a few.
TOO_LITTLE, LITTLE = 1 * GIB, 5 * GIB

Result = TypeVar("Result")


class Fact(NamedTuple):
    """Something that is there, and a phrase about it."""

    what: str
    found: str


Seen = Fact | Finding


@dataclass(frozen=True, kw_only=True)
class Server:
    """The engine that answers: its versions, the address of its socket, and where it keeps its data."""

    version: str
    api: str
    endpoint: str
    data: Path

    @property
    def is_local(self) -> bool:
        """Whether the engine is on this machine, as far as its address tells."""
        address = urlsplit(self.endpoint)
        return address.scheme in {"unix", "npipe"} or address.hostname in {"localhost", "127.0.0.1", "::1"}


def find_server() -> Server:
    """Return the engine of the current Docker context.

    Raises DashtamError (UNAVAILABLE) when none answers.
    """
    versions = engine.docker("version", "--format", "{{.Server.Version}} {{.Server.APIVersion}}")
    version, _, api = versions.strip().partition(" ")
    return Server(
        version=version,
        api=api,
        endpoint=engine.docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").strip(),
        data=Path(engine.docker("info", "--format", "{{.DockerRootDir}}").strip()),
    )


def attempt(call: Callable[[], Result], *, kind: str, where: str) -> Result | Finding:
    """Return what `call` returns, or the error that it raised as a finding."""
    try:
        return call()
    except DashtamError as error:
        return failure(error, kind=kind, where=where)


def guarded(check: Callable[[], Iterable[Result]], *, kind: str, where: str) -> Iterator[Result | Finding]:
    """Yield what a check sees; an error that ends it comes last, as a finding."""
    try:
        yield from check()
    except DashtamError as error:
        yield failure(error, kind=kind, where=where)
    except OSError as error:
        message = f"{error.strerror or error}."
        yield Finding(kind=kind, where=str(error.filename or where), message=message)


def failure(error: DashtamError, *, kind: str, where: str) -> Finding:
    """Return an error as a finding, with what a program said about it on the same line."""
    message = " ".join((error.reason, *error.details.split()))
    return Finding(kind=kind, where=where, message=message, hint=error.hint)


def server_seen(server: Server | Finding) -> Iterator[Seen]:
    """Yield the engine's version and address, and what follows from them."""
    if isinstance(server, Finding):
        yield server
        return
    place = "local" if server.is_local else "remote"
    yield Fact("Docker Engine", f"{server.version}, API {server.api}, {place} ({server.endpoint})")
    if is_older(server.api, OLDEST_API):
        yield Finding(
            kind="engine-version",
            where="Docker Engine",
            message=f"Version {server.version} is older than 20.10, the oldest that is tested.",
            hint="Install a newer one.",
            severity=Severity.WARNING,
        )
    if not server.is_local:
        yield Finding(
            kind="engine-remote",
            where=server.endpoint,
            message="The engine is on another machine: bind mounts and published ports are that machine's.",
            hint="Choose a local one with `docker context use`, or unset DOCKER_HOST.",
            severity=Severity.WARNING,
        )


def plugin_seen(plugin: str | Finding) -> Iterator[Seen]:
    """Yield the version of the Compose plugin, and a finding when it is too old."""
    if isinstance(plugin, Finding):
        yield plugin
        return
    yield Fact("Docker Compose", plugin)
    if is_older(plugin, OLDEST_COMPOSE):
        yield Finding(
            kind="compose-version",
            where="Docker Compose",
            message=f"Version {plugin} is older than 2.",
            hint="Install docker-compose-plugin, or let ./bootstrap do that: ./bootstrap inv doctor",
        )


def is_older(version: str, oldest: tuple[int, ...]) -> bool:
    """Return whether a version is older than `oldest`; one without numbers, such as `dev`, is not."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version))
    return bool(numbers) and numbers[: len(oldest)] < oldest


def disk_seen(server: Server | Finding, project: Path) -> Iterator[Seen]:
    """Yield the free space where the engine keeps its data, or where the project is if that is out of sight."""
    folder = project
    # Docker Desktop's data lie in a virtual machine, and a rootless engine's perhaps in another user's home.
    if isinstance(server, Server) and server.is_local and os.access(server.data, os.F_OK):
        folder = server.data
    free = shutil.disk_usage(folder).free
    yield Fact("free disk space", f"{free / GIB:.1f} GiB at {folder}")
    if free < LITTLE:
        yield Finding(
            kind="disk",
            where=str(folder),
            message=f"Only {free / GIB:.1f} GiB are free; {LITTLE // GIB} GiB let images and data grow.",
            hint="Remove what is not needed: `docker system df` shows what Docker holds.",
            severity=Severity.ERROR if free < TOO_LITTLE else Severity.WARNING,
        )
