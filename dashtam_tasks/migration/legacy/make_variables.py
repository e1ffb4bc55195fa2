"""The variables of a Makefile, and what a text is with their values in it.

The flavours are GNU make's (info make, "Flavors"). Neither the environment nor functions are looked at: what is not
set in the file stays, as `${NAME}`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

REFERENCE = re.compile(r"\$(?:(?P<escaped>\$)|(?P<open>[({])|(?P<single>[^\s$]))")
CLOSING = {"(": ")", "{": "}"}
# The length of a reference without parentheses, such as `$@`.
SINGLE = 2
# What make itself knows, as far as it does not depend on the machine.
BUILT_IN = {"MAKE": "make", "CURDIR": ".", "PWD": "."}


@dataclass
class Scope:
    """The variables that are set so far; their values are expanded where they are used."""

    values: dict[str, str] = field(default_factory=lambda: dict(BUILT_IN))

    def assign(self, name: str, operator: str, value: str) -> None:
        """Set a variable as one of `=`, `:=`, `?=` and `+=` does."""
        if operator == "?=" and name in self.values:
            return
        if operator == "+=" and name in self.values:
            value = f"{self.values[name]} {value}"
        elif operator.startswith(":"):
            # A dollar sign of this value is not looked at again.
            value = expanded(value, self.values, escape="$$")
        self.values[name] = value

    def expand(self, text: str, *, own: Mapping[str, str] | None = None) -> str:
        """Return `text` with the values of variables; `own` are those of a single target."""
        return expanded(text, {**self.values, **(own or {})}, escape="$")


def expanded(text: str, known: Mapping[str, str], *, escape: str) -> str:
    """Return `text` with the values of known variables; `escape` is what `$$` becomes."""
    done, position = "", 0
    while found := REFERENCE.search(text, position):
        end = closing(text, found) if found["open"] else found.end()
        done += text[position : found.start()]
        done += escape if found["escaped"] else value_of(text[found.start() : end], known, escape=escape)
        position = end
    return done + text[position:]


def value_of(reference: str, known: Mapping[str, str], *, escape: str) -> str:
    """Return what a reference stands for, or the reference where that is not known."""
    if len(reference) == SINGLE:
        name = reference[1]
    elif reference.endswith(CLOSING[reference[1]]):
        name = expanded(reference[2:-1], known, escape="$$")
    else:
        return reference
    if name in known:
        # What refers to itself would never end.
        others = {other: value for other, value in known.items() if other != name}
        return expanded(known[name], others, escape=escape)
    if len(reference) == SINGLE:
        return reference
    return f"${{{name}}}" if re.fullmatch(r"\w+", name) else f"$({name})"


def closing(text: str, opened: re.Match[str]) -> int:
    """Return where the reference that `opened` begins ends, which may hold others; the text's end for none."""
    opening, depth = opened["open"], 0
    for position in range(opened.end() - 1, len(text)):
        if text[position] == opening:
            depth += 1
        elif text[position] == CLOSING[opening]:
            depth -= 1
            if not depth:
                return position + 1
    return len(text)


def split_outside(text: str, separator: str) -> tuple[str, str, str]:
    """Return `text` before and after the first `separator` that is in no reference, as str.partition does."""
    position = 0
    while position < len(text):
        if text[position] == separator:
            return text[:position], separator, text[position + 1 :]
        opened = REFERENCE.match(text, position)
        if opened and opened["open"]:
            position = closing(text, opened)
        else:
            position += 1
    return text, "", ""
