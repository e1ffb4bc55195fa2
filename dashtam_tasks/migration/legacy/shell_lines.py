"""The lines of a shell script, and the commands in them, as far as telling who is called with what.

A few variables are followed, those that a script sets to a fixed text: `COMPOSE="docker compose -f a"`.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath

from dashtam_tasks.isolation import shell

ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
SETTING = re.compile(
    r"\s*(?:export\s+|readonly\s+|declare\s+-\w+\s+|local\s+)?(?P<name>[A-Za-z_]\w*)=(?P<value>.*)"
)
REFERENCE = re.compile(
    r"\$(?:(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:\[@\]|:?-(?P<default>[^{}$]*))?\})"
)
QUOTED_ARRAY = re.compile(r'"(\$\{\w+\[@\]\})"')

# These run the command that follows their own options.
WRAPPERS = frozenset("sudo exec time env nohup command eval timeout nice doas".split())
OPTION_OR_TIME = re.compile(r"-.*|\d+[smh]?")
SHELLS = frozenset("sh bash dash zsh ash".split())
# A quote that is open for longer than this was no quote.
MAX_LINES = 20


@dataclass(frozen=True, kw_only=True)
class Simple:
    """A simple command: the variables that are set for it alone, and its words."""

    variables: dict[str, str]
    words: tuple[str, ...]


@dataclass
class ShellVariables:
    """The variables that a script has set so far to a text of its own."""

    values: dict[str, str] = field(default_factory=dict)

    def note(self, line: str) -> None:
        """Remember what a line sets, if that is all it does."""
        found = SETTING.fullmatch(line)
        if found:
            value = self.expand(found["value"].strip())
            words = split(value.strip("()")) if value.startswith("(") else split(value)
            if len(words) == 1 or value.startswith("("):
                self.values[found["name"]] = " ".join(words)

    def expand(self, text: str) -> str:
        """Return `text` with the variables that are known, and with the defaults of those that are not."""
        return REFERENCE.sub(self.value, QUOTED_ARRAY.sub(r"\1", text))

    def value(self, found: re.Match[str]) -> str:
        """Return what a reference stands for, or the reference."""
        return self.values.get(found["plain"] or found["name"], found["default"] or found[0])


def split(text: str) -> list[str]:
    """Return the words of a text, the text itself where a quote is not closed."""
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return [text]


def logical_lines(text: str, *, first: int = 1, quotes: bool = True) -> Iterator[tuple[int, str]]:
    """Yield each line with its number; those that a backslash or an open quote continues are one."""
    pending: list[str] = []
    start = first
    for number, line in enumerate(text.split("\n"), first):
        start = start if pending else number
        if line.endswith("\\"):
            pending.append(f"{line[:-1]} ")
            continue
        pending.append(line)
        whole = "".join(pending)
        if quotes and is_open(whole) and len(pending) < MAX_LINES:
            pending[-1] += "\n"
            continue
        pending = []
        yield start, whole
    if pending:
        yield start, "".join(pending)


def is_open(text: str) -> bool:
    """Return whether a quote is still open at the end."""
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return False


def commands(text: str) -> Iterator[Simple]:
    """Yield the simple commands of a text, those that `sh -c` gets included, without what only wraps them."""
    for command in shell.parse(text):
        simple = unwrapped(command.words)
        script = script_argument(simple.words)
        if script is None:
            yield simple
        else:
            yield from commands(script)


def unwrapped(words: tuple[str, ...]) -> Simple:
    """Return the command that words run, and the variables in front of it."""
    variables: dict[str, str] = {}
    rest = list(words)
    wrapped = False
    while rest:
        found = ASSIGNMENT.fullmatch(rest[0])
        if found:
            variables[found["name"]] = found["value"]
        elif rest[0] in WRAPPERS or rest[0] == "export":
            wrapped = True
        elif not (wrapped and OPTION_OR_TIME.fullmatch(rest[0])):
            break
        rest.pop(0)
    return Simple(variables=variables, words=tuple(rest))


def script_argument(words: tuple[str, ...]) -> str | None:
    """Return the script that a shell gets as its argument, None for any other command."""
    if not words or PurePosixPath(words[0]).name not in SHELLS:
        return None
    for option, script in pairwise(words[1:]):
        if re.fullmatch(r"-\w*c\w*", option):
            return script
    return None
