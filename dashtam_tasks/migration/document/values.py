"""Plain Python data: what nodes stand for, and the edits as they change data instead of text."""

from dashtam_tasks.migration.document.nodes import (
    Data,
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    Target,
    followed,
)
from dashtam_tasks.migration.document.scalars import meaning


def data_of(node: Node, known: dict[int, Data] | None = None) -> Data:
    """Return what a node stands for, with aliases and merge keys resolved; an alias shares its anchor's data.

    Keys are their texts. A mapping's own keys come first, then what it merges, of which the first counts.
    """
    known = {} if known is None else known
    target = followed(node)
    if id(target) not in known:
        known[id(target)] = fresh(target, known)
    return known[id(target)]


def fresh(target: Target, known: dict[int, Data]) -> Data:
    """Return what a node that is written here stands for."""
    if isinstance(target, Scalar):
        return meaning(target)
    if isinstance(target, Mapping):
        result = {
            entry.key.text: data_of(entry.value, known) for entry in target.entries if not entry.is_merge
        }
        for source in target.merged:
            result |= {key: value for key, value in data_of(source, known).items() if key not in result}
        return result
    assert isinstance(target, Sequence)
    return [data_of(item.value, known) for item in target.items]


def at(data: Data, path: Path) -> Data:
    """Return what is at `path`; raise KeyError when nothing is."""
    for step in path:
        data = inner(data, step)
    return data


def inner(data: Data, step: str | int) -> Data:
    """Return what a collection has for a key, or at an index; raise KeyError when that is nothing."""
    if isinstance(data, dict) and isinstance(step, str):
        return data[step]
    if isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data):
        return data[step]
    raise KeyError(step)


def get(data: Data, path: Path, default: Data = None) -> Data:
    """Return what is at `path`, or `default` where nothing is."""
    try:
        return at(data, path)
    except KeyError:
        return default


def same(one: Data, other: Data) -> bool:
    """Return whether two values are equal in type too: YAML tells 1 from true and from 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


def changed(data: Data, path: Path, value: Data) -> Data:
    """Return a copy of `data` with `value` at `path`, where mappings are made as needed."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(data, list):
        assert isinstance(step, int)
        return [*data[:step], changed(data[step], rest, value), *data[step + 1 :]]
    holder = data or {}
    return {**holder, step: changed(holder.get(step), rest, value)}


def inserted(data: Data, path: Path, value: Data) -> Data:
    """Return a copy of `data` with `value` before the item at `path`."""
    *parent, index = path
    items = at(data, tuple(parent))
    return changed(data, tuple(parent), [*items[:index], value, *items[index:]])


def removed(data: Data, path: Path, *, prune: bool = False) -> Data:
    """Return a copy of `data` without what is at `path`, and without parents that `prune` finds empty then."""
    *start, step = path
    parent = tuple(start)
    holder = at(data, parent)
    if prune and parent and len(holder) == 1:
        return removed(data, parent, prune=True)
    if isinstance(holder, list):
        return changed(data, parent, [item for index, item in enumerate(holder) if index != step])
    return changed(data, parent, {key: value for key, value in holder.items() if key != step})


def renamed(data: Data, path: Path, key: str) -> Data:
    """Return a copy of `data` where the key at the end of `path` is another."""
    *parent, step = path
    holder = at(data, tuple(parent))
    return changed(data, tuple(parent), {key if k == step else k: value for k, value in holder.items()})
