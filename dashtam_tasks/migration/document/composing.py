"""Compose the nodes of a YAML text.

libyaml parses: yaml.v3, which Compose reads with, is a port of it, so both take and refuse the same texts. Its
scanner is also some twenty times faster than one in Python, and every edit composes anew.
"""

import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeAlias

import yaml

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.document.nodes import (
    Alias,
    Entry,
    Item,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Target,
    followed,
)

# The stubs of PyYAML leave open whether an event has marks; those of a parser do.
Event: TypeAlias = Any

# Without the C extension the scanner in Python does, as exactly.
LOADER: type[yaml.SafeLoader] | type[yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

COMMENT = re.compile(r"#[^\n]*")
BLANK = re.compile(r"(?:\s|#[^\n]*)*")
PROPERTY = re.compile(r"(?:&[^\s,\[\]{}]+|!<[^>]*>|![^\s,\[\]{}]*)")
# Blank lines behind a block scalar are kept apart from it, whatever its chomping makes of them.
TRAILING_BLANK = re.compile(r"(?:\r?\n[ \t]*)+\Z")
KEEPING = re.compile(r"[|>][0-9]?\+")
INDENTING_TAB = re.compile(r"\s*\t")


class Composer:
    """Composes one text; `where` is its name in errors."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where
        self.anchors: dict[str, Target | None] = {}
        self.events: Iterator[Event] = iter(())

    def root(self) -> Mapping:
        """Return the mapping at the top.

        Raises DashtamError (DATA), naming file and line, for broken YAML, a duplicate key, a second document,
        and what Compose does not take: complex or empty keys, a merge of anything but mappings.
        """
        try:
            self.events = iter(list(yaml.parse(self.text, Loader=LOADER)))
        except yaml.YAMLError as error:
            self.refuse_syntax(error)
        documents = list(self.documents())
        if len(documents) > 1:
            self.refuse(documents[1].line, "a second document starts here, and a Compose file is to hold one")
        if not documents or not isinstance(documents[0], Mapping):
            self.refuse(documents[0].line if documents else 1, "a mapping is expected at the top")
        return documents[0]

    def documents(self) -> Iterator[Node]:
        """Yield the root of every document."""
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors = {}
                yield self.node(next(self.events))

    def node(self, event: Event) -> Node:
        """Return the node that starts with `event`, and take all of its events."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, line)
        if event.anchor:
            self.anchors[event.anchor] = None
        node = self.target(event, line)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def alias(self, event: Event, line: int) -> Alias:
        """Return a reference to the node that was last anchored by its name."""
        target = self.anchors.get(event.anchor)
        if target is None:
            self.refuse(line, f"*{event.anchor} stands for no node that is complete at this place")
        start, end = event.start_mark.index, event.end_mark.index
        return Alias(start=start, content=start, end=end, line=line, target=target)

    def target(self, event: Event, line: int) -> Target:
        """Return a node that is written here."""
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, line)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(event, line)
        return self.sequence(event, line)

    def scalar(self, event: Event, line: int) -> Scalar:
        """Return a scalar."""
        start, end = event.start_mark.index, event.end_mark.index
        style = event.style or ""
        if style in {"|", ">"}:
            end = start + len(TRAILING_BLANK.sub("", self.text[start:end]))
        elif start == end:
            # An empty scalar is placed at the next token.
            start = end = len(self.text[:end].rstrip())
        content = min(self.past_properties(event, start), end)
        return Scalar(
            start=start,
            content=content,
            end=end,
            line=line,
            anchor=event.anchor or "",
            tag=event.tag or "",
            text=event.value,
            style=style,
            keeps=style in {"|", ">"} and KEEPING.match(self.text, content) is not None,
        )

    def mapping(self, event: Event, line: int) -> Mapping:
        """Return a mapping whose keys are different scalars."""
        start, entries = event.start_mark.index, []
        lines: dict[str, int] = {}
        behind = self.past_properties(event, start)
        while not isinstance(key_event := next(self.events), yaml.MappingEndEvent):
            key = self.key(key_event, self.text[behind : key_event.start_mark.index])
            if key.text in lines:
                self.refuse(
                    key.line, f"the key {key.text!r} is a duplicate of the one on line {lines[key.text]}"
                )
            lines[key.text] = key.line
            value = self.node(next(self.events))
            entry = Entry(key=key, value=value, lead=self.past_colon(key))
            entries.append(entry)
            behind = max(entry.lead, value.end)
            if entry.is_merge:
                self.check_merge(value)
        flow = bool(event.flow_style)
        return Mapping(
            start=start,
            content=self.past_properties(event, start) if flow else entries[0].key.start,
            end=end_of(key_event) if flow else behind,
            line=line,
            anchor=event.anchor or "",
            tag=event.tag or "",
            entries=tuple(entries),
            flow=flow,
        )

    def sequence(self, event: Event, line: int) -> Sequence:
        """Return a sequence."""
        start, items, flow = event.start_mark.index, [], bool(event.flow_style)
        content = behind = self.past_properties(event, start)
        while not isinstance(item_event := next(self.events), yaml.SequenceEndEvent):
            value = self.node(item_event)
            dash = value.start if flow else self.past_blank(behind)
            item = Item(value=value, start=dash, lead=dash if flow else dash + 1)
            items.append(item)
            behind = max(item.lead, value.end)
        return Sequence(
            start=start,
            content=content,
            end=end_of(item_event) if flow else behind,
            line=line,
            anchor=event.anchor or "",
            tag=event.tag or "",
            items=tuple(items),
            flow=flow,
        )

    def key(self, event: Event, before: str) -> Scalar:
        """Return a key; `before` is the text between it and what comes before it in its mapping."""
        node = self.node(event)
        explicit = "?" in before and "?" in COMMENT.sub("", before)
        if not isinstance(node, Scalar) or explicit or node.start == node.end:
            self.refuse(
                node.line, "a key is to be a simple text: neither empty, nor an alias, nor behind `?`"
            )
        return node

    def check_merge(self, value: Node) -> None:
        """Refuse a merge of anything but mappings, as yaml.v3 does."""
        source = followed(value)
        nodes = [item.value for item in source.items] if isinstance(source, Sequence) else [source]
        if not all(isinstance(followed(node), Mapping) for node in nodes):
            self.refuse(value.line, "<< merges a mapping, or a list of mappings")

    def past_properties(self, event: Event, start: int) -> int:
        """Return where the content of a node begins behind its anchor and its tag."""
        tag = getattr(event, "tag", None)
        for _ in range(bool(event.anchor) + bool(tag)):
            if found := PROPERTY.match(self.text, start):
                start = self.past_blank(found.end())
        return start

    def past_blank(self, start: int) -> int:
        """Return where the next token begins."""
        found = BLANK.match(self.text, start)
        return found.end() if found else start

    def past_colon(self, key: Scalar) -> int:
        """Return what follows the colon behind a key, or the key where there is none."""
        colon = self.past_blank(key.end)
        return colon + 1 if self.text[colon : colon + 1] == ":" else key.end

    def refuse_syntax(self, error: yaml.YAMLError) -> NoReturn:
        """Raise an error that says what libyaml does not understand."""
        if found := yaml.reader.Reader.NON_PRINTABLE.search(self.text):
            line = self.text.count("\n", 0, found.start()) + 1
            self.refuse(line, f"the character U+{ord(found[0]):04X} may not stand in YAML")
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = mark.line + 1 if mark else 1
        lines = self.text.split("\n")
        if line <= len(lines) and INDENTING_TAB.match(lines[line - 1]):
            self.refuse(line, "a tab indents this line, and YAML takes spaces only")
        context, begun = getattr(error, "context", None), getattr(error, "context_mark", None)
        if context and begun and begun.line + 1 != line:
            context = f"{context} from line {begun.line + 1} on"
        self.refuse(line, ", ".join(filter(None, (context, getattr(error, "problem", None)))) or str(error))

    def refuse(self, line: int, reason: str) -> NoReturn:
        """Raise an error about a line."""
        raise DashtamError(
            f"{self.where}:{line}: {reason}.",
            code=ExitCode.DATA,
            hint="Correct the file; `docker compose config` reads it as well.",
        )


def end_of(event: Event) -> int:
    """Return where what an event stands for ends."""
    end: int = event.end_mark.index
    return end
