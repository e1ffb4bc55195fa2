"""New text: a value as the lines that write it, or the lines in which it is written elsewhere."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dashtam_tasks.migration.document.layout import Habits, Layout, indent_of
from dashtam_tasks.migration.document.nodes import Base, Data, Mapping, Scalar, Target, is_block, walk
from dashtam_tasks.migration.document.scalars import STANDARD, written

# Without an indentation indicator: the first line must not begin with a space, nor may a second line end follow.
SHOWN = r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]"
LITERAL = re.compile(rf"(?![ \t\n])(?:{SHOWN}*\n{SHOWN}*)")
ANCHOR = re.compile(r" ?&[^\s,\[\]{}]+")
INDICATED = re.compile(r"[|>][-+]?[1-9]")


Kind: TypeAlias = Literal["", "mapping", "sequence"]


class Flow(list[Data]):
    """A list to be written in flow style, its texts quoted, as people write commands and health checks."""


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """Lines without their indentation, and the properties to stand in front.

    `kind` names the collection that they are in block style. Where it names none, the first line stands behind
    the key or the dash, and may be empty.
    """

    lines: tuple[str, ...]
    kind: Kind = ""
    properties: str = ""


def fragment(value: Data, habits: Habits, *, style: str = "") -> Fragment:
    """Return a value in block style; a text keeps to `style`, that of a scalar, if that can hold it."""
    if isinstance(value, dict) and value:
        parts = [entry_lines(key, fragment(item, habits), habits) for key, item in value.items()]
        return Fragment(lines=tuple(line for part in parts for line in part), kind="mapping")
    if isinstance(value, list) and value and not isinstance(value, Flow):
        parts = [item_lines(fragment(item, habits)) for item in value]
        return Fragment(lines=tuple(line for part in parts for line in part), kind="sequence")
    if value is None:
        return Fragment(lines=("",))
    if isinstance(value, str) and style not in {"'", '"'} and is_literal(value, habits):
        end = "" if value.endswith("\n") else "-"
        return Fragment(lines=(f"|{end}", *value.removesuffix("\n").split("\n")))
    return Fragment(lines=(inline(value, habits, style=style, flow=False),))


def is_literal(text: str, habits: Habits) -> bool:
    """Return whether a text is written as a literal block, as it reads."""
    fits = LITERAL.fullmatch(text) is not None and not text.endswith("\n\n")
    return fits and (habits.finished or not text.endswith("\n"))


def inline(value: Data, habits: Habits, *, style: str = "", flow: bool = True) -> str:
    """Return a value on one line, collections in flow style."""
    if isinstance(value, dict):
        entries = (f"{inline(str(key), habits)}: {inline(item, habits)}" for key, item in value.items())
        return f"{{{habits.padding}{', '.join(entries)}{habits.padding}}}" if value else "{}"
    if isinstance(value, list):
        style = '"' if isinstance(value, Flow) else ""
        return f"[{', '.join(inline(item, habits, style=style) for item in value)}]"
    return written(value, style=style, preferred=habits.quote, flow=flow)


def entry_lines(key: str, value: Fragment, habits: Habits, *, style: str = "") -> list[str]:
    """Return the lines of an entry in block style."""
    name = written(key, style=style, preferred=habits.quote)
    deeper = habits.sequence if value.kind == "sequence" else habits.mapping
    head = "" if value.kind else value.lines[0]
    rest = value.lines if value.kind else value.lines[1:]
    return [" ".join(filter(None, (f"{name}:", value.properties, head))), *indented(rest, deeper)]


def item_lines(value: Fragment, *, gap: str = " ") -> list[str]:
    """Return the lines of an item in block style; `gap` stands behind its dash."""
    head, rest = value.lines[0], value.lines[1:]
    if value.properties and value.kind:
        head, rest = "", value.lines
    first = f"-{gap}{' '.join(filter(None, (value.properties, head)))}".rstrip()
    return [first, *indented(rest, 1 + len(gap))]


def indented(lines: Iterable[str], width: int) -> list[str]:
    """Return lines further to the right; blank ones stay empty."""
    return [" " * width + line if line else line for line in lines]


def copied(layout: Layout, node: Target, *, habits: Habits) -> Fragment:
    """Return a node as it is written, comments and quotes included, without its anchors."""
    tag = properties(layout.text, node, keep="!")
    text = unanchored(layout.text, node)
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if isinstance(node, Scalar) and INDICATED.match(text):
        return Fragment(lines=(inline(node.text, habits, style='"', flow=False),), properties=tag)
    width = layout.column(node.content) if is_block(node) else least_indent(lines[1:])
    rest = (line[min(width, indent_of(line)) :] for line in lines[1:])
    kind: Kind = ""
    if is_block(node):
        kind = "mapping" if isinstance(node, Mapping) else "sequence"
    return Fragment(lines=(lines[0], *rest), kind=kind, properties=tag)


def least_indent(lines: list[str]) -> int:
    """Return the indentation of the line that is least indented, blank ones left out."""
    return min((indent_of(line) for line in lines if line.strip()), default=0)


def unanchored(text: str, node: Target) -> str:
    """Return the content of a node without the anchors in it, which are to stay one of a kind."""
    result, end = "", node.content
    for inner in walk(node):
        if inner is not node and inner.anchor:
            found = ANCHOR.search(text, inner.start - 1)
            assert found is not None
            result, end = result + text[end : found.start()], found.end()
    return result + text[end : node.end]


def properties(text: str, node: Base, *, keep: str = "&!") -> str:
    """Return the anchor and the tag in front of a node as written, as far as `keep` names them.

    YAML's own tags are left out: they say what type the old value has.
    """
    tokens = re.split(r"\s#", text[node.start : node.content])[0].split()
    kept = [token for token in tokens if token[0] in keep]
    if node.tag.startswith(STANDARD):
        kept = [token for token in kept if token.startswith("&")]
    return " ".join(kept)
