"""A composed text, and what a path leads to in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.document.composing import Composer
from dashtam_tasks.migration.document.layout import Layout
from dashtam_tasks.migration.document.nodes import (
    Alias,
    Collection,
    Data,
    Entry,
    Item,
    Mapping,
    Node,
    Path,
    Sequence,
    Target,
    followed,
    walk,
)
from dashtam_tasks.migration.document.values import data_of


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a path leads to: an entry or an item, at `index` of the collection that holds it.

    `own` tells that neither an alias nor a merge is on the way to it; its value may be an alias still.
    """

    holder: Collection
    index: int
    own: bool

    @property
    def part(self) -> Entry | Item:
        """The entry or the item."""
        parts = self.holder.entries if isinstance(self.holder, Mapping) else self.holder.items
        return parts[self.index]

    @property
    def node(self) -> Node:
        """Its value, as written."""
        return self.part.value

    @property
    def start(self) -> int:
        """Where it starts in the text."""
        return self.part.key.start if isinstance(self.part, Entry) else self.part.start


class UnfitEditError(Exception):
    """An edit that would leave a text that is no valid document, such as an alias without its anchor."""


class Tree:
    """The nodes of a text, which holds no byte order mark; `where` is its name in errors."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where
        self.root = Composer(text, where).root()
        self.layout = Layout(text, self.root)

    def edited(self, text: str) -> "Tree":
        """Return the nodes of another text in the place of this one; raise UnfitEditError where it is not valid."""
        try:
            return Tree(text, self.where)
        except DashtamError as error:
            raise UnfitEditError(error.reason) from error

    @cached_property
    def data(self) -> Data:
        """What the document stands for."""
        return data_of(self.root)

    def find(self, path: Path) -> Found | None:
        """Return what a path that is not empty leads to, through aliases and merges; None where nothing is."""
        node: Node = self.root
        own, found = True, None
        for step in path:
            target = followed(node)
            own = own and target is node
            found = part_of(target, step)
            if found is None:
                return None
            own = own and found.holder is target
            node = found.node
        return found and Found(holder=found.holder, index=found.index, own=own)

    def node(self, path: Path) -> Target:
        """Return the node at a path that leads to something."""
        found = self.find(path)
        return followed(found.node) if found else self.root

    def existing(self, path: Path) -> Path:
        """Return as much of a path as leads to something."""
        return next((path[:end] for end in range(len(path), 0, -1) if self.find(path[:end])), ())

    def line_of(self, found: Found | None) -> int:
        """Return the line on which an entry or an item starts, from 1; of nothing, that of the first key."""
        return self.text.count("\n", 0, found.start if found else self.root.content) + 1

    @cached_property
    def origins(self) -> dict[int, Path]:
        """The paths at which collections are written, by their identity."""
        return {id(node): path for path, node in written_paths(self.root)}

    @cached_property
    def references(self) -> dict[int, tuple[Alias, ...]]:
        """The aliases of a node, by its identity."""
        result: dict[int, tuple[Alias, ...]] = {}
        for node in walk(self.root):
            if isinstance(node, Alias):
                result[id(node.target)] = (*result.get(id(node.target), ()), node)
        return result

    def shared(self, path: Path) -> tuple[Node, ...]:
        """Return the nodes that aliases refer to, of those that are written on the way to `path` or there."""
        steps = [self.find(path[:end]) for end in range(1, len(path) + 1)]
        nodes = [found.node for found in steps if found and found.own and not isinstance(found.node, Alias)]
        return tuple(node for node in nodes if id(node) in self.references)


def part_of(node: Target, step: str | int) -> Found | None:
    """Return the entry or the item of a node; an entry of its own comes before a merged one."""
    if isinstance(node, Sequence) and isinstance(step, int) and 0 <= step < len(node.items):
        return Found(holder=node, index=step, own=True)
    if isinstance(node, Mapping) and isinstance(step, str):
        if entry := node.entry(step):
            return Found(holder=node, index=node.entries.index(entry), own=True)
        return next((found for source in node.merged if (found := part_of(source, step))), None)
    return None


def written_paths(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Yield every node that is written in another, itself first, with its path; aliases are not followed.

    What is written behind a merge key has its path, too: x, <<, key.
    """
    yield path, node
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield from written_paths(entry.value, (*path, entry.key.text))
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from written_paths(item.value, (*path, index))
