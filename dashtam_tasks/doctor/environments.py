"""What keeps each environment from starting, as far as Compose can resolve its files."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from dashtam_tasks import env_files, instances, opening, ports, processes
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.doctor.machine import Fact, Seen, attempt, guarded
from dashtam_tasks.doctor.project import shell_findings
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.findings import Finding
from dashtam_tasks.preflight import missing_bind_sources
from dashtam_tasks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """An environment with its files and what Compose makes of them; a named instance may have no ports yet."""

    compose: Compose
    model: Model
    has_ports: bool


def resolved(settings: Settings) -> Iterator[Resolved | Finding]:
    """Yield each environment whose files are there, or why Compose cannot resolve them."""
    called = opening.named(settings, None)
    for name, environment in settings.environments.items():
        file = settings.path(environment.compose_file)
        if file.is_file() and all(map(is_well_formed, resolving_env_files(settings, name))):
            yield attempt(partial(resolve, settings, name, called), kind="compose-file", where=str(file))


def resolve(settings: Settings, name: str, called: str) -> Resolved:
    """Return the instance `called` so of an environment.

    Raises DashtamError (CONFIGURATION) with Compose's own words when a file is not valid.
    """
    known = instances.find(settings.path(""), name, called)
    compose = Compose(
        file=settings.path(settings.environments[name].compose_file),
        env_files=resolving_env_files(settings, name),
        variables=known.variables if known else {},
    )
    return Resolved(compose=compose, model=compose.model, has_ports=bool(known or not called))


def environments_seen(found: Iterable[Resolved | Finding], *, engine_answers: bool) -> Iterator[Seen]:
    """Yield what keeps each environment from starting, and shell variables that change plain Compose."""
    holders = ports.container_holders() if engine_answers else {}
    for one in found:
        if isinstance(one, Finding):
            yield one
        else:
            seen = partial(environment_seen, one, holders)
            yield from guarded(seen, kind="compose-file", where=str(one.compose.file))


def is_set_up(settings: Settings) -> bool:
    """Return whether every environment has its files; which one has not is told by other checks."""
    return all(
        settings.path(one.compose_file).is_file()
        and settings.path(one.env_file).is_file()
        and all(map(is_well_formed, resolving_env_files(settings, name)))
        for name, one in settings.environments.items()
    )


def resolving_env_files(settings: Settings, name: str) -> tuple[Path, ...]:
    """Return the env files that an environment has, or will have once `inv setup` ran."""
    path = settings.path(settings.environments[name].env_file)
    here = path if path.exists() else env_files.example_of(path)
    choice = settings.path(settings.images.env_file)
    return tuple(one for one in (choice, here) if one.exists())


def is_well_formed(path: Path) -> bool:
    """Return whether an env file can be read, or is not there; why not is told by the check of env files."""
    try:
        if path.exists():
            env_files.read(path)
    except DashtamError:
        return False
    return True


def environment_seen(one: Resolved, holders: ports.Holders) -> Iterator[Seen]:
    """Yield what keeps an environment from starting, and shell variables that change plain Compose."""
    compose = one.compose
    if one.has_ports:
        yield from port_findings(one.model, holders)
    yield from bind_findings(compose, one.model)
    variables = interpolated(compose)
    if variables is None:
        yield Fact("shell variables", f"not checked: this Compose cannot list those of {compose.file}")
        return
    values = {name: value for path in compose.env_files for name, value in env_files.read(path).items()}
    yield from shell_findings(variables, values)


def port_findings(model: Model, holders: ports.Holders) -> Iterator[Finding]:
    """Yield each port that somebody else holds."""
    taken = ports.occupied(model, model.selection())
    for one in ports.conflicts(taken, project=model.name, holders=holders):
        yield Finding(
            kind="port",
            where=str(one.port),
            message=f"Service {one.port.service} of {model.name} needs it, and {one.holder} has it.",
            hint="Stop what holds it, or set another port in the env file.",
        )


def bind_findings(compose: Compose, model: Model) -> Iterator[Finding]:
    """Yield each file or folder that services mount and that is not there."""
    users: defaultdict[str, list[str]] = defaultdict(list)
    for service, source in missing_bind_sources(model, model.selection()):
        users[source].append(service)
    for source, services in users.items():
        yield Finding(
            kind="bind-source",
            where=source,
            message=f"It does not exist, and {model.name} mounts it into {', '.join(services)}.",
            hint=f"Make it, or correct its path in {compose.file} or in the env file.",
        )


def interpolated(compose: Compose) -> frozenset[str] | None:
    """Return the variables in a Compose file, None where Compose is too old to list them."""
    done = processes.run(compose.argv("config", "--variables", "--format", "json"))
    if done.returncode:
        return None
    return frozenset(msgspec.json.decode(done.stdout, type=dict[str, object]))
