"""The text of an env file: its assignments, where each value stands, and how a value is written.

python-dotenv decides what is an assignment. What it takes and Compose does not is malformed here.
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode

BYTE_ORDER_MARK = "\ufeff"

MALFORMED_HINT = "A line is NAME=value; a value with spaces stands between quotes."

HEAD = re.compile(r"\s*(?:export[^\S\r\n]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)[^\S\r\n]*=")
SPACES = re.compile(r"[^\S\r\n]*")
QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)

# Characters that mean themselves to Compose, to python-dotenv and to a shell, quoted or not.
PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=~-]*")
# Compose and python-dotenv disagree about these even between single quotes.
UNQUOTABLE = re.compile(r"['\\\r\n\0]")


@dataclass(frozen=True, kw_only=True)
class Binding:
    """One assignment: `value` is None where the line is malformed, `span` where its literal stands."""

    name: str
    value: str | None
    line: int
    span: tuple[int, int]


def parse(text: str) -> Iterator[Binding]:
    """Yield the assignments in `text`, in order, malformed ones included."""
    from dotenv.parser import parse_stream

    end = len(text) - len(text.removeprefix(BYTE_ORDER_MARK))
    for found in parse_stream(io.StringIO(text[end:])):
        start, end = end, end + len(found.original.string)
        if found.error or found.key is not None:
            yield located(text, start, None if found.error else found.value)


def located(text: str, start: int, value: str | None) -> Binding:
    """Return the assignment that python-dotenv found from `start` on, with its line and span.

    Lines are counted here: python-dotenv counts one too many after an error in a file with CRLF.
    """
    blank = len(text) - start - len(text[start:].lstrip())
    line = text.count("\n", 0, start + blank) + 1
    head = HEAD.match(text, start)
    if head is None or value is None:
        return Binding(name=head["name"] if head else "", value=None, line=line, span=(0, 0))
    return Binding(name=head["name"], value=value, line=line, span=literal_span(text, head.end(), value))


def literal_span(text: str, after_sign: int, value: str) -> tuple[int, int]:
    """Return where the literal of `value` starts and ends, its quotes included."""
    spaces = SPACES.match(text, after_sign)
    start = spaces.end() if spaces else after_sign
    if quoted := QUOTED.match(text, start):
        return quoted.span()
    # An empty value stands right behind the sign: the space before a comment must stay.
    return (start, start + len(value)) if value else (after_sign, after_sign)


def edited(text: str, values: Mapping[str, str], *, where: Path) -> str:
    """Return `text` with the values of names changed, each between the quotes that it had."""
    spans = {binding.name: binding.span for binding in parse(text) if binding.value is not None}
    if missing := sorted(values.keys() - spans.keys()):
        raise DashtamError(
            f"{where} does not set {', '.join(missing)}.",
            code=ExitCode.CONFIGURATION,
            hint="Add a line NAME= for each.",
        )
    for name in sorted(values, key=spans.__getitem__, reverse=True):
        start, end = spans[name]
        quote = text[start:end][:1] if text[start:end][:1] in {"'", '"'} else ""
        text = text[:start] + literal(name, values[name], quote=quote) + text[end:]
    return text


def literal(name: str, value: str, *, quote: str) -> str:
    """Return how an env file writes `value`, so that Compose and python-dotenv read the same."""
    if PLAIN.fullmatch(value):
        return f"{quote}{value}{quote}"
    if UNQUOTABLE.search(value):
        raise DashtamError(
            f"{name}: an env file cannot hold its new value.",
            code=ExitCode.DATA,
            hint="Choose one without single quotes, backslashes and line breaks.",
        )
    return f"'{value}'"


def malformation(binding: Binding) -> str:
    """Return what is wrong with a malformed line, naming it by its variable only."""
    if not binding.name:
        return "This line is not of the form NAME=value."
    return f"The value of {binding.name} is malformed: a quote is not closed, or text follows it."
