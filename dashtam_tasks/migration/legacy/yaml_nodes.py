"""YAML as nodes, which know the line that they stand on: enough to ask what a file says, and where.

Nothing is constructed, so that Compose's own tags (`!reset`, `!override`) are as good as any.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from dashtam_tasks.errors import DashtamError, ExitCode

MERGE_TAG = "tag:yaml.org,2002:merge"
# libyaml, which Compose's own reader descends from: it takes tabs where the loader in Python does not.
LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """A value, the keys that lead to it (a list's are its numbers from 0 on), its line and that of its text."""

    keys: tuple[str, ...]
    value: str
    line: int
    text_line: int


def parse(text: str, *, name: str) -> yaml.Node | None:
    """Return the root node of a YAML file, None for an empty one.

    Raises DashtamError (DATA), naming file and line, for what is no YAML and for a key that is there twice.
    """
    try:
        root: yaml.Node | None = yaml.compose(text, LOADER)
    except yaml.YAMLError as error:
        raise broken(name, line_with(error, text), error) from error
    for key in duplicates(root):
        raise DashtamError(
            f"{name}:{line_of(key)}: The key {key.value} is there twice in one mapping.",
            code=ExitCode.DATA,
            hint="Remove one of them; Compose refuses both.",
        )
    return root


def line_with(error: yaml.YAMLError, text: str) -> int:
    """Return the line that PyYAML stumbled on, the first being 1; of what never ends, that where it begins."""
    if isinstance(error, yaml.MarkedYAMLError):
        endless = "end of stream" in (error.problem or "")
        mark = (error.context_mark if endless else None) or error.problem_mark
        if mark:
            return int(mark.line) + 1
    return text.count("\n", 0, getattr(error, "position", 0)) + 1


def broken(name: str, line: int, error: yaml.YAMLError) -> DashtamError:
    """Return the error for a file that is no YAML."""
    problem = getattr(error, "problem", None) or "a character that YAML does not allow"
    return DashtamError(
        f"{name}:{line}: This is not YAML: {problem}.",
        code=ExitCode.DATA,
        hint="Mend the file; `docker compose config` says when Compose can read it.",
    )


def not_utf8(name: str, line: int) -> DashtamError:
    """Return the error for a file that is no text."""
    return DashtamError(
        f"{name}:{line}: This is not UTF-8 text.", code=ExitCode.DATA, hint="Save the file as UTF-8."
    )


def duplicates(root: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Yield each key that its mapping has already."""
    for node in nodes(root):
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != MERGE_TAG:
                    if key.value in seen:
                        yield key
                    seen.add(key.value)


def nodes(root: yaml.Node | None) -> Iterator[yaml.Node]:
    """Yield a node and all below it, each once: an alias may lead back to where it stands."""
    pending = [] if root is None else [root]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            pending += [child for _, child in reversed(children(node))]


def children(node: yaml.Node) -> list[tuple[str, yaml.Node]]:
    """Return what lies in a mapping or a list, with its key."""
    if isinstance(node, yaml.MappingNode):
        return [(str(key.value), value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(str(number), value) for number, value in enumerate(node.value)]
    return []


def scalars(node: yaml.Node | None, keys: tuple[str, ...] = ()) -> Iterator[Scalar]:
    """Yield each value below a node, in order; what an alias repeats comes where it stands first."""
    yield from values(node, keys, seen=set())


def values_in(text: str) -> list[Scalar]:
    """Return the values of a YAML file, none for one that is no YAML: for files that are not ours to judge."""
    try:
        return list(scalars(yaml.compose(text, LOADER)))
    except yaml.YAMLError:
        return []


def values(node: yaml.Node | None, keys: tuple[str, ...], *, seen: set[int]) -> Iterator[Scalar]:
    """Yield each value below a node that was not seen yet."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        # The text of a block stands below its indicator.
        below = 1 if node.style in {"|", ">"} else 0
        line = line_of(node)
        yield Scalar(keys=keys, value=node.value, line=line, text_line=line + below)
    for key, child in children(node):
        yield from values(child, (*keys, key), seen=seen)


def get(node: yaml.Node | None, *keys: str) -> yaml.Node | None:
    """Return the node that keys lead to, None when there is none."""
    for key in keys:
        found = dict(children(node)) if isinstance(node, yaml.MappingNode) else {}
        node = found.get(key)
    return node


def line_of(node: yaml.Node) -> int:
    """Return the line that a node starts on, the first being 1."""
    return int(node.start_mark.line) + 1
