"""How a text is laid out: its lines and columns, and the habits that new text follows."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from dashtam_tasks.migration.document.nodes import (
    Collection,
    Mapping,
    Member,
    Node,
    Scalar,
    Sequence,
    first_of,
    is_block,
    members,
    walk,
)

BLANK_LINE_BEFORE = re.compile(r"\n[ \t]*\r?\n\Z")
DOCUMENT_START = ("---", "%")


def indent_of(line: str) -> int:
    """Return how many spaces a line begins with."""
    return len(line) - len(line.lstrip(" "))


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How deep nested mappings and sequences are indented here, which quotes are usual, and what pads { }.

    `finished` tells that the last line of the text has a line break, without which a block of text cannot end it.
    """

    mapping: int
    sequence: int
    quote: str
    padding: str
    finished: bool


class Layout:
    """The text of a document with its nodes; positions are indices into the text."""

    def __init__(self, text: str, root: Mapping) -> None:
        self.text = text
        self.root = root

    @cached_property
    def newline(self) -> str:
        """What ends a line: what ends the first one."""
        return "\r\n" if self.text.partition("\n")[0].endswith("\r") else "\n"

    def line_start(self, position: int) -> int:
        """Return where the line of a position starts."""
        return self.text.rfind("\n", 0, position) + 1

    def line_end(self, position: int) -> int:
        """Return where the line of a position ends, before its line break."""
        following = self.text.find("\n", position)
        end = len(self.text) if following < 0 else following
        return end - 1 if self.text[max(end - 1, 0) : end + 1] == "\r\n" else end

    def next_line(self, position: int) -> int:
        """Return where the line after that of a position starts, or where the text ends."""
        following = self.text.find("\n", position)
        return len(self.text) if following < 0 else following + 1

    def column(self, position: int) -> int:
        """Return how many characters stand before a position on its line."""
        return position - self.line_start(position)

    def line_at(self, position: int) -> str:
        """Return the line of a position, without its line break."""
        return self.text[self.line_start(position) : self.line_end(position)]

    def starts_line(self, position: int) -> bool:
        """Return whether only white space stands before a position on its line."""
        return not self.text[self.line_start(position) : position].strip()

    def apart(self, node: Collection, index: int) -> bool:
        """Return whether a blank line stands directly above a member and the comments that belong to it."""
        return BLANK_LINE_BEFORE.search(self.text[: self.comments_above(node, index)]) is not None

    def comments_above(self, node: Collection, index: int) -> int:
        """Return where the comment lines start that belong to a member, or its own line where there are none.

        They stand directly above it, in its column. A comment at the beginning of a document is about all of it.
        """
        member, column = members(node)[index], self.column(members(node)[index].start)
        floor = members(node)[index - 1].end if index else 0
        start = own = self.line_start(member.start)
        while start > floor:
            above, line = self.line_start(start - 1), self.line_at(start - 1)
            if above < floor or indent_of(line) != column or not line.lstrip(" ").startswith("#"):
                break
            start = above
        heads = not start or self.line_at(start - 1).startswith(DOCUMENT_START)
        return own if node is self.root and not index and heads else start

    def past(self, member: Member) -> int:
        """Return where the next line begins after a member and the comments that are indented deeper than it."""
        column = self.column(member.start)
        end = position = self.next_line(member.end)
        while position < len(self.text):
            line = self.line_at(position)
            if line.strip() and not (indent_of(line) > column and line.lstrip(" ").startswith("#")):
                break
            position = self.next_line(position)
            end = position if line.strip() else end
        return end

    def habits(self, position: int) -> Habits:
        """Return the habits nearest to a position."""
        offsets = sorted(self.offsets, key=lambda found: abs(found[0] - position))
        mapping = next((offset for _, kind, offset in offsets if kind is Mapping), 2)
        sequence = next((offset for _, kind, offset in offsets if kind is Sequence), mapping)
        return Habits(
            mapping=mapping,
            sequence=sequence,
            quote=self.quote,
            padding=self.padding,
            finished=self.text.endswith("\n"),
        )

    @cached_property
    def offsets(self) -> list[tuple[int, type[Node], int]]:
        """Where block collections under a key start, their kind, and how much deeper than the key they are."""
        return list(self.found_offsets())

    def found_offsets(self) -> Iterator[tuple[int, type[Node], int]]:
        """Yield the offsets in the order of the text."""
        for node in walk(self.root):
            if isinstance(node, Mapping) and is_block(node):
                column = self.column(node.content)
                for entry in node.entries:
                    if is_block(entry.value):
                        start = first_of(entry.value)
                        yield start, type(entry.value), self.column(start) - column

    @cached_property
    def quote(self) -> str:
        """The quotes that most texts here stand in; double quotes, which hold any text, where there are none."""
        styles = Counter(node.style for node in walk(self.root) if isinstance(node, Scalar))
        return "'" if styles["'"] > styles['"'] else '"'

    @cached_property
    def padding(self) -> str:
        """What stands behind most opening braces: a space, unless it is nothing."""
        flows = (node for node in walk(self.root) if isinstance(node, Mapping) and node.flow and node.entries)
        padded = Counter(self.text[node.content + 1].isspace() for node in flows)
        return "" if padded[False] > padded[True] else " "
