"""The edits that a merge is made of: they keep the base's bytes and bring the overlay's comments along."""

from dashtam_tasks.migration.document import Document, Path, block, values
from dashtam_tasks.migration.document.fragments import ANCHOR, indented
from dashtam_tasks.migration.document.layout import indent_of
from dashtam_tasks.migration.document.nodes import Alias, Data, Mapping, Node, Sequence, members, walk
from dashtam_tasks.migration.document.scalars import STANDARD
from dashtam_tasks.migration.document.tree import Found, UnfitEditError
from dashtam_tasks.migration.merging import sharing
from dashtam_tasks.migration.merging.problems import refuse

RESET, OVERRIDE = "!reset", "!override"


def value_of(document: Document, path: Path) -> Data:
    """Return the data at a path without what is tagged !reset, which Compose leaves out."""
    data = document.get(path)
    if isinstance(data, dict):
        return {key: value_of(document, (*path, key)) for key in data if not is_reset(document, (*path, key))}
    if isinstance(data, list):
        places = [(*path, index) for index in range(len(data))]
        return [value_of(document, place) for place in places if not is_reset(document, place)]
    return data


def is_reset(document: Document, path: Path) -> bool:
    """Return whether what is at a path is tagged !reset."""
    return document.tag(path) == RESET


def put(base: Document, path: Path, value: Data, *, first: bool = False, comment: str = "") -> Document:
    """Return the base with another value at a path, and nowhere else."""
    base = sharing.apart(base, path)
    if isinstance(base.get(path), dict | list):
        base = sharing.released(base, path)
    return base.set(path, value, first=first, comment=comment)


def append(base: Document, path: Path, item: Data, *, comment: str = "") -> Document:
    """Return the base with an item at the end of the list at a path, and nowhere else."""
    return sharing.apart(base, path).append(path, item, comment=comment)


def removed(base: Document, path: Path) -> Document:
    """Return the base without what is at a path, if something is."""
    if not base.has(path):
        return base
    base = sharing.released(sharing.apart(base, path), path)
    return sharing.dissolved(base.detach(path[:-1]), path[:-1]).remove(path)


def adopted(base: Document, path: Path, overlay: Document, source: Path, *, tags: bool = False) -> Document:
    """Return the base with the overlay's entry or item at the end of a collection, written as the overlay has it.

    Where its lines cannot stand in the base, its data are written anew. `tags` stay, or this is refused.
    """
    base = sharing.apart(removed(base, path), path)
    value = overlay.get(source) if tags else value_of(overlay, source)
    if verbatim := inserted(base, path, lines_of(overlay, source, tags=tags), value):
        return verbatim
    if tags:
        refuse(overlay, source, "this tag cannot be kept for a service that extends another")
    comment = uncommented(comment_lines(overlay, source))
    if isinstance(path[-1], int):
        return append(base, path[:-1], value, comment=comment)
    return base.set(path, value, comment=comment)


def inserted(base: Document, path: Path, lines: list[str], value: Data) -> Document | None:
    """Return the base with more lines at the end of a collection, None where these would not mean `value` there."""
    if not lines or not isinstance(base.get(path[:-1]), dict | list):
        return None
    detached = base.detach(path[:-1]) if path[:-1] else base
    tree = detached.tree
    holder = tree.node(path[:-1])
    if not isinstance(holder, Mapping | Sequence) or holder.flow:
        return None
    expected = (values.inserted if isinstance(path[-1], int) else values.changed)(base.data, path, value)
    try:
        text = block.insert(tree.layout, holder, len(members(holder)), lines)
        result = rewritten(detached, text)
    except UnfitEditError:
        return None
    return result if values.same(result.data, expected) else None


def rewritten(document: Document, text: str) -> Document:
    """Return a document with another text behind its byte order mark; raise UnfitEditError if it is broken."""
    mark = document.text[: len(document.text) - len(document.tree.text)]
    return Document(mark + text, document.where, document.tree.edited(text))


def commented(base: Document, path: Path, overlay: Document, source: Path) -> Document:
    """Return the base with the overlay's comment above what is at a path, below the base's own."""
    found = base.tree.find(path)
    if found is None or not stands_alone(base, found):
        return base
    present = comment_lines(base, path)
    lines = [line for line in comment_lines(overlay, source) if line not in present]
    layout = base.tree.layout
    if not lines:
        return base
    position, column = layout.line_start(found.start), layout.column(found.start)
    return rewritten(base, block.with_lines(layout, position, indented(lines, column)))


def stands_alone(document: Document, found: Found) -> bool:
    """Return whether an entry or an item begins a line of its own, where comments may stand above it."""
    return found.own and not found.holder.flow and document.tree.layout.starts_line(found.start)


def comment_lines(document: Document, path: Path) -> list[str]:
    """Return the comment above what is at a path, line by line with its signs."""
    found = document.tree.find(path)
    if found is None or not stands_alone(document, found):
        return []
    layout = document.tree.layout
    start = layout.comments_above(found.holder, found.index)
    return [line.strip() for line in layout.text[start : layout.line_start(found.start)].splitlines()]


def uncommented(lines: list[str]) -> str:
    """Return a comment without its signs."""
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)


def lines_of(overlay: Document, path: Path, *, tags: bool) -> list[str]:
    """Return an entry or an item as it is written, comments included, without anchors and indentation.

    None are returned where that would not stand elsewhere: for aliases, and for tags unless they are to stay.
    """
    found = overlay.tree.find(path)
    if found is None or not stands_alone(overlay, found):
        return []
    nodes = list(walk(found.node))
    if any(isinstance(node, Alias) or (is_compose(node) and not tags) for node in nodes):
        return []
    layout = overlay.tree.layout
    start = layout.comments_above(found.holder, found.index)
    end = layout.past(members(found.holder)[found.index])
    text, column = without_anchors(layout.text, start, end, nodes), layout.column(found.start)
    return [line[min(column, indent_of(line)) :].rstrip("\r") for line in text.removesuffix("\n").split("\n")]


def is_compose(node: Node) -> bool:
    """Return whether a node has a tag of Compose's own."""
    return bool(node.tag) and not node.tag.startswith(STANDARD)


def without_anchors(text: str, start: int, end: int, nodes: list[Node]) -> str:
    """Return a part of a text without the anchors of these nodes, which nothing in the base refers to."""
    spans = [found.span() for node in nodes if node.anchor and (found := ANCHOR.search(text, node.start - 1))]
    for first, last in reversed(spans):
        text = text[:first] + text[last:]
        end -= last - first
    return text[start:end]
