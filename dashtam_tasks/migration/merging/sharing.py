"""Take apart what anchors share, where one of those who share it is to change alone."""

from collections.abc import Iterator

from dashtam_tasks.migration.document import Document, Path, block, flow
from dashtam_tasks.migration.document.nodes import MERGE_KEY, Alias, Mapping, Target, followed, members, walk
from dashtam_tasks.migration.document.tree import written_paths


def apart(document: Document, path: Path) -> Document:
    """Return the document where a change at `path` reaches no alias and no merge of what is on the way there."""
    for depth in range(1, len(path) + 1):
        found = document.tree.find(path[:depth])
        if found is None or not found.own or isinstance(found.node, Alias):
            break
        for user in list(users(document, followed(found.node))):
            document = pinned(document, user, path[depth:])
    return document


def released(document: Document, path: Path) -> Document:
    """Return the document where nothing elsewhere refers to what is written at `path` or below it."""
    found = document.tree.find(path)
    if found is None or not found.own or isinstance(found.node, Alias):
        return document
    nodes = [node for node in walk(found.node) if node.anchor and not isinstance(node, Alias)]
    outer = [user for node in nodes for user in users(document, node) if user[: len(path)] != path]
    for user in outer:
        document = pinned(document, user, ())
    return document


def users(document: Document, node: Target) -> Iterator[Path]:
    """Yield where aliases of a node are: their own paths, or those of their merge keys."""
    for path, other in written_paths(document.tree.root):
        if isinstance(other, Alias) and other.target is node:
            yield path[: path.index(MERGE_KEY) + 1] if MERGE_KEY in path else path


def pinned(document: Document, user: Path, below: Path) -> Document:
    """Return the document where a user no longer follows changes at a path below what it refers to."""
    if user[-1] != MERGE_KEY:
        return document.detach(user)
    holder, inner = user[:-1], (*user[:-1], *below[:1])
    found = document.tree.find(inner) if below else None
    if found is None:
        return dissolved(document, holder)
    return document if found.holder is document.tree.node(holder) else document.detach(inner)


def dissolved(document: Document, path: Path) -> Document:
    """Return the document where what is merged into the mapping at `path` is written there instead."""
    node = document.tree.node(path)
    if not isinstance(node, Mapping) or not any(entry.is_merge for entry in node.entries):
        return document
    for key in document.keys(path):
        document = document.detach((*path, key))
    return without_merges(document, path)


def without_merges(document: Document, path: Path) -> Document:
    """Return the document without merge keys in the mapping at `path`, all of whose keys are its own."""
    holder = document.tree.node(path)
    assert isinstance(holder, Mapping)
    index = next((i for i, entry in enumerate(holder.entries) if entry.is_merge), None)
    if index is None or len(members(holder)) == 1:
        return document
    style = flow if holder.flow else block
    mark = document.text[: len(document.text) - len(document.tree.text)]
    text = style.remove(document.tree.layout, holder, index)
    return without_merges(Document(mark + text, document.where), path)
