"""Edits in block style: whole lines come and go, and comments with the lines that they belong to."""

import re

from dashtam_tasks.migration.document.fragments import Fragment, indented, properties
from dashtam_tasks.migration.document.layout import Layout
from dashtam_tasks.migration.document.nodes import (
    Collection,
    Member,
    Node,
    Scalar,
    is_block,
    members,
    walk,
)

HEADER_COMMENT = re.compile(r"[^\n]*?([ \t]+#[^\r\n]*)")
CHOMPING = re.compile(r"(?<=[|>])([0-9]?)[-+]?([0-9]?)")
BLANK_LINES_BELOW = re.compile(r"(?:[ \t]*\r?\n)+")
BLANK_LINES_ABOVE = re.compile(r"(?<=\n)(?:[ \t]*\r?\n)+\Z")


def insert(layout: Layout, node: Collection, index: int, lines: list[str]) -> str:
    """Return the text with a new member, as `lines` without indentation, at `index` of a collection.

    It is set apart by a blank line where its neighbours are.
    """
    parts = members(node)
    lines = indented(lines, layout.column(parts[0].start))
    if index == len(parts):
        return with_lines(layout, layout.past(parts[-1]), ["", *lines] if ends_apart(layout, node) else lines)
    if not layout.starts_line(parts[index].start):
        return before_compact(layout, parts[index].start, lines)
    apart = len(parts) > 1 and layout.apart(node, max(index, 1))
    return with_lines(layout, layout.comments_above(node, index), [*lines, ""] if apart else lines)


def ends_apart(layout: Layout, node: Collection) -> bool:
    """Return whether what comes to the end of a collection is to be set apart.

    It is where the last member is, and where all of the document is in one section.
    """
    parts = members(node)
    if keeps_blank_lines(parts[-1].value):
        return False
    if len(parts) > 1:
        return layout.apart(node, len(parts) - 1)
    return node is layout.root and "\n" in layout.text[parts[0].start : parts[0].end]


def with_lines(layout: Layout, position: int, lines: list[str]) -> str:
    """Return the text with whole lines inserted where a line starts, or behind an unfinished last one."""
    before, after, newline = layout.text[:position], layout.text[position:], layout.newline
    if before and not before.endswith("\n"):
        return chomped(layout) + newline + newline.join(lines)
    return before + newline.join([*lines, ""]) + after


def chomped(layout: Layout) -> str:
    """Return a text without a last line break so that one may follow: a block scalar at its end does not get it."""
    last, text = last_block_scalar(layout.root), layout.text
    if last is None or last.end < len(text) or last.text.endswith("\n"):
        return text
    return text[: last.content] + CHOMPING.sub(r"\1\2-", text[last.content :], count=1)


def before_compact(layout: Layout, start: int, lines: list[str]) -> str:
    """Return the text with indented lines before a member that stands on the line of its collection's dash."""
    width = layout.column(start)
    return layout.text[:start] + layout.newline.join([*lines, " " * width])[width:] + layout.text[start:]


def remove(layout: Layout, node: Collection, index: int) -> str:
    """Return the text without a member that is not the only one, and without what belongs to it.

    That are the comment lines directly above it, the comments behind and below it that are indented deeper, and
    a blank line where two would be left or the collection ends.
    """
    parts, text = members(node), layout.text
    end = layout.past(parts[index])
    if not layout.starts_line(parts[index].start):
        return without_compact(layout, parts[index], parts[index + 1], end)
    start = layout.comments_above(node, index)
    above, below = BLANK_LINES_ABOVE.search(text, 0, start), BLANK_LINES_BELOW.match(text, end)
    if not index or keeps_blank_lines(parts[index - 1].value):
        end = below.end() if below else end
    elif above and (below or index == len(parts) - 1):
        start = above.start()
    return spliced(layout, start, end, parts[index - 1].value)


def keeps_blank_lines(node: Node) -> bool:
    """Return whether a node ends in a block scalar to which the blank lines behind it belong."""
    last = last_block_scalar(node)
    return last is not None and last.keeps


def spliced(layout: Layout, start: int, end: int, previous: Node) -> str:
    """Return the text without some lines; a last line that was unfinished stays so, behind `previous`."""
    before, after = layout.text[:start], layout.text[end:]
    last = last_block_scalar(previous)
    if after or layout.text.endswith("\n") or (last and last.text.endswith("\n")):
        return before + after
    return before.removesuffix("\n").removesuffix("\r")


def last_block_scalar(node: Node) -> Scalar | None:
    """Return the block scalar that is the last thing in a node, None where something else is."""
    last = list(walk(node))[-1]
    return last if isinstance(last, Scalar) and last.style in {"|", ">"} else None


def without_compact(layout: Layout, member: Member, following: Member, end: int) -> str:
    """Return the text without a first member that stands on the line of its collection's dash."""
    text = layout.text
    if not text[end : following.start].strip():
        return text[: member.start] + text[following.start :]
    return text[: member.start].rstrip(" ") + layout.newline + text[end:]


def replace(layout: Layout, member: Member, new: Fragment, *, deeper: int) -> str:
    """Return the text with another value for a member, whose anchor and tag stay.

    `deeper` is how many columns the value's own lines are to the right of the key or the dash. The comment at
    the end of the line stays, too.
    """
    text, old, lead = layout.text, member.value, member.lead
    kept = new.properties or properties(text, old)
    if fits_in_place(old, new):
        between = text[old.start : old.content]
        before = between if between.split() == kept.split() else f"{kept} ".lstrip()
        return text[: old.start] + before + new.lines[0] + text[old.end :]
    comment, stop = surroundings(layout, member)
    behind_dash = text[member.start : lead] == "-" and not kept
    lines = new.lines if behind_dash or not new.kind else ("", *new.lines)
    words = " ".join(filter(None, (kept, lines[0])))
    head = (gap_before(text, member) if words else "") + words + comment
    rest = indented(lines[1:], layout.column(member.start) + deeper)
    return text[:lead] + layout.newline.join([head, *rest]) + text[stop:]


def gap_before(text: str, member: Member) -> str:
    """Return the spaces between a colon or a dash and the value on its line, one where there is no value."""
    gap = text[member.lead : member.value.start]
    return gap if gap and not gap.strip(" ") else " "


def fits_in_place(old: Node, new: Fragment) -> bool:
    """Return whether one line takes the place of what ends where its last line does."""
    literal = isinstance(old, Scalar) and old.style in {"|", ">"}
    return not (new.kind or len(new.lines) > 1 or not new.lines[0] or is_block(old) or literal) and (
        old.content < old.end
    )


def surroundings(layout: Layout, member: Member) -> tuple[str, int]:
    """Return the comment that stays with a member's line, white space in front, and where its value ends."""
    text, old, line_end = layout.text, member.value, layout.line_end(member.lead)
    if is_block(old):
        later = old.content > line_end
        comment = comment_in(text[member.lead : line_end]) if later else ""
        return comment, ended(layout, layout.past(member))
    if isinstance(old, Scalar) and old.style in {"|", ">"}:
        found = HEADER_COMMENT.match(text, old.content, layout.line_end(old.content))
        return found[1] if found else "", old.end
    end = layout.line_end(old.end)
    return comment_in(text[max(member.lead, old.end) : end]), end


def comment_in(text: str) -> str:
    """Return the comment at the end of a line that holds no value, with the white space in front of it."""
    found = re.search(r"[ \t]+#.*", text)
    return found[0].rstrip() if found else ""


def ended(layout: Layout, next_line: int) -> int:
    """Return where the line before the start of another ends, before its line break."""
    if next_line and layout.text[next_line - 1] == "\n":
        return layout.line_end(next_line - 1)
    return next_line
