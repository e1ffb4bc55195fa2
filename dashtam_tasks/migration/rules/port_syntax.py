"""Entries of `ports` in Compose's two forms, as they are written, and what the resolved model keys them by.

https://docs.docker.com/reference/compose-file/services/#ports
"""

import ipaddress
import re
from dataclasses import dataclass

from dashtam_tasks.migration.document import Document, Path
from dashtam_tasks.migration.document.nodes import Data
from dashtam_tasks.migration.planning.equivalence import ANY
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.places import heirs
from dashtam_tasks.migration.rules.reading import colon_separated, editable, with_defaults

SPAN = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True, kw_only=True)
class Port:
    """An entry of `ports` in short syntax, or the fields of one in long syntax, as they are written."""

    target: str
    published: str = ""
    host_ip: str = ""
    protocol: str = ""

    def __str__(self) -> str:
        address = f"{self.host_ip}:{self.published}:" if self.host_ip else ""
        published = f"{self.published}:" if self.published and not address else ""
        return f"{address}{published}{self.target}{'/' if self.protocol else ''}{self.protocol}"

    @property
    def is_on_loopback(self) -> bool:
        """Whether only this machine reaches it, by default where its address is a variable."""
        try:
            return ipaddress.ip_address(with_defaults(self.host_ip).strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def is_readable(self) -> bool:
        """Whether its parts are where they seem to be: a variable may hold several, `${WEB:-8000:8000}`."""
        return not any(":" in with_defaults(part) for part in (self.published, self.target))

    @property
    def keys(self) -> tuple[str, ...]:
        """What the resolved model keys it by, one for each port of a range."""
        found = SPAN.fullmatch(self.target)
        if not found:
            return (ANY,)
        numbers = range(int(found[1]), int(found[2] or found[1]) + 1)
        return tuple(f"{number}/{self.protocol or 'tcp'}" for number in numbers)


@dataclass(frozen=True, kw_only=True)
class Published:
    """A port of a service, where it is written, and the keys of the resolved model that it has there."""

    service: str
    path: Path
    port: Port
    keys: tuple[str, ...]

    def declared_in(self, draft: Draft, *, rule: str, field: str, why: str) -> Draft:
        """Return the draft with a change of this field of the port declared."""
        for service in heirs(draft.document, self.service):
            for key in self.keys:
                draft = draft.declare(rule, ("services", service, "ports", key, field), why)
        return draft

    def is_declared_in(self, draft: Draft, *, rule: str, field: str) -> bool:
        """Return whether a rule has changed this field already."""
        place = ("services", self.service, "ports", self.keys[0], field)
        return any(one.rule == rule and one.place == place for one in draft.declared)


def read(item: Data) -> Port:
    """Return an entry of `ports`, in short syntax `[[HOST_IP:]PUBLISHED:]TARGET[/PROTOCOL]` or long."""
    if isinstance(item, dict):
        names = ("target", "published", "host_ip", "protocol")
        return Port(**{name: str(item[name]) for name in names if item.get(name) is not None})
    *address, last = colon_separated(str(item))
    target, _, protocol = last.partition("/") if "$" not in last else (last, "", "")
    if last.endswith(("/tcp", "/udp", "/sctp")):
        target, _, protocol = last.rpartition("/")
    return Port(
        target=target,
        published=address[-1] if address else "",
        host_ip=":".join(address[:-1]),
        protocol=protocol,
    )


def ports_of(draft: Draft, service: str) -> tuple[Published, ...]:
    """Return the ports of a service; Compose's key of a second one alike has a number, as equivalence says."""
    items = draft.document.get(("services", service, "ports")) or []
    seen: dict[str, int] = {}
    found = []
    for index, item in enumerate(items):
        port = read(item)
        for key in port.keys:
            seen[key] = seen.get(key, 0) + 1
        keys = tuple(key if key == ANY or seen[key] == 1 else f"{key} ({seen[key]})" for key in port.keys)
        path = ("services", service, "ports", index)
        found.append(Published(service=service, path=path, port=port, keys=keys))
    return tuple(found)


def put(document: Document, one: Published, port: Port, *, field: str) -> Document:
    """Return the document with another port in the place of one; of the long syntax only `field` changes."""
    path = editable(document, one.path)
    if isinstance(document.get(path), dict):
        return document.set((*path, field), getattr(port, field).strip("[]"), shared=True)
    return document.set(path, str(port), shared=True)
