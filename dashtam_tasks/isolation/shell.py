"""The commands of a shell script, as far as telling whether it waits for ever takes.

Words and operators are those of POSIX's Shell Command Language; quotes are gone, output goes nowhere.
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Where a compound command ends, and where it began.
BLOCKS = {")": {"("}, "}": {"{"}, "done": {"for", "select", "until", "while"}, "esac": {"case"}, "fi": {"if"}}
RESERVED = {"!", "do", "elif", "else", "then", *BLOCKS}.union(*BLOCKS.values())
PUNCTUATION = ";|&()\n"

COMMENT = re.compile(r"(?<!\S)#.*")
ENDLESS_ARITHMETIC = re.compile(r"\b(?:for\s*\(\(\s*;\s*;|while\s*\(\(\s*1)\s*\)\)")
OUTPUT_REDIRECTION = re.compile(r"(?:(?<!\S)\d|&)?>>?&?\s*[^\s;|&()\"']+")
OPERATOR = re.compile(r"&&|\|\||\|&|;;|[;|&()\n]")


@dataclass(frozen=True)
class Command:
    """A simple command or a reserved word, and the operator after it: `;`, `&`, `&&`, `||` or `|`."""

    words: tuple[str, ...]
    after: str = ";"

    @property
    def name(self) -> str:
        """The first word."""
        return self.words[0]


def parse(script: str) -> list[Command]:
    """Return a script's commands one after the other, and none for what no shell would take."""
    try:
        return list(commands(tokens(script)))
    except ValueError:
        # A quote is not closed.
        return []


def tokens(script: str) -> Iterator[str]:
    """Yield a script's words and operators. Raises ValueError for a quote that is not closed."""
    text = COMMENT.sub("", script.replace("\\\n", " "))
    text = ENDLESS_ARITHMETIC.sub("while true", OUTPUT_REDIRECTION.sub("", text))
    lexer = shlex.shlex(text, posix=True, punctuation_chars=PUNCTUATION)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    for token in lexer:
        yield from OPERATOR.findall(token) if set(token) <= set(PUNCTUATION) else [token]


def commands(parts: Iterable[str]) -> Iterator[Command]:
    """Yield the commands between the operators; a reserved word or a parenthesis is one by itself."""
    words: list[str] = []
    for part in parts:
        if part in {"(", ")"} or (len(words) == 1 and words[0] in RESERVED and part not in PUNCTUATION):
            yield from ended(words, ";")
            words = [part]
        elif OPERATOR.fullmatch(part):
            yield from ended(words, part.strip("\n") or ";")
            words = []
        else:
            words.append(part)
    yield from ended(words, ";")


def ended(words: list[str], operator: str) -> Iterator[Command]:
    """Yield the command that ends here, if there is one."""
    if words:
        yield Command(tuple(words), operator)
