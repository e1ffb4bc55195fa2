"""What a Makefile says beside its targets: where only make can know what a recipe is, and what it gets.

The reader of legacy/ takes in what it can; here is what makes a recipe another one than it looks like.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dashtam_tasks.migration.legacy.make_reader import ASSIGNMENT, CONDITION, Draft, Reader, logical_lines
from dashtam_tasks.migration.legacy.make_variables import split_outside
from dashtam_tasks.migration.legacy.makefile import Makefile

INCLUDE = re.compile(r"(?:-include|sinclude|include)\s")
EXPORT = re.compile(r"export(?:\s+(?P<names>[\w \t]+))?")
OWN_EXPORT = re.compile(r"(?P<targets>[^:=#\t][^:=]*):\s*export\s+(?P<name>\w+)\s*[:?+]?=")
DEFINE = re.compile(r"(?:override\s+|export\s+)*define\s+(?P<name>\S+)")
# A value like these is for the caller to replace; any other is part of the recipe.
PLAIN_VALUE = re.compile(r"[\w./:@%+,-]*")
DEFAULT_SHELL = ("sh", "-c")


@dataclass(frozen=True, kw_only=True)
class MakefileText:
    """A Makefile's own text, with the line of each thing that a person should look at.

    `values` are its variables as they are written and `drafts` its rules; `optional` are variables that a caller
    may give, with their defaults; `doubtful` says which only make knows, and why. `conditional` are the lines
    between `ifdef` and `endif`. `own_exports` are by target.
    """

    file: str
    values: Mapping[str, str] = field(default_factory=dict)
    drafts: Mapping[str, Draft] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    doubtful: Mapping[str, str] = field(default_factory=dict)
    conditional: frozenset[int] = frozenset()
    exports: tuple[str, ...] = ()
    exports_all: int = 0
    own_exports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    includes: int = 0
    one_shell: bool = False
    prefix_line: int = 0
    shell: tuple[str, ...] = DEFAULT_SHELL

    def variables(self, target: str) -> dict[str, str]:
        """Return the variables of a target's recipe as they are written, without those that a caller may give."""
        draft = self.drafts[target]
        named = {} if "%" in target else {"@": target}
        known = {name: value for name, value in self.values.items() if name not in self.optional}
        return {**known, **named, **draft.scope}

    def doubt(self, target: str) -> str:
        """Return why only make knows what a target's recipe is, empty where it is what it looks like."""
        draft = self.drafts[target]
        if self.prefix_line:
            return f".RECIPEPREFIX is set (line {self.prefix_line}), so that recipes are not told from rules"
        if self.conditional & {draft.line, *(line for line, _ in draft.recipe)}:
            return "it depends on a condition of the Makefile"
        pending = [raw for _, raw in draft.recipe]
        seen = set[str]()
        while pending:
            text = pending.pop()
            for name in set(names_in(text)) - seen:
                seen.add(name)
                if name in self.doubtful:
                    return f"it uses {name}, {self.doubtful[name]}"
                pending.append({**self.values, **draft.scope}.get(name, ""))
        return ""


def names_in(text: str) -> Iterator[str]:
    """Yield the variables that a text of a Makefile names."""
    for found in re.finditer(r"\$(?:\$|[({](?:call\s+)?(?P<name>[\w.-]+)[^)}]*[)}])", text):
        if found["name"]:
            yield found["name"]


def read(folder: Path, makefile: Makefile) -> MakefileText:
    """Return what the text of a project's Makefile says; the survey has read it already."""
    text = (folder / makefile.file).read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
    reader = Reader()
    reader.read(text)
    lines = tuple(logical_lines(text))
    statements = tuple((number, line.strip()) for number, line in lines if not line.startswith("\t"))
    conditional = frozenset(between_conditions(lines))
    values = reader.scope.values
    return MakefileText(
        file=makefile.file,
        values=values,
        drafts=reader.drafts,
        optional=dict(optional(statements, values)),
        doubtful=dict(doubtful(statements, conditional)),
        conditional=conditional,
        exports=tuple(exports(statements)),
        exports_all=first(statements, r"export|\.EXPORT_ALL_VARIABLES\s*:.*"),
        own_exports=own_exports(statements),
        includes=next((number for number, line in statements if INCLUDE.match(line)), 0),
        one_shell=first(statements, r"\.ONESHELL\s*:.*") > 0,
        prefix_line=first(statements, r"\.RECIPEPREFIX\s*:?=.*"),
        shell=shell_of(values),
    )


def first(statements: tuple[tuple[int, str], ...], pattern: str) -> int:
    """Return the number of the first line that is such a statement, 0 for none."""
    return next((number for number, line in statements if re.fullmatch(pattern, line)), 0)


def between_conditions(lines: tuple[tuple[int, str], ...]) -> Iterator[int]:
    """Yield the numbers of the lines that only count on a condition."""
    depth = 0
    for number, line in lines:
        found = None if line.startswith("\t") else CONDITION.match(line.strip())
        if found and found["opens"]:
            depth += 1
        elif line.strip().startswith("endif"):
            depth -= 1
        elif depth > 0:
            yield number


def assignments(statements: tuple[tuple[int, str], ...]) -> Iterator[tuple[int, re.Match[str]]]:
    """Yield the statements that set a variable."""
    for number, line in statements:
        found = ASSIGNMENT.fullmatch(re.sub(r"(?<!\\)#.*", "", line).strip())
        if found and not split_outside(line.partition("=")[0].rstrip(":?+!"), ":")[1]:
            yield number, found


def optional(statements: tuple[tuple[int, str], ...], values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that are empty or set by `?=`, with a plain value: a caller is meant to give them."""
    for _, found in assignments(statements):
        name, value = found["name"], found["value"].strip()
        invites = found["operator"] == "?=" or not value
        if invites and values.get(name, "").strip() == value and PLAIN_VALUE.fullmatch(value):
            yield name, value


def doubtful(
    statements: tuple[tuple[int, str], ...], conditional: frozenset[int]
) -> Iterator[tuple[str, str]]:
    """Yield the variables whose value only make knows, each with the reason."""
    for number, line in statements:
        if found := DEFINE.match(line):
            yield found["name"], f"which line {number} defines over several lines"
    for number, found in assignments(statements):
        if number in conditional:
            yield found["name"], f"which line {number} sets on a condition"
        elif found["operator"] == "!=":
            yield found["name"], f"whose value the shell says (line {number})"


def exports(statements: tuple[tuple[int, str], ...]) -> Iterator[str]:
    """Yield the variables that every recipe gets from the Makefile."""
    for _, found in assignments(statements):
        if "export" in found["modifiers"]:
            yield found["name"]
    for _, line in statements:
        found_names = EXPORT.fullmatch(line)
        if found_names and found_names["names"]:
            yield from found_names["names"].split()


def own_exports(statements: tuple[tuple[int, str], ...]) -> dict[str, tuple[str, ...]]:
    """Return the variables that recipes of single targets get, by target."""
    found: dict[str, tuple[str, ...]] = {}
    for _, line in statements:
        if own := OWN_EXPORT.match(line):
            for target in own["targets"].split():
                found[target] = (*found.get(target, ()), own["name"])
    return found


def shell_of(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command that make runs a recipe's line with, without the line itself."""
    shell = values.get("SHELL", "").split() or DEFAULT_SHELL[:1]
    return (*shell, *(values.get(".SHELLFLAGS", "").split() or DEFAULT_SHELL[1:]))
