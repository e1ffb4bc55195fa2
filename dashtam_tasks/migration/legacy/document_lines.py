"""The code in what people read: documents, and the comments of Compose files."""

import re
from collections.abc import Iterator

from dashtam_tasks.migration.legacy.line import Line, Source
from dashtam_tasks.migration.legacy.shell_lines import logical_lines
from dashtam_tasks.migration.legacy.tree import Tree

CODE_FENCE = re.compile(r"\s*(?:```+|~~~+)\s*\{?\.?(?P<language>[\w-]*)")
SHELL_LANGUAGES = frozenset(
    " bash console fish sh shell shell-session shellsession terminal text zsh".split(" ")
)
CODE_SPAN = re.compile(r"(`+)(?P<code>.+?)\1")
PROMPTED = re.compile(r"^(?:\s{2,}|\s*[$%]\s+)(?P<code>\S.*)")
PROMPT = re.compile(r"^\s*[$%>#]\s+")
COMPOSE_COMMENT = re.compile(r"^\s*#.*?(?P<code>\bdocker[- ]compose\s.*)")


def document_lines(tree: Tree, name: str) -> Iterator[Line]:
    """Yield the code in a document: in fences, between backticks, and behind a prompt."""
    fence: str | None = None
    for number, line in logical_lines(tree.text(name), quotes=False):
        found = CODE_FENCE.match(line)
        if found:
            fence = found["language"].lower() if fence is None else None
            continue
        if fence is not None:
            codes = [PROMPT.sub("", line, count=1)] if fence in SHELL_LANGUAGES else []
        else:
            spans = [one["code"] for one in CODE_SPAN.finditer(line)]
            codes = spans or [one["code"] for one in PROMPTED.finditer(line)]
        for code in codes:
            yield Line(file=name, line=number, text=code, source=Source.DOCUMENT)


def comment_lines(tree: Tree, name: str) -> Iterator[Line]:
    """Yield the command lines in the comments of a Compose file."""
    for number, line in enumerate(tree.lines(name), 1):
        if found := COMPOSE_COMMENT.match(line):
            yield Line(file=name, line=number, text=found["code"], source=Source.COMMENT)
