"""What documents say of a project's environments: their files, containers, ports, networks and data."""

import shlex
from collections.abc import Iterator

from dashtam_tasks.compose import Model
from dashtam_tasks.migration.documents import markdown
from dashtam_tasks.migration.documents.markdown import code, codes, series
from dashtam_tasks.migration.facts import EnvironmentFacts
from dashtam_tasks.migration.legacy.services import DATA_PATHS, family
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.references.names import container

TITLES = {"dev": "development", "test": "tests", "ci": "CI"}
FOLDERS_OF_DATA = frozenset({*DATA_PATHS, "/data"})
# Images of PostgreSQL in which pg_dump is what it is in the official one.
POSTGRES = frozenset("postgres postgresql postgis pgvector timescaledb".split())


def present(blueprint: Blueprint) -> tuple[EnvironmentFacts, ...]:
    """Return the environments whose resolved file is known."""
    return tuple(one for one in blueprint.facts.environments if one.name in blueprint.models)


def titles(blueprint: Blueprint) -> str:
    """Return the environments as people call them: `development and tests`."""
    return series([TITLES.get(one.name, one.name) for one in present(blueprint)])


def files(blueprint: Blueprint) -> str:
    """Return a table of the environments' files."""
    rows = (
        (code(one.name), code(one.compose_file), code(one.env_file), code(blueprint.models[one.name].name))
        for one in present(blueprint)
    )
    return markdown.table(("environment", "Compose file", "env file", "Compose project"), rows)


def services(blueprint: Blueprint) -> str:
    """Return a table of the environments' containers, with their addresses on this machine."""
    rows = (
        (code(one.name), code(service), code(container(model, service)), codes(addresses(model, service)))
        for one in present(blueprint)
        for model in (blueprint.models[one.name],)
        for service in model.services
    )
    return markdown.table(("environment", "service", "container", "on this machine"), rows)


def addresses(model: Model, service: str) -> Iterator[str]:
    """Yield the addresses that a service publishes; the engine chooses a port that is not given."""
    for port in model.services[service].ports:
        host = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip or "*"
        suffix = "" if port.protocol == "tcp" else f"/{port.protocol}"
        yield f"{host}:{port.published or '(any)'}{suffix}"


def networks(blueprint: Blueprint) -> str:
    """Return a table of the environments' networks and volumes."""
    rows = (
        (
            code(one.name),
            codes(network.name for network in model.networks.values()),
            codes(volume.name for volume in model.volumes.values()) or "none",
        )
        for one in present(blueprint)
        for model in (blueprint.models[one.name],)
    )
    return markdown.table(("environment", "networks", "volumes"), rows)


def data(blueprint: Blueprint) -> str:
    """Return a table of where databases, caches, and all that mounts a volume, keep their data."""
    rows = (
        (code(one.name), code(service), kept)
        for one in present(blueprint)
        for service in blueprint.models[one.name].services
        if (kept := place_of_data(blueprint, blueprint.models[one.name], service))
    )
    return markdown.table(("environment", "service", "keeps its data"), rows)


def place_of_data(blueprint: Blueprint, model: Model, service: str) -> str:
    """Return where a service keeps its data, empty for one that is not known to have any."""
    mounts = model.services[service].volumes
    volumes = [model.volumes[one.source].name for one in mounts if one.source in model.volumes]
    if volumes:
        return f"in the volume {codes(volumes)}"
    if service not in {*blueprint.facts.databases, *blueprint.facts.caches}:
        return ""
    is_on_host = any(one.type == "bind" and one.target in FOLDERS_OF_DATA for one in mounts)
    return "in a folder of this machine" if is_on_host else "in its container: gone when that is removed"


def plain(one: EnvironmentFacts) -> str:
    """Return how plain Compose takes an environment's files."""
    return f"docker compose -f {shlex.quote(one.compose_file)} --env-file {shlex.quote(one.env_file)}"


def postgres(blueprint: Blueprint) -> tuple[str, ...]:
    """Return the services of development that are PostgreSQL."""
    model = blueprint.models["dev"]
    return tuple(name for name in model.services if family(model.services[name].image) in POSTGRES)
