"""What a YAML text consists of: nodes with the exact span that each has in the text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]

# What YAML can hold: a recursive type would refuse a list[str] where a list of data is asked for.
Data: TypeAlias = Any

MERGE_KEY = "<<"


@dataclass(frozen=True, kw_only=True)
class Base:
    """What all nodes have: a span in the text, its first line (from 1) and the properties in front.

    `start` is where its anchor and tag stand, `content` where it itself does, `end` what follows its last
    character; blank lines and comments behind it are not part of it.
    """

    start: int
    content: int
    end: int
    line: int
    anchor: str = ""
    tag: str = ""


@dataclass(frozen=True, kw_only=True)
class Scalar(Base):
    """A text; `style` is the sign that it begins with if it is quoted or a block, and empty if it is plain.

    `keeps` tells of a block that the blank lines behind it belong to.
    """

    text: str
    style: str
    keeps: bool = False


@dataclass(frozen=True, kw_only=True)
class Alias(Base):
    """A reference to a node that is written elsewhere."""

    target: "Target"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A key and its value; `lead` is what follows the colon, or the key where a flow mapping omits it."""

    key: Scalar
    value: "Node"
    lead: int

    @property
    def is_merge(self) -> bool:
        """Whether this is a merge key, which yaml.v3 and YAML 1.1 know and YAML 1.2 does not."""
        return self.key.text == MERGE_KEY and not self.key.style


@dataclass(frozen=True, kw_only=True)
class Item:
    """An item of a sequence; `start` is where its dash stands, `lead` what follows the dash."""

    value: "Node"
    start: int
    lead: int


@dataclass(frozen=True, kw_only=True)
class Mapping(Base):
    """A mapping, in block style or in flow style."""

    entries: tuple[Entry, ...]
    flow: bool

    def entry(self, key: str | int) -> Entry | None:
        """Return the entry with this key that is written here, None if there is none."""
        return next((entry for entry in self.entries if entry.key.text == key and not entry.is_merge), None)

    @property
    def merged(self) -> Iterator["Mapping"]:
        """The mappings that are merged into this one, the strongest first."""
        for entry in self.entries:
            if entry.is_merge:
                source = followed(entry.value)
                nodes = [item.value for item in source.items] if isinstance(source, Sequence) else [source]
                yield from (node for node in map(followed, nodes) if isinstance(node, Mapping))


@dataclass(frozen=True, kw_only=True)
class Sequence(Base):
    """A sequence, in block style or in flow style."""

    items: tuple[Item, ...]
    flow: bool


Target: TypeAlias = Scalar | Mapping | Sequence
Node: TypeAlias = Target | Alias
Collection: TypeAlias = Mapping | Sequence


@dataclass(frozen=True, kw_only=True)
class Member:
    """An entry or an item, as a part of its collection: what stands from `start` up to `end`."""

    start: int
    end: int
    lead: int
    value: Node


def members(node: Collection) -> tuple[Member, ...]:
    """Return the entries of a mapping, or the items of a sequence, in order."""
    if isinstance(node, Mapping):
        return tuple(
            Member(
                start=entry.key.start,
                end=max(entry.lead, entry.value.end),
                lead=entry.lead,
                value=entry.value,
            )
            for entry in node.entries
        )
    return tuple(
        Member(start=item.start, end=max(item.lead, item.value.end), lead=item.lead, value=item.value)
        for item in node.items
    )


def first_of(node: Node) -> int:
    """Return where the first member of a collection that has one starts."""
    return members(node)[0].start if isinstance(node, Mapping | Sequence) else node.content


def followed(node: Node) -> Target:
    """Return the node itself, or the one that it refers to."""
    return node.target if isinstance(node, Alias) else node


def is_block(node: Node) -> bool:
    """Return whether this is a collection in block style."""
    return isinstance(node, Mapping | Sequence) and not node.flow


def walk(node: Node) -> Iterator[Node]:
    """Yield what is written in a node, itself first; aliases are not followed."""
    yield node
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield from walk(entry.value)
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from walk(item.value)


def dotted(path: Path) -> str:
    """Return a path as people write it: services.app.ports[0]."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the document"
