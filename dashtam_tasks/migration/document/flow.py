"""Edits in flow style: between brackets, where commas separate and line breaks are free."""

import re

from dashtam_tasks.migration.document.fragments import properties
from dashtam_tasks.migration.document.layout import Layout
from dashtam_tasks.migration.document.nodes import Collection, Mapping, Member, members

COMMA = re.compile(r"(?:\s|#[^\n]*)*,")


def insert(layout: Layout, node: Collection, index: int, new: str) -> str:
    """Return the text with a new member at `index`; on a line of its own where its neighbour has one."""
    parts, text = members(node), layout.text
    if not parts:
        return f"{text[: node.content + 1]}{new}{text[node.end - 1 :]}"
    near = parts[min(index, len(parts) - 1)]
    own_line = layout.starts_line(near.start) and layout.line_end(near.end) < node.end - 1
    indent = " " * layout.column(near.start)
    if index < len(parts) and own_line:
        start = layout.comments_above(node, index)
        return f"{text[:start]}{indent}{new},{layout.newline}{text[start:]}"
    if index < len(parts):
        return f"{text[: near.start]}{new}, {text[near.start :]}"
    if not own_line:
        return f"{text[: near.end]}, {new}{text[near.end :]}"
    comma = COMMA.match(text, near.end, node.end)
    end = layout.line_end(comma.end() if comma else near.end)
    first, second = ("", ",") if comma else (",", "")
    return f"{text[: near.end]}{first}{text[near.end : end]}{layout.newline}{indent}{new}{second}{text[end:]}"


def remove(layout: Layout, node: Collection, index: int) -> str:
    """Return the text without a member that is not the only one, its comma and its comment."""
    parts, text = members(node), layout.text
    member = parts[index]
    own_comma = COMMA.match(text, member.end, node.end)
    start, end = member.start, own_comma.end() if own_comma else member.end
    own_line = layout.starts_line(start) and layout.line_end(end) < node.end - 1
    if own_line and re.fullmatch(r"[ \t]*(?:#.*)?", text[end : layout.line_end(end)]):
        start, end = layout.comments_above(node, index), layout.next_line(end)
    elif index + 1 < len(parts):
        end = parts[index + 1].start
    else:
        # A comma behind the last member stays where it is.
        end = member.end
    if index + 1 < len(parts) or (own_line and own_comma):
        return text[:start] + text[end:]
    return without_comma(text, parts[index - 1].end, start) + text[end:]


def without_comma(text: str, start: int, end: int) -> str:
    """Return the text up to `end` without the comma behind `start`; comments in between stay."""
    comma = COMMA.match(text, start)
    assert comma is not None
    between = text[start : comma.end() - 1] + text[comma.end() : end]
    return text[:start] + (between if between.strip() or "\n" in between else "")


def replace(layout: Layout, member: Member, new: str, *, holder: Collection) -> str:
    """Return the text with another value for a member, whose anchor and tag stay."""
    text, old = layout.text, member.value
    kept = properties(text, old)
    value = f"{kept} {new}" if kept else new
    if old.start < old.end:
        return text[: old.start] + value + text[old.end :]
    end = max(member.lead, old.end)
    if isinstance(holder, Mapping):
        colon = "" if text[member.lead - 1] == ":" else ":"
        value = f"{colon} {value}"
    return text[: member.lead] + value + text[end:]
