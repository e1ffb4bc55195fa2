"""Layout: Python source as ruff's formatter would leave it, for the few forms that are written here."""

import builtins
import json
import keyword
import re
import unicodedata
from collections.abc import Iterable

WIDTH = 88
INDENT = "    "


def literal(text: str) -> str:
    """Return a text as a literal of Python, in double quotes unless single ones need fewer escapes."""
    plain = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\x7f")
    if text.count('"') <= text.count("'"):
        return plain
    body = plain[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{body}'"


def lines_literal(text: str) -> list[str]:
    """Return the literals of a text, one for each of its lines, which Python puts together."""
    return [literal(one) for one in text.splitlines(keepends=True)] or ['""']


def call(name: str, arguments: Iterable[str], *, depth: int = 1) -> str:
    """Return a call as a statement: on one line, else its arguments on one, else each on its own."""
    arguments = list(arguments)
    margin = INDENT * depth
    short = f"{margin}{name}({', '.join(arguments)})"
    inner = f"{margin}{INDENT}{', '.join(arguments)}"
    if "\n" not in short and len(short) <= WIDTH:
        return short
    if "\n" not in inner and len(inner) <= WIDTH:
        return f"{margin}{name}(\n{inner}\n{margin})"
    rows = "".join(f"{margin}{INDENT}{one},\n" for one in arguments)
    return f"{margin}{name}(\n{rows}{margin})"


def text_argument(text: str, *, depth: int = 2) -> str:
    """Return a text as an argument: on one line, or as a literal for each of its lines, each on its own."""
    whole = literal(text)
    if len(whole) + len(INDENT) * depth < WIDTH:
        return whole
    return f"\n{INDENT * depth}".join(lines_literal(text))


def docstring(text: str) -> str:
    """Return a docstring of one line, with nothing in it that would end it."""
    flat = " ".join(text.split()).replace("\\", "\\\\").replace('"""', "'''")
    ended = flat if flat[-1:] in {".", "!", "?"} else f"{flat}."
    return f'"""{ended.rstrip(chr(34)) if ended.endswith(chr(34)) else ended}"""'


def identifier(name: str, taken: Iterable[str]) -> str:
    """Return a name of Python for a name of a person's, none of those that are `taken`."""
    plain = re.sub(r"\W", "_", unicodedata.normalize("NFKC", name)) or "_"
    plain = f"_{plain}" if plain[0].isdecimal() else plain
    taken = {*taken, *dir(builtins)}
    while keyword.iskeyword(plain) or plain in taken:
        plain += "_"
    return plain
