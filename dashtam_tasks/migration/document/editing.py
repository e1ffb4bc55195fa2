"""The edits, from one tree to the next: which place they change, and in which style."""

from typing import NoReturn

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.document import block, flow
from dashtam_tasks.migration.document.fragments import (
    Fragment,
    copied,
    entry_lines,
    fragment,
    inline,
    item_lines,
)
from dashtam_tasks.migration.document.nodes import (
    MERGE_KEY,
    Alias,
    Collection,
    Data,
    Mapping,
    Path,
    Scalar,
    Sequence,
    dotted,
    first_of,
    followed,
    is_block,
    members,
)
from dashtam_tasks.migration.document.scalars import written
from dashtam_tasks.migration.document.tree import Found, Tree
from dashtam_tasks.migration.document.values import at, data_of, same


def put(tree: Tree, path: Path, value: Data, *, index: int | None = None, comment: str = "") -> Tree:
    """Return the tree with `value` at `path`; a new entry comes at `index` of its mapping, or at its end."""
    if tree.find(path) and same(at(tree.data, path), value):
        return tree
    whole, (path, value) = path, from_existing(tree, path, value)
    tree = detached(tree, path[:-1])
    found = tree.find(path)
    if found and found.own:
        return put_over(tree, path, found, value)
    holder = tree.node(path[:-1])
    assert isinstance(holder, Mapping)
    assert isinstance(path[-1], str)
    place = len(holder.entries) if index is None or path != whole else index
    return added(tree, holder, place, path[-1], value, comment)


def from_existing(tree: Tree, path: Path, value: Data) -> tuple[Path, Data]:
    """Return the path of what is to be written, and its value: parents that are missing are part of it."""
    present = tree.existing(path)
    if MERGE_KEY in path:
        refuse(tree, path, f"{dotted(path)} is in a mapping that is written where it is merged")
    if present == path:
        return path, value
    parent, missing = at(tree.data, present), path[len(present) :]
    if not (parent is None or isinstance(parent, dict)) or any(isinstance(step, int) for step in missing):
        refuse(tree, present, f"{dotted(present)} has no place for {dotted(missing)}")
    # An empty collection has no style: it is written anew with what comes into it.
    kept = len(present) if present and not parent else len(present) + 1
    for step in reversed(path[kept:]):
        value = {step: value}
    return path[:kept], value


def put_over(tree: Tree, path: Path, found: Found, value: Data) -> Tree:
    """Return the tree with `value` in the place of another; of a collection, the parts that differ change."""
    old, node = at(tree.data, path), found.node
    if isinstance(node, Mapping) and isinstance(value, dict) and old and value:
        return put_entries(tree, path, node, value)
    if isinstance(node, Sequence) and isinstance(value, list) and old and value:
        return put_items(tree, path, old, value)
    return replaced(tree, found, value)


def put_entries(tree: Tree, path: Path, node: Mapping, value: dict[str, Data]) -> Tree:
    """Return the tree with another mapping: what both have stays, and nothing is merged that `value` lacks."""
    surplus = [entry.key.text for entry in node.entries if not entry.is_merge and entry.key.text not in value]
    if any(data_of(source).keys() - value.keys() for source in node.merged):
        found = tree.find(path)
        assert found is not None
        return replaced(tree, found, value)
    for key, part in value.items():
        tree = put(tree, (*path, key), part)
    for key in surplus:
        tree = taken(tree, (*path, key))
    return tree


def put_items(tree: Tree, path: Path, old: list[Data], value: list[Data]) -> Tree:
    """Return the tree with another list: what both have at the beginning and at the end stays."""
    least = min(len(old), len(value))
    head = next((i for i in range(least) if not same(old[i], value[i])), least)
    tail = next((i for i in range(least - head) if not same(old[-1 - i], value[-1 - i])), least - head)
    changed = least - head - tail
    for index in range(head, head + changed):
        tree = put(tree, (*path, index), value[index])
    for index in range(head + changed, len(value) - tail):
        tree = put_item(tree, (*path, index), value[index])
    for index in reversed(range(head + changed, len(old) - tail)):
        tree = taken(tree, (*path, index))
    return tree


def put_item(tree: Tree, path: Path, value: Data, *, comment: str = "") -> Tree:
    """Return the tree with a new item before the one at `path`, or at the end of its list."""
    *start, index = path
    parent = tuple(start)
    old = at(tree.data, parent)
    if not old:
        return put(tree, parent, [value])
    tree = detached(tree, parent)
    holder = tree.node(parent)
    assert isinstance(holder, Sequence)
    assert isinstance(index, int)
    habits = tree.layout.habits(holder.end)
    style = common_style([item.value for item in holder.items])
    if holder.flow:
        new = inline(value, habits, style=style)
        return tree.edited(flow.insert(tree.layout, holder, index, new))
    lines = item_lines(fragment(value, habits, style=style), gap=gap_of(tree, holder))
    return tree.edited(block.insert(tree.layout, holder, index, [*commented(comment), *lines]))


def added(tree: Tree, holder: Mapping, index: int, key: str, value: Data, comment: str = "") -> Tree:
    """Return the tree with a new entry in a mapping; a fragment is taken as its value too."""
    habits = tree.layout.habits(holder.end)
    style = common_style([entry.key for entry in holder.entries])
    if holder.flow:
        name = written(key, style=style, preferred=habits.quote, flow=True)
        return tree.edited(flow.insert(tree.layout, holder, index, f"{name}: {inline(value, habits)}"))
    part = value if isinstance(value, Fragment) else fragment(value, habits)
    lines = [*commented(comment), *entry_lines(key, part, habits, style=style)]
    return tree.edited(block.insert(tree.layout, holder, index, lines))


def replaced(tree: Tree, found: Found, value: Data) -> Tree:
    """Return the tree with another value for an entry or an item; a fragment is taken too."""
    holder, old = found.holder, found.node
    member = members(holder)[found.index]
    habits = tree.layout.habits(member.start)
    style = old.style if isinstance(old, Scalar) else ""
    if holder.flow:
        new = inline(value, habits, style=style)
        return tree.edited(flow.replace(tree.layout, member, new, holder=holder))
    new_part = value if isinstance(value, Fragment) else fragment(value, habits, style=style)
    if isinstance(holder, Sequence):
        deeper = 1 + len(gap_of(tree, holder))
    elif is_block(old) and new_part.kind == ("mapping" if isinstance(old, Mapping) else "sequence"):
        deeper = tree.layout.column(first_of(old)) - tree.layout.column(member.start)
    else:
        deeper = habits.sequence if new_part.kind == "sequence" else habits.mapping
    return tree.edited(block.replace(tree.layout, member, new_part, deeper=deeper))


def taken(tree: Tree, path: Path, *, prune: bool = False) -> Tree:
    """Return the tree without what is at `path`; the last one leaves {} or [], or nothing with `prune`."""
    tree = detached(tree, path[:-1])
    found = own(tree, path, "removed")
    if len(members(found.holder)) > 1:
        style = flow if found.holder.flow else block
        return tree.edited(style.remove(tree.layout, found.holder, found.index))
    parent = path[:-1]
    if prune and parent:
        return taken(tree, parent, prune=True)
    return emptied(tree, parent, found.holder)


def emptied(tree: Tree, path: Path, holder: Collection) -> Tree:
    """Return the tree with an empty collection in the place of one."""
    empty: Data = {} if isinstance(holder, Mapping) else []
    if found := tree.find(path) if path else None:
        return replaced(tree, found, empty)
    layout = tree.layout
    end = holder.end if holder.flow else layout.line_end(holder.end)
    return tree.edited(f"{layout.text[: holder.content]}{{}}{layout.text[end:]}")


def renamed(tree: Tree, path: Path, key: str) -> Tree:
    """Return the tree with another key in the place of one."""
    tree = detached(tree, path[:-1])
    found = own(tree, path, "renamed")
    if not isinstance(found.holder, Mapping):
        refuse(tree, path, f"{dotted(path)} is an item of a list, and has no key")
    if key in data_of(found.holder):
        refuse(tree, (*path[:-1], key), f"{dotted((*path[:-1], key))} is there already")
    old = found.holder.entries[found.index].key
    quote = tree.layout.quote
    new = written(key, style=old.style, preferred=quote, flow=found.holder.flow)
    return tree.edited(tree.text[: old.content] + new + tree.text[old.end :])


def detached(tree: Tree, path: Path) -> Tree:
    """Return the tree where all on the way to `path` is written there: what was shared is copied."""
    for end in range(1, len(path) + 1):
        found = tree.find(path[:end])
        if found is None or (found.own and not isinstance(found.node, Alias)):
            continue
        node = followed(found.node)
        if found.own:
            copy = data_of(node) if found.holder.flow else copied_at(tree, found)
            tree = replaced(tree, found, copy)
        else:
            holder, key = tree.node(path[: end - 1]), path[end - 1]
            assert isinstance(holder, Mapping)
            assert isinstance(key, str)
            copy = data_of(node) if holder.flow else copied_at(tree, found)
            tree = added(tree, holder, len(holder.entries), key, copy)
    return tree


def copied_at(tree: Tree, found: Found) -> Fragment:
    """Return the lines of what an alias or a merge stands for."""
    node = followed(found.node)
    return copied(tree.layout, node, habits=tree.layout.habits(node.start))


def own(tree: Tree, path: Path, what: str) -> Found:
    """Return the entry or the item at `path`, which is to be written there and nowhere else.

    Raises DashtamError (DATA) when nothing is there, or when a merge gives it: text can override that,
    but not take it away.
    """
    found = tree.find(path)
    if found is None:
        refuse(tree, path, f"{dotted(path)} does not exist, so it cannot be {what}")
    parent = tree.node(path[:-1])
    if isinstance(parent, Mapping) and any(path[-1] in data_of(source) for source in parent.merged):
        refuse(tree, path, f"{dotted(path)} is merged in with <<, so it cannot be {what} here alone")
    return found


def common_style(nodes: list[Data]) -> str:
    """Return the quotes that all of these scalars stand in, or nothing."""
    styles = {node.style if isinstance(node, Scalar) else "" for node in nodes}
    style = styles.pop() if len(styles) == 1 else ""
    return style if style in {"'", '"'} else ""


def gap_of(tree: Tree, node: Sequence) -> str:
    """Return what stands between a dash and its item, as the last item that is not empty has it."""
    gaps = [
        tree.text[item.lead : item.value.start] for item in node.items if item.value.start < item.value.end
    ]
    return next((gap for gap in reversed(gaps) if gap and not gap.strip(" ")), " ")


def commented(comment: str) -> list[str]:
    """Return the lines of a comment, without the signs that it is given in."""
    return [f"# {line}".rstrip() for line in comment.split("\n")] if comment else []


def refuse(tree: Tree, path: Path, reason: str) -> NoReturn:
    """Raise an error about a place."""
    line = tree.line_of(tree.find(tree.existing(path)))
    raise DashtamError(f"{tree.where}:{line}: {reason}.", code=ExitCode.DATA, hint="Edit this place by hand.")
