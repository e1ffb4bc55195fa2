"""What a scalar means, and how a value is written as one.

Compose's reader decides about meaning: yaml.v3 (resolve.go) takes YAML 1.2's core schema and, for numbers,
underscores and a leading zero as well; `yes`, `on` and 22:22 are strings. Timestamps stay texts here.
"""

import re
from typing import Any, TypeAlias

import yaml

from dashtam_tasks.migration.document.composing import LOADER
from dashtam_tasks.migration.document.nodes import Scalar

Plain: TypeAlias = str | int | float | bool | None

STANDARD = "tag:yaml.org,2002:"
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
SPECIAL_FLOATS = {
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
FLOAT_NAMES = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*|0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+)")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
OCTAL = re.compile(r"([-+]?)0[oO]?([0-7]+)")
# What does not fit is a float to yaml.v3.
INTEGERS = range(-(2**63), 2**64)

# What readers of YAML 1.1 make of a plain text.
RESOLVER: Any = yaml.resolver.Resolver()
# A single-quoted text cannot show these; line breaks in it would be folded.
UNSHOWN = re.compile(r"[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def meaning(node: Scalar) -> Plain:
    """Return what a scalar means to Compose; a tag that is not YAML's own changes nothing about that."""
    tag = node.tag.removeprefix(STANDARD) if node.tag.startswith(STANDARD) else ""
    if node.tag == "!" or tag == "str" or (node.style and not tag):
        return node.text
    return resolved(node.text)


def resolved(text: str) -> Plain:
    """Return what a plain text means."""
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if text in SPECIAL_FLOATS:
        return SPECIAL_FLOATS[text]
    # Only what begins like a number is taken for one.
    bare = text.replace("_", "") if text[0] in "+-.0123456789" else ""
    if INTEGER.fullmatch(bare) and (number := integer(bare)) in INTEGERS:
        return number
    return float(bare) if FLOAT.fullmatch(bare) else text


def integer(text: str) -> int:
    """Return a whole number; octal numbers begin with 0 or 0o."""
    if found := OCTAL.fullmatch(text):
        return int(f"{found[1]}{found[2]}", 8)
    return int(text, 0)


def written(value: Plain, *, style: str = "", preferred: str = '"', flow: bool = False) -> str:
    """Return a value on one line: a text in `style` if that can hold it, in `preferred` quotes if it must.

    `flow` is for a place between brackets, where a plain text may hold less.
    """
    if isinstance(value, str):
        return text_written(value, style=style, preferred=preferred, flow=flow)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return FLOAT_NAMES.get(repr(value), repr(value))


def text_written(text: str, *, style: str, preferred: str, flow: bool) -> str:
    """Return a text as a scalar on one line."""
    quote = style if style in {"'", '"'} else preferred
    if quote != style and may_be_plain(text, flow=flow):
        return text
    if quote == "'" and not UNSHOWN.search(text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(ESCAPES.get(character) or shown(character) for character in text) + '"'


def shown(character: str) -> str:
    """Return a character between double quotes."""
    if not UNSHOWN.match(character):
        return character
    code = f"{ord(character):x}"
    sign, width = next(form for form in (("x", 2), ("u", 4), ("U", 8)) if len(code) <= form[1])
    return f"\\{sign}{code:0>{width}}"


def may_be_plain(text: str, *, flow: bool) -> bool:
    """Return whether a text needs no quotes, neither for YAML 1.2 nor for a reader of YAML 1.1.

    The parser itself is asked, so that every rule about colons, hashes and indicators is kept.
    """
    if UNSHOWN.search(text) or not text or resolved(text) != text:
        return False
    if RESOLVER.resolve(yaml.ScalarNode, text, (True, False)) != f"{STANDARD}str":
        return False
    # As a key and as a value: a key is the stricter of the two.
    around = ("[{", ": ", "}]") if flow else ("", ": ", "\n")
    try:
        events = list(yaml.parse(f"{around[0]}{text}{around[1]}{text}{around[2]}", Loader=LOADER))
    except yaml.YAMLError:
        return False
    scalars = [event for event in events if isinstance(event, yaml.ScalarEvent)]
    return (
        len(events) == (10 if flow else 8) and [(e.value, e.style or "") for e in scalars] == [(text, "")] * 2
    )
