"""What a service needs of the others in its file, and which of them wait for it."""

import re
from collections.abc import Iterator

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules import known_images
from dashtam_tasks.migration.rules.reading import environment, parent_of, value_of, with_defaults
from dashtam_tasks.migration.rules.services import dependencies

# Another service whose network or namespace one has.
NAMESPACES = ("network_mode", "ipc", "pid", "uts")


def needed(document: Document, service: str) -> tuple[str, ...]:
    """Return the other services without which one cannot do its work, in the order of the file.

    They are those that it depends on, links to or names as a host, and all that these need. One that names none may
    find them out from an env file: it is given every well-known server. One that extends another file may need any
    of them. What waits for the service is never among them.
    """
    names = document.keys(("services",))
    later = waiting(document, service)
    found = [service]
    for one in found:
        elsewhere = names if parent_of(document, one)[1] else ()
        direct = dict.fromkeys((*declared(document, one), *hosts(document, one), *elsewhere))
        found += [name for name in direct if name in names and name not in (*found, *later)]
    if found == [service]:
        found += [name for name in names if name not in later and is_server(document, name)]
    return tuple(name for name in names if name in found and name != service)


def waiting(document: Document, service: str) -> tuple[str, ...]:
    """Return the services that depend on one, directly or not."""
    found = [service]
    for one in found:
        names = document.keys(("services",))
        found += [name for name in names if one in declared(document, name) and name not in found]
    return tuple(found[1:])


def declared(document: Document, service: str) -> Iterator[str]:
    """Yield the services that Compose starts before one.

    https://docs.docker.com/reference/compose-file/services/#depends_on, #links, #volumes_from and #network_mode
    """
    yield from dependencies(value_of(document, service, "depends_on"))
    for key in ("links", "volumes_from"):
        yield from (str(item).partition(":")[0] for item in value_of(document, service, key) or ())
    for key in NAMESPACES:
        kind, _, name = str(value_of(document, service, key) or "").partition(":")
        yield from [name] if kind == "service" else []


def hosts(document: Document, service: str) -> Iterator[str]:
    """Yield the other services that one names in its environment as hosts: by themselves, or in an address."""
    values = [with_defaults(value) for value in environment(document, service).values() if value]
    for name in document.keys(("services",)):
        host = re.compile(rf"(?:^|//|@|[,\s]){re.escape(name)}(?::\d+|/|[,\s]|$)")
        if name != service and any(map(host.search, values)):
            yield name


def is_server(document: Document, service: str) -> bool:
    """Return whether a service runs the server of a well-known image."""
    image = known_images.image_of(document, service)
    return image is not None and known_images.serves(document, service, image.kind)


def extended(document: Document, service: str) -> tuple[str, ...]:
    """Return the services of the same file that one extends, directly or not."""
    parent, file = parent_of(document, service)
    if file or parent in {"", service} or not document.has(("services", parent)):
        return ()
    return (parent, *extended(document, parent))
