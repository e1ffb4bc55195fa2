"""Carrying over: a recipe as the lines of a task of this project, with new names for the files in it."""

import keyword
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from dashtam_tasks.migration.legacy.make_variables import REFERENCE, closing, expanded
from dashtam_tasks.migration.legacy.makefile import Target
from dashtam_tasks.migration.legacy.shell_lines import WRAPPERS
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile.invocation import STEM, UnfitError
from dashtam_tasks.migration.taskfile.makefile_text import MakefileText
from dashtam_tasks.migration.taskfile.rewriting import Rewriter

# `$$` of make, until the shell's own dollar sign can be told from make's.
DOLLAR = "\0"
NEEDS_SHELL = re.compile(r"[|&;<>()$`\\\"'*?\[\]#~{}!\n=%]")
# What make alone knows while it runs.
MAKES_OWN = frozenset(
    "MAKEFILE_LIST MAKECMDGOALS MAKEFLAGS MFLAGS MAKELEVEL MAKE_VERSION MAKE_COMMAND SHELL VPATH".split()
)
# A parameter called so would hide what a task calls.
RESERVED_NAMES = frozenset({"context", "run", "attempt", "namespace", "help"})
SHELL_WORDS = frozenset(
    "cd export set unset source . eval exec alias type command ulimit umask trap test [ exit".split()
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A command of a task: its words, the variables that the caller gives, whether it may fail; where it was."""

    line: int
    words: tuple[str, ...]
    variables: tuple[str, ...] = ()
    may_fail: bool = False


@dataclass(frozen=True, kw_only=True)
class Carried:
    """A recipe as a task: `parameters` by the name of make's variable, with their defaults."""

    target: Target
    name: str
    needs: tuple[tuple[str, ...], ...] = ()
    lines: tuple[Line, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, str]:
        """The parameter of each variable that a caller gives, each with a flag of its own."""
        found: dict[str, str] = {}
        for variable in self.parameters:
            plain = variable.lower().strip("_") or "value"
            usable = not keyword.iskeyword(plain) and plain not in RESERVED_NAMES
            first = plain if usable else f"{plain}_value"
            names = (first, *(f"{first}_{number}" for number in range(2, len(self.parameters) + 2)))
            found[variable] = next(one for one in names if one not in found.values())
        return found


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """Carries recipes of one Makefile over."""

    blueprint: Blueprint
    text: MakefileText
    rewriter: Rewriter

    def carry(self, target: Target) -> tuple[tuple[Line, ...], dict[str, str], dict[str, str]]:
        """Return the lines of a target's recipe, the parameters, and the variables that the Makefile exports.

        Raises UnfitError for what only make can do.
        """
        draft = self.text.drafts[target.name]
        pieces = draft.recipe
        if self.text.one_shell:
            pieces = [(draft.recipe[0][0], "\n".join(raw for _, raw in draft.recipe))]
        parameters: dict[str, str] = {}
        lines = tuple(self.line(target, number, raw, parameters) for number, raw in pieces)
        constants = self.exported(target)
        return lines, parameters, constants

    def exported(self, target: Target) -> dict[str, str]:
        """Return the variables that the recipe's commands get from the Makefile."""
        if self.text.exports_all:
            raise UnfitError(
                f"line {self.text.exports_all} of {self.text.file} gives every variable to its commands"
            )
        known = self.text.variables(target.name)
        names = (*self.text.exports, *self.text.own_exports.get(target.name, ()))
        found = {name: expanded(known[name], known, escape="$") for name in names if name in known}
        for name, value in found.items():
            if "$" in value:
                raise UnfitError(f"{name}, which its commands get, is more than a text")
        return found

    def line(self, target: Target, number: int, raw: str, parameters: dict[str, str]) -> Line:
        """Return a line of a recipe as make would hand it to a shell; note its parameters."""
        known = self.text.variables(target.name)
        text = expanded(raw, known, escape=DOLLAR)
        prefix = text[: len(text) - len(text.lstrip("@-+ \t"))]
        body = text[len(prefix) :]
        if self.text.one_shell:
            body = re.sub(r"(?m)^[@+-]+[ \t]*", "", body)
        body, variables = self.with_parameters(target, body, parameters)
        body = body.replace(DOLLAR, "$")
        rewritten = self.rewriter.rewritten(body, target, number)
        may_fail = "-" in prefix
        swallowed = re.fullmatch(r"([^|;&]*?)\s*\|\|\s*(?:true|:)\s*", rewritten)
        if swallowed:
            rewritten, may_fail = swallowed[1], True
        return Line(line=number, words=self.words(rewritten), variables=variables, may_fail=may_fail)

    def words(self, text: str) -> tuple[str, ...]:
        """Return the argument list that runs a text: its own words for a plain command, else the shell's."""
        if self.text.shell == ("sh", "-c"):
            plain = plain_words(text)
            if plain:
                return plain
        return (*self.text.shell, text)

    def with_parameters(
        self, target: Target, text: str, parameters: dict[str, str]
    ) -> tuple[str, tuple[str, ...]]:
        """Return a text in which make's unknown variables are the shell's, and their names.

        Raises UnfitError for automatic variables, functions, and variables in single quotes.
        """
        result, position, names = "", 0, list[str]()
        while found := REFERENCE.search(text, position):
            end = closing(text, found) if found["open"] else found.end()
            name = self.parameter(target, text[found.start() : end])
            if in_single_quotes(text[: found.start()]):
                raise UnfitError(f"{name} stands in single quotes, where a shell does not look")
            parameters[name] = self.text.optional.get(name, "")
            names.append(name)
            value = f"${{{name}}}"
            if target.is_pattern and text[found.start() : end] == "$@":
                value = target.name.replace("%", f"${{{STEM}}}")
            result += text[position : found.start()] + value
            position = end
        return result + text[position:], tuple(dict.fromkeys(names))

    def parameter(self, target: Target, reference: str) -> str:
        """Return the variable that a caller gives for a reference of make. Raises UnfitError for any other."""
        if target.is_pattern and reference in {"$*", "$@", "$(*)", "${*}"}:
            return STEM
        found = re.fullmatch(r"\$[({]?([A-Za-z_]\w*)[)}]?", reference)
        if found is None or found[1] in MAKES_OWN:
            raise UnfitError(f"only make knows what {shortened(reference)} is")
        if self.text.includes and found[1] not in self.text.optional:
            words = f"{found[1]} may be set in the file that line {self.text.includes} includes"
            raise UnfitError(words)
        return found[1]


def shortened(text: str) -> str:
    """Return a text for one line of a person's screen."""
    flat = " ".join(text.replace(DOLLAR, "$$").split())
    limit = 40
    return flat if len(flat) <= limit else f"{flat[:limit]}…"


def in_single_quotes(before: str) -> bool:
    """Return whether a single quote is open at the end of a text, as a shell reads it."""
    quote, position = "", 0
    while position < len(before):
        one = before[position]
        if one == "\\" and quote != "'":
            position += 1
        elif one in {"'", '"'} and quote in {"", one}:
            quote = "" if quote else one
        position += 1
    return quote == "'"


def plain_words(text: str) -> tuple[str, ...]:
    """Return the words of a command that needs no shell, nothing for one that does."""
    outside = re.sub(r"'[^']*'|\"[^\"$`\\!]*\"", "", text)
    if NEEDS_SHELL.search(re.sub(r"(?<=\S)[=%]", "", outside)):
        return ()
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        return ()
    if not words or words[0] in SHELL_WORDS | WRAPPERS or "=" in words[0]:
        return ()
    return words


def recursion(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the targets that a command has make make, None where it does something else."""
    if words[:1] != ("make",):
        return None
    rest = tuple(one for one in words[1:] if one not in {"-s", "--no-print-directory", "--silent"})
    return rest if rest and all(re.fullmatch(r"[\w.-]+", one) and one[0] != "-" for one in rest) else None
