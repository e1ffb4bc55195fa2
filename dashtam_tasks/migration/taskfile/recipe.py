"""Recipes: a target's commands one by one, with what make and the shell do around them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dashtam_tasks.isolation import shell
from dashtam_tasks.migration.legacy.makefile import RecipeLine, Target
from dashtam_tasks.migration.legacy.shell_lines import ShellVariables, Simple, commands
from dashtam_tasks.migration.legacy.usage import Use, arguments_of_compose
from dashtam_tasks.migration.taskfile.invocation import UnfitError

# What a shell says to nobody.
SILENCED = re.compile(r"(?:&|[12])?>{1,2}\s*(?:/dev/null\b|&[12])")
QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"")
LEADS_ON = re.compile(r"[|<>]")
PRINTS = frozenset({"echo", "printf", "true", ":", "tput", "clear"})
WAITS = frozenset({"sleep"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """A simple command of a recipe, and what it calls of Compose; `may_fail` says that nobody minds."""

    line: int
    words: tuple[str, ...]
    use: Use | None = None
    may_fail: bool = False

    @property
    def only_says(self) -> bool:
        """Whether it only prints or waits."""
        return self.words[0] in PRINTS | WAITS


def steps(target: Target, uses: tuple[Use, ...]) -> Iterator[Step]:
    """Yield the simple commands of a target's recipe, in order; `uses` are those of its file.

    Raises UnfitError for a line that does more than one command after the other.
    """
    for one in target.recipe:
        yield from steps_of(one, [use for use in uses if (use.owner, use.line) == (target.name, one.line)])


def steps_of(line: RecipeLine, uses: list[Use]) -> Iterator[Step]:
    """Yield the simple commands of one line."""
    text = ShellVariables().expand(line.command)
    found = [one for one in commands(text) if one.words]
    parsed = shell.parse(text)
    if found and all(one.words[0] in PRINTS for one in found) and not LEADS_ON.search(plain(text)):
        return
    refuse_more(text, found, parsed)
    position = 0
    may_fail = "-" in line.expanded[: len(line.expanded) - len(line.expanded.lstrip("@-+ \t"))]
    while position < len(found):
        swallowed = parsed[position].after == "||"
        words = found[position].words
        use = uses.pop(0) if is_compose(words) and uses else None
        yield Step(line=line.line, words=words, use=use, may_fail=may_fail or swallowed)
        position += 2 if swallowed else 1


def plain(text: str) -> str:
    """Return a text without what is quoted, and without output that nobody is to see."""
    return QUOTED.sub("", SILENCED.sub("", text))


def is_compose(words: tuple[str, ...]) -> bool:
    """Return whether words call Compose."""
    return bool(arguments_of_compose(words))


def refuse_more(text: str, found: list[Simple], parsed: list[shell.Command]) -> None:
    """Raise UnfitError for a line that redirects, pipes, decides or substitutes."""
    if re.search("[<>]", plain(text)):
        raise UnfitError("it redirects")
    if "`" in text or "$(" in text:
        raise UnfitError("it takes what another command prints")
    if not found or len(found) != len(parsed) or any(one.variables for one in found):
        raise UnfitError("it is more than one command after the other")
    for one, after in zip(parsed, [*parsed[1:], None], strict=True):
        swallowed = one.after == "||" and after is not None and after.words in {("true",), (":",)}
        if one.name in shell.RESERVED or (one.after not in {";", "&&"} and not swallowed):
            raise UnfitError("it is more than one command after the other")


def only_prints(target: Target) -> bool:
    """Return whether a recipe only shows text, be it the Makefile's own."""
    readers = PRINTS | set("grep egrep awk sed sort expand column cut cat fmt".split())
    found = [one for line in target.recipe for one in commands(ShellVariables().expand(line.command))]
    return bool(found) and all(one.words and one.words[0] in readers for one in found)


def lists_targets(target: Target) -> bool:
    """Return whether a recipe shows what there is to make."""
    text = "\n".join(line.expanded for line in target.recipe)
    own = re.search(r"MAKEFILE_LIST|\b(?:GNUm|M|m)akefile\b", text)
    named = re.search(r"\bmake [a-z]", text)
    return only_prints(target) and bool(own or named)
