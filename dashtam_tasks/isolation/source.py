"""Where in a Compose file something is declared: the line behind what Compose resolves."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dashtam_tasks.compose import PublishedPort

if TYPE_CHECKING:
    import yaml

# `${NAME}`, `${NAME:-default}` and the other forms of Compose's interpolation, the innermost of nested ones.
VARIABLE = re.compile(r"\$\{\w+(?::?-(?P<default>[^${}]*))?[^${}]*\}")
MERGE_KEY = "tag:yaml.org,2002:merge"


@dataclass(frozen=True)
class SourceFile:
    """A Compose file as it is written. It is read when the first line is asked for, and only once."""

    path: Path

    @cached_property
    def root(self) -> "yaml.Node | None":
        """The file's YAML, None when it cannot be read or is none."""
        import yaml

        try:
            return yaml.compose(self.path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except (OSError, ValueError, yaml.YAMLError):
            return None

    def line_of(self, *keys: str) -> str:
        """Return `file:line` of what `keys` lead to, or of the deepest of them that the file has.

        A file that is no YAML has no lines: then it is the file alone.
        """
        return self.place(self.walk(keys)[0])

    def line_of_port(self, service: str, port: PublishedPort) -> str:
        """Return `file:line` of the item of `ports` that publishes `port`, else of the service's ports."""
        return self.line_of_item(service, "ports", lambda item: port_likeness(item, port))

    def line_of_mount(self, service: str, target: str) -> str:
        """Return `file:line` of the item of `volumes` that is mounted at `target`, else of the volumes."""
        return self.line_of_item(service, "volumes", lambda item: mount_likeness(item, target))

    def line_of_item(self, service: str, key: str, likeness: Callable[["yaml.Node"], int]) -> str:
        """Return `file:line` of the first list item with the highest likeness, else of the list."""
        here, node = self.walk(("services", service, key))
        fitting = [item for item in items(node) if likeness(item)]
        return self.place(max(fitting, key=likeness, default=here))

    def place(self, node: "yaml.Node | None") -> str:
        """Return `file:line` of a node."""
        return f"{self.path}:{node.start_mark.line + 1}" if node else str(self.path)

    def walk(self, keys: tuple[str, ...]) -> tuple["yaml.Node | None", "yaml.Node | None"]:
        """Return the node where the deepest of `keys` stands, and the value of the last, None if it is missing."""
        here = value = self.root
        for key in keys:
            found = next((pair for pair in pairs(value) if pair[0].value == key), None)
            if not found:
                return here, None
            here, value = found
        return here, value


def pairs(node: "yaml.Node | None") -> Iterator[tuple["yaml.Node", "yaml.Node"]]:
    """Yield the keys and values of a mapping, its own before those that it merges (`<<`)."""
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return
    merged = [value for key, value in node.value if key.tag == MERGE_KEY]
    yield from ((key, value) for key, value in node.value if key.tag != MERGE_KEY)
    for value in merged:
        for one in [value, *items(value)]:
            yield from pairs(one)


def items(node: "yaml.Node | None") -> list["yaml.Node"]:
    """Return the items of a list, none for anything else."""
    import yaml

    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def port_likeness(item: "yaml.Node", port: PublishedPort) -> int:
    """Return how well an item of `ports` fits: 0 not at all, 1 by its target, more by address and host port."""
    written = dict(long_form(item)) or short_port(with_defaults(item))
    same_protocol = written.get("protocol", "tcp") == port.protocol
    if not same_protocol or not spans(written.get("target", ""), port.target):
        return 0
    same_address = written.get("host_ip", "") == port.host_ip
    return 1 + same_address + (written.get("published", "") == port.published)


def mount_likeness(item: "yaml.Node", target: str) -> int:
    """Return whether an item of `volumes` is mounted at `target`: in short syntax `[SOURCE:]TARGET[:MODE]`."""
    written = dict(long_form(item)).get("target")
    if written is None:
        source, separator, rest = with_defaults(item).partition(":")
        written = rest.partition(":")[0] if separator else source
    return written.rstrip("/") == target.rstrip("/")


def long_form(item: "yaml.Node") -> Iterator[tuple[str, str]]:
    """Yield the plain fields of an item in long syntax, none in short syntax."""
    for key, value in pairs(item):
        if isinstance(value.value, str):
            yield key.value, with_defaults(value)


def short_port(text: str) -> dict[str, str]:
    """Return the fields of `[[HOST_IP:]PUBLISHED:]TARGET[/PROTOCOL]`."""
    addresses, _, protocol = text.partition("/")
    host, _, target = addresses.rpartition(":")
    host_ip, _, published = host.rpartition(":")
    return {
        "host_ip": host_ip.strip("[]"),
        "published": published,
        "target": target,
        "protocol": protocol or "tcp",
    }


def with_defaults(node: "yaml.Node") -> str:
    """Return a scalar's text with the default of every variable in its place; Compose's env files are unknown."""
    text, changes = str(node.value), 1
    while changes:
        text, changes = VARIABLE.subn(lambda found: found["default"] or "", text)
    return text


def spans(written: str, number: int) -> bool:
    """Return whether `8000` or `8000-8010` has this number in it."""
    first, _, last = written.partition("-")
    return first.isdecimal() and (last or first).isdecimal() and int(first) <= number <= int(last or first)
