"""Read a Makefile. The syntax is GNU make's (info make, "Writing Makefiles")."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from dashtam_tasks.migration.legacy.make_variables import Scope, split_outside
from dashtam_tasks.migration.legacy.makefile import Makefile, RecipeLine, Target, Unread, Variable

ASSIGNMENT = re.compile(
    r"(?P<modifiers>(?:(?:export|override|private)\s+)*)(?P<name>[^\s:#=!?+]+)\s*"
    r"(?P<operator>:{1,3}=|[?+!]?=)[ \t]*(?P<value>.*)",
    re.DOTALL,
)
CONDITION = re.compile(r"(?:(?P<opens>ifn?eq|ifn?def)|else|endif)\b")
INCLUDE = re.compile(r"(?:-include|sinclude|include)\s")
FUNCTION = re.compile(r"\$[({](?P<name>[a-z][a-z-]*)[ \t]")
EXPORT = re.compile(r"(?:un)?export\b")
COMMENT = re.compile(r"(?<!\\)#.*", re.DOTALL)
HELP = re.compile(r"##[ \t]*(?P<text>.*)")


@dataclass
class Draft:
    """A target while its Makefile is read; recipes are expanded at the end, as make does."""

    line: int
    prerequisites: list[str] = field(default_factory=list)
    recipe: list[tuple[int, str]] = field(default_factory=list)
    help: str = ""
    scope: dict[str, str] = field(default_factory=dict)


@dataclass
class Reader:
    """Reads a Makefile line by line."""

    scope: Scope = field(default_factory=Scope)
    drafts: dict[str, Draft] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    phony: set[str] = field(default_factory=set)
    unread: list[Unread] = field(default_factory=list)
    current: tuple[str, ...] = ()
    heading: str = ""

    def read(self, text: str) -> None:
        """Take in the whole text."""
        lines = logical_lines(text)
        for number, line in lines:
            if line.startswith("\t") and self.current:
                self.recipe_line(number, line[1:])
            elif line.split()[:1] == ["define"]:
                self.leave(number, line, "a definition of several lines")
                skip_definition(lines)
            else:
                self.statement(number, line)

    def recipe_line(self, number: int, line: str) -> None:
        """Take in a command; a comment in a recipe goes to the shell, and says nothing to us."""
        if line.strip():
            for name in self.current:
                self.drafts[name].recipe.append((number, line.strip()))

    def statement(self, number: int, line: str) -> None:
        """Take in what is no recipe."""
        content = COMMENT.sub("", line).strip()
        note = HELP.search(line)
        if not content:
            self.heading = note["text"].strip() if note else ""
            return
        help_text, self.heading = note["text"].strip() if note else self.heading, ""
        assignment = ASSIGNMENT.fullmatch(content)
        if condition := CONDITION.match(content):
            if condition["opens"]:
                self.leave(number, content, "a condition; what stands in each branch is read")
        elif INCLUDE.match(content):
            self.leave(number, content, "another file is included")
        elif assignment:
            self.current = ()
            self.assign(number, assignment)
        elif not EXPORT.match(content):
            self.rule(number, content, help_text)

    def assign(self, number: int, found: re.Match[str]) -> None:
        """Take in a variable."""
        if found["operator"] == "!=":
            self.leave(number, found[0], "the shell says its value")
            return
        self.note_functions(number, found["value"])
        self.scope.assign(found["name"], found["operator"], found["value"])
        self.variables[found["name"]] = Variable(
            name=found["name"],
            line=number,
            value=self.scope.expand(f"$({found['name']})"),
            exported="export" in found["modifiers"],
        )

    def rule(self, number: int, content: str, help_text: str) -> None:
        """Take in targets with their prerequisites, and the command behind a semicolon."""
        head, colon, rest = split_outside(content, ":")
        if not colon:
            self.leave(number, content, "only make can know what it does")
            return
        names = tuple(self.scope.expand(head.rstrip("&")).split())
        rest = rest.lstrip(":")
        if own := ASSIGNMENT.fullmatch(rest.strip()):
            for name in names:
                self.draft(name, number).scope[own["name"]] = own["value"]
            return
        needs, _, command = split_outside(rest, ";")
        # Behind a static pattern's second colon stands what its targets need.
        needs = self.scope.expand(split_outside(needs, ":")[2] or needs).replace("|", " ")
        self.current = names
        if names == (".PHONY",):
            self.phony.update(needs.split())
            return
        for name in names:
            draft = self.draft(name, number)
            draft.prerequisites += [one for one in needs.split() if one not in draft.prerequisites]
            draft.help = help_text or draft.help
        self.recipe_line(number, command)

    def draft(self, name: str, number: int) -> Draft:
        """Return the draft of a target, made where its name comes first."""
        return self.drafts.setdefault(name, Draft(line=number))

    def leave(self, number: int, text: str, reason: str) -> None:
        """Note what is left as it is."""
        self.unread.append(Unread(line=number, text=text.strip().split("\n")[0], reason=reason))

    def note_functions(self, number: int, text: str) -> None:
        """Note the functions that a value or a command calls."""
        for found in FUNCTION.finditer(text.replace("$$", "")):
            self.leave(number, text, f"the function {found['name']}")

    def targets(self) -> Iterator[Target]:
        """Yield what was read, but for make's own special targets."""
        for name, draft in self.drafts.items():
            if re.fullmatch(r"\.[A-Z_]+", name):
                continue
            for number, raw in draft.recipe:
                self.note_functions(number, raw)
            yield Target(
                name=name,
                line=draft.line,
                prerequisites=tuple(draft.prerequisites),
                recipe=tuple(self.expanded(name, draft)),
                help=draft.help,
                is_phony=name in self.phony,
            )

    def expanded(self, name: str, draft: Draft) -> Iterator[RecipeLine]:
        """Yield a target's commands with the variables in them replaced."""
        own = draft.scope if "%" in name else {"@": name, **draft.scope}
        for number, raw in draft.recipe:
            text = self.scope.expand(raw, own=own).replace("\\\n", " ")
            yield RecipeLine(line=number, raw=raw, expanded=text)


def parse(text: str, *, file: str) -> Makefile:
    """Return what the text of a Makefile says."""
    reader = Reader()
    reader.read(text.replace("\r\n", "\n"))
    targets = tuple(reader.targets())
    unread = tuple(sorted(set(reader.unread), key=lambda one: one.line))
    return Makefile(file=file, targets=targets, variables=tuple(reader.variables.values()), unread=unread)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, those that a backslash continues as one.

    Within a recipe the backslash stays, since the shell gets it; elsewhere a space takes its place.
    """
    pending, start = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        start = start if pending else number
        joined = pending + (line.removeprefix("\t") if pending.startswith("\t") else line)
        if joined.endswith("\\"):
            pending = f"{joined}\n" if joined.startswith("\t") else f"{joined[:-1].rstrip()} "
            continue
        pending = ""
        yield start, joined
    if pending:
        yield start, pending


def skip_definition(lines: Iterator[tuple[int, str]]) -> None:
    """Pass over the lines of a `define`, up to its `endef`."""
    for _, line in lines:
        if line.strip() == "endef":
            return
