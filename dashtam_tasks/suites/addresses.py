"""Addresses: where the host reaches what a service reaches by another service's name."""

import re
from collections.abc import Iterator, Mapping

from dashtam_tasks.compose import Model

LOOPBACK = "127.0.0.1"
# PostgreSQL's own variables have no underscore (libpq, "Environment Variables").
HOST_NAME = re.compile(r"(.*?)(_?)(HOST|HOSTNAME)")


def seen_from_host(variables: Mapping[str, str], model: Model) -> dict[str, str]:
    """Return a service's variables as a process on the host needs them.

    `postgres:5432` becomes `127.0.0.1:5433` wherever it stands, `redis://redis/0` gets the published port of a
    service that publishes one, and so do the pairs `DB_HOST` and `DB_PORT`, `PGHOST` and `PGPORT`.
    """
    published = {name: dict(ports_of(model, name)) for name in model.services}
    moved = {name: with_addresses(value, published) for name, value in variables.items()}
    for name, value in variables.items():
        pair = HOST_NAME.fullmatch(name)
        if pair and published.get(value):
            moved[name] = LOOPBACK
            port_name = f"{pair[1]}{pair[2]}PORT"
            port = port_on_host(variables.get(port_name, ""), published[value])
            if port:
                moved[port_name] = port
    return moved


def ports_of(model: Model, service: str) -> Iterator[tuple[str, str]]:
    """Yield each port of a service that is published on one host port, with that."""
    for port in model.services[service].ports:
        if port.published.isdecimal():
            yield str(port.target), port.published


def port_on_host(port: str, published: Mapping[str, str]) -> str:
    """Return the host port of a service's `port`; without one, that of the only one it publishes, else nothing."""
    if port:
        return published.get(port, "")
    return next(iter(published.values())) if len(published) == 1 else ""


def with_addresses(value: str, published: Mapping[str, Mapping[str, str]]) -> str:
    """Return `value` with each service's address in it, in a URL or before a port, as the host reaches it."""
    for service, ports in published.items():
        # In a URL the host comes after // or @, and before a port, a path, or the end (RFC 3986, section 3.2).
        address = rf"(?<![\w.-]){re.escape(service)}:(\d+)(?!\d)|(?<=//|.@){re.escape(service)}(?=[/?#]|$)"

        def moved(found: re.Match[str], ports: Mapping[str, str] = ports) -> str:
            port = port_on_host(found[1] or "", ports)
            return f"{LOOPBACK}:{port}" if port else found[0]

        value = re.sub(address, moved, value)
    return value
