"""Addresses: where the host reaches what a service reaches by another service's name."""

import re
from collections.abc import Iterator, Mapping

from dashtam_tasks.compose import Model

LOOPBACK = "127.0.0.1"
# PostgreSQL's own variables have no underscore (libpq, "Environment Variables").
HOST_NAME = re.compile(r"(.*?)(_?)(HOST|HOSTNAME)")
# What comes after :// in a URL (RFC 3986, section 3.2), with several hosts, as PostgreSQL's URLs may have them;
# elsewhere a name before a port. A name behind a slash belongs to a path or to an image.
ADDRESSES = re.compile(
    r"""(?<=://)(?P<userinfo>[^/?#\s"']*@)?(?P<hosts>[^/?#\s"']*)|(?<![\w./-])(?P<pair>[\w.-]+:\d+)(?!\w)"""
)

Published = Mapping[str, Mapping[str, str]]


def seen_from_host(variables: Mapping[str, str], model: Model) -> dict[str, str]:
    """Return a service's variables as a process on the host needs them.

    `postgres:5432` becomes `127.0.0.1:5433` wherever it stands but in a URL's user and password, `redis://redis/0`
    gets the published port of a service that publishes one, and so do the pairs `DB_HOST` and `DB_PORT`, `PGHOST`
    and `PGPORT`. What is not published stays as it is: on the host's own port something else may answer.
    """
    published = {name: dict(ports_of(model, name)) for name in model.services}
    moved = {name: with_addresses(value, published) for name, value in variables.items()}
    for name, value in variables.items():
        pair = HOST_NAME.fullmatch(name)
        if pair and value in published:
            port_name = f"{pair[1]}{pair[2]}PORT"
            port = port_on_host(variables.get(port_name, ""), published[value])
            if port:
                moved |= {name: LOOPBACK, port_name: port}
    return moved


def ports_of(model: Model, service: str) -> Iterator[tuple[str, str]]:
    """Yield each port of a service that is published on one host port, with that."""
    for port in model.services[service].ports:
        if port.published.isdecimal():
            yield str(port.target), port.published


def port_on_host(port: str, published: Mapping[str, str]) -> str:
    """Return the host port of a service's `port`; without one, that of the only one it publishes, else nothing.

    An env file may have the host port itself, which Compose publishes by that variable.
    """
    if port:
        return published.get(port) or (port if port in published.values() else "")
    return next(iter(published.values())) if len(published) == 1 else ""


def with_addresses(value: str, published: Published) -> str:
    """Return `value` with each service's address in it, in a URL or before a port, as the host reaches it."""

    def moved(found: re.Match[str]) -> str:
        if found["pair"]:
            return address_on_host(found["pair"], published)
        hosts = (address_on_host(one, published) for one in found["hosts"].split(","))
        return (found["userinfo"] or "") + ",".join(hosts)

    return ADDRESSES.sub(moved, value)


def address_on_host(address: str, published: Published) -> str:
    """Return where the host reaches a service's address, with or without a port; any other stays as it is."""
    service, _, port = address.partition(":")
    host_port = port_on_host(port, published.get(service, {}))
    return f"{LOOPBACK}:{host_port}" if host_port else address
