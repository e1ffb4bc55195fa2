"""Judging: whether a task of ours does what a target does, its recipe becomes a task, or a person has to look."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from dashtam_tasks.migration.legacy.makefile import Makefile, Target
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile import recipe, scripts
from dashtam_tasks.migration.taskfile.account import Account, Decision, Fate
from dashtam_tasks.migration.taskfile.carrying import Carried, Carrier, Line, recursion
from dashtam_tasks.migration.taskfile.invocation import STEM, Invocation, UnfitError, chained
from dashtam_tasks.migration.taskfile.makefile_text import MakefileText
from dashtam_tasks.migration.taskfile.replacing import Replacer

# What the task tree has at its root; a task of the project's own cannot be called so.
TAKEN = frozenset(
    "certs clean doctor down isolation keys logs ps restart setup shell status up"
    " ci db dev images instances migrate test".split()
)
LISTING = "inv --list"
WITHOUT_MAKE = "make-"
FAILS = "its failures count now"


@dataclass
class Judge:
    """Decides about targets, each once."""

    blueprint: Blueprint
    makefile: Makefile
    text: MakefileText
    replacer: Replacer
    carrier: Carrier
    moved: dict[str, str]
    decided: dict[str, Decision] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)

    def decide(self, target: Target) -> Decision:
        """Return the decision about a target, after those that it needs."""
        if target.name not in self.decided:
            self.pending.append(target.name)
            self.decided[target.name] = self.judged(target)
            self.pending.pop()
        return self.decided[target.name]

    def judged(self, target: Target) -> Decision:
        """Return the decision: replaced if a task does the same, else carried over, else left."""
        doubt = self.text.doubt(target.name)
        if not doubt and not target.recipe and not target.prerequisites:
            doubt = "it does nothing"
        if doubt:
            return self.left(target, doubt)
        try:
            return self.replaced(target)
        except UnfitError:
            pass
        try:
            return self.carried(target)
        except UnfitError as unfit:
            return self.left(target, str(unfit))

    def left(self, target: Target, why: str) -> Decision:
        """Return the decision that a person has to look, with the place to look at."""
        line = target.recipe[0].line if target.recipe else target.line
        reason = f"{self.makefile.file}:{line}: {why}"
        return Decision(account=Account(target=target.name, line=target.line, fate=Fate.LEFT, reason=reason))

    def replaced(self, target: Target) -> Decision:
        """Return the decision that tasks of ours do what a target does. Raises UnfitError where they do not."""
        if recipe.lists_targets(target) and not target.prerequisites:
            account = Account(target=target.name, line=target.line, fate=Fate.REPLACED, command=LISTING)
            return Decision(account=account)
        chain = chained((*self.needed(target), *self.own(target)), needed_by=self.necessary)
        chain = replace(chain, notes=tuple(self.exports(target)))
        account = Account(
            target=target.name,
            line=target.line,
            fate=Fate.REPLACED,
            command=chain.command,
            reason="; ".join(chain.reasons),
        )
        return Decision(account=account, chain=chain)

    def exports(self, target: Target) -> Iterator[str]:
        """Yield what Compose files had from the Makefile, and have from env files now."""
        texts = "\n".join(one.document.text for one in self.blueprint.drafts.values())
        for name in (*self.text.exports, *self.text.own_exports.get(target.name, ())):
            if re.search(rf"(?<!\w){name}(?!\w)", texts):
                yield f"the Makefile set {name}: set it in the env file"

    def steps(self, target: Target) -> tuple[recipe.Step, ...]:
        """Return the commands of a target's recipe."""
        own = tuple(
            one for one in self.blueprint.found.uses if one.file == self.makefile.file and one.subcommand
        )
        return tuple(recipe.steps(target, own))

    def needed(self, target: Target) -> Iterator[Invocation]:
        """Yield the tasks that do what a target needs. Raises UnfitError for what is no such task."""
        for name in target.prerequisites:
            decision = self.decision_of(name)
            if decision.chain is None:
                raise UnfitError(f"it needs {name}, which no task replaces")
            yield from decision.chain.parts

    def decision_of(self, name: str) -> Decision:
        """Return the decision about a target by its name. Raises UnfitError for none, and for a circle."""
        target = self.makefile.target(name)
        if target is None:
            raise UnfitError(f"it needs {name}, which only make can tell whether it is new")
        if target.name in self.pending:
            raise UnfitError(f"it needs {name}, and that needs it")
        return self.decide(target)

    def own(self, target: Target) -> Iterator[Invocation]:
        """Yield the tasks that do what a target's own recipe does."""
        found = scripts.Scripts(
            blueprint=self.blueprint, moved=self.moved, settings=self.replacer.preferences.settings
        )
        if found.sets_up(target):
            yield Invocation(task="setup")
            return
        steps = self.steps(target)
        elsewhere = {one.line for one in steps if one.words[0] == "cd"}
        if any(one.use and not one.use.files and one.line in elsewhere for one in steps):
            raise UnfitError("it calls Compose from another folder")
        for step in steps:
            made = recursion(step.words)
            if made is not None:
                for name in made:
                    chain = self.decision_of(name).chain
                    if chain is None:
                        raise UnfitError(f"it has make make {name}, which no task replaces")
                    yield from chain.parts
            else:
                tasks = found.task_for(step.words) or self.replacer.task_for(step, target.name)
                yield from (one.noting(*((FAILS,) if step.may_fail else ())) for one in tasks)

    def necessary(self, services: tuple[str, ...], environment: str) -> tuple[str, ...]:
        """Return services without those that others among them start anyway."""
        model = self.blueprint.models[environment]
        fixed = [one for one in services if one in model.services]
        implied = {other for one in fixed for other in model.selection([one]) - {one}}
        rest = tuple(one for one in services if one not in implied)
        return (
            ()
            if rest and model.selection(fixed) == model.selection() and len(fixed) == len(services)
            else rest
        )

    def carried(self, target: Target) -> Decision:
        """Return the decision that a target's recipe becomes a task. Raises UnfitError where it cannot."""
        self.refuse_files(target)
        name, notes = self.task_name(target)
        needs = tuple(self.prerequisites(target))
        if target.recipe:
            lines, parameters, constants = self.carrier.carry(target)
        else:
            lines, parameters, constants = (), {}, {}
        lines = tuple(one for line in lines for one in self.flattened(line))
        made = Carried(
            target=target, name=name, needs=needs, lines=lines, parameters=parameters, constants=constants
        )
        told = scripts.Scripts(
            blueprint=self.blueprint, moved=self.moved, settings=self.replacer.preferences.settings
        ).notes(lines)
        given = "".join(f" --{own.replace('_', '-')} {one}" for one, own in made.options.items())
        account = Account(
            target=target.name,
            line=target.line,
            fate=Fate.CARRIED,
            command=f"inv {name}{given}",
            reason="; ".join((*notes, *told)),
        )
        self.names[name] = target.name
        return Decision(account=account, carried=made)

    def refuse_files(self, target: Target) -> None:
        """Raise UnfitError for a target that is a file: make looks whether it is older than what it needs."""
        looks = "/" in target.name or re.search(r"\.\w+$", target.name)
        if not target.is_phony and (looks or (self.blueprint.found.folder / target.name).is_file()):
            raise UnfitError(f"it makes the file {target.name}, and only make knows when that is due")

    def prerequisites(self, target: Target) -> Iterator[tuple[str, ...]]:
        """Yield the words behind `inv` for each target that is needed. Raises UnfitError for what is no task."""
        for name in target.prerequisites:
            yield from self.called(name)

    def called(self, name: str) -> Iterator[tuple[str, ...]]:
        """Yield the words behind `inv` that make a target."""
        decision = self.decision_of(name)
        if decision.chain:
            if not all(one.is_fixed for one in decision.chain.parts):
                raise UnfitError(f"it needs {name}, which takes arguments")
            yield from (one.words for one in decision.chain.parts)
        elif decision.carried:
            yield (decision.carried.name, *stem_of(decision.carried.target, name))
        else:
            raise UnfitError(f"it needs {name}, which is left")

    def flattened(self, line: Line) -> Iterator[Line]:
        """Yield a line, or the tasks in the place of `make TARGETS`."""
        made = recursion(line.words)
        if made is None:
            # Another folder has a Makefile of its own, and keeps it.
            if re.search(r"(?:^|[;&|(]\s*)g?make\s(?!\s*(?:-C|--directory)\b)", text_of(line)):
                raise UnfitError("it calls make in a way that is not understood")
            yield line
            return
        for name in made:
            for words in self.called(name):
                yield replace(line, words=("inv", *words))

    def task_name(self, target: Target) -> tuple[str, tuple[str, ...]]:
        """Return the name of the task for a target, and why it is another than the target's."""
        plain = re.sub(r"[^\w]+", "-", target.name.replace("%", "")).replace("_", "-").strip("-")
        if not plain:
            raise UnfitError("no task can be called so")
        taken = {*TAKEN, *self.names}
        others = {one.name for one in self.makefile.targets if one is not target}
        name = (
            plain
            if plain not in taken and not (plain != target.name and plain in others)
            else f"{WITHOUT_MAKE}{plain}"
        )
        if name in taken:
            raise UnfitError(f"a task is called {name} already")
        if name == target.name or name.replace("-", "_") == target.name.replace("-", "_"):
            return name, ()
        why = (
            f"{plain} is a task of another kind already"
            if name != plain
            else f"a task's name is a word: {STEM} is given to it"
        )
        return name, (
            why if target.is_pattern or name != plain else "a task's name has letters, digits and hyphens",
        )


def text_of(line: Line) -> str:
    """Return what a shell gets of a line, or its words."""
    return line.words[-1] if any(map(str.isspace, line.words[-1])) else " ".join(line.words)


def stem_of(pattern: Target, name: str) -> tuple[str, ...]:
    """Return the argument that a pattern's task gets for a target that fits it."""
    if not pattern.is_pattern:
        return ()
    before, _, after = pattern.name.partition("%")
    return ("--name", name.removeprefix(before).removesuffix(after))
