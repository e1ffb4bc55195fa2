"""tasks.py: our task tree, and each recipe that is carried over as a task of the project's own."""

import keyword
from collections.abc import Iterable, Iterator, Mapping

from dashtam_tasks.migration.taskfile.carrying import Carried, Line
from dashtam_tasks.migration.taskfile.invocation import STEM
from dashtam_tasks.migration.taskfile.layout import (
    INDENT,
    WIDTH,
    call,
    docstring,
    identifier,
    literal,
    text_argument,
)

TREE_ALONE = '''\
"""The task tree that Invoke loads: `inv --list` shows it."""

from pathlib import Path

from dashtam_tasks.namespaces import task_tree

namespace = task_tree(Path(__file__).parent)
'''
HEAD = '''\
"""The task tree that Invoke loads: `inv --list` shows it.

The tasks below were recipes of {makefile}.
"""

import os
from functools import partial
from pathlib import Path

from dashtam_tasks.namespaces import task_tree
from dashtam_tasks.namespaces.invoking import outcome
from dashtam_tasks.processes import attach
from invoke import Context, Exit, task

PROJECT = Path(__file__).parent

namespace = task_tree(PROJECT)


def attempt(*argv: str, **variables: str) -> int:
    """Run a command in the project's folder and return its exit code."""
    environment = {{**os.environ, **variables}}
    return outcome(partial(attach, argv, environment=environment, cwd=PROJECT))


def run(*argv: str, **variables: str) -> None:
    """Run a command that must succeed; if it fails, its exit code is the task's."""
    code = attempt(*argv, **variables)
    if code:
        raise Exit(code=code)
'''
# Names that the file has already, or that its functions read.
OWN_NAMES = frozenset(
    "os partial Path Context Exit task task_tree outcome attach PROJECT namespace attempt run".split()
)


def text(carried: Iterable[Carried], *, makefile: str) -> str:
    """Return the text of tasks.py."""
    carried = tuple(carried)
    if not carried:
        return TREE_ALONE
    names: dict[str, str] = {}
    parts = [HEAD.format(makefile=makefile)]
    for one in needed_first(carried):
        names[one.name] = identifier(one.name, (*OWN_NAMES, *names.values()))
        parts.append(function(one, names))
    parts.append("".join(f"namespace.add_task({name})\n" for name in names.values()))
    return "\n\n".join(parts)


def needed_first(carried: Iterable[Carried]) -> Iterator[Carried]:
    """Yield recipes so that each stands behind those that it needs; none needs itself."""
    pending = {one.name: one for one in carried}
    while pending:
        for name, one in tuple(pending.items()):
            if not any(words[0] in pending for words in one.needs):
                del pending[name]
                yield one


def function(one: Carried, names: Mapping[str, str]) -> str:
    """Return the task of one recipe; `names` are the functions of the tasks so far."""
    name, parameters = names[one.name], one.options
    said = one.target.help or f"Do what `make {one.target.name}` did"
    before = [names.get(words[0], f"namespace[{literal(words[0])}]") for words in one.needs if not words[1:]]
    # Invoke itself makes each once, as make does; but it gives no arguments.
    before = before if len(before) == len(one.needs) else []
    rows = [decorator(one, name, parameters, before), signature(one, name, parameters)]
    rows.append(f"    {docstring(said)}")
    rows += [call("run", map(literal, ("inv", *words))) for words in one.needs if not before]
    rows += statements(one, parameters)
    return "\n".join(rows) + "\n"


def decorator(one: Carried, name: str, parameters: Mapping[str, str], before: list[str]) -> str:
    """Return the decorator of a task, with its name where Invoke would choose another."""
    arguments = []
    if name.replace("_", "-") != one.name:
        arguments.append(f"name={literal(one.name)}")
    if before:
        arguments.append(f"pre=[{', '.join(before)}]")
    if parameters:
        arguments.append(help_argument(parameters))
    if not arguments:
        return "@task"
    return call("@task", arguments, depth=0)


def help_argument(parameters: Mapping[str, str]) -> str:
    """Return the help of a task's parameters, on lines of their own where it is long."""
    told = [f"{literal(own)}: {literal(help_of(variable))}" for variable, own in parameters.items()]
    line = f"help={{{', '.join(told)}}}"
    rows = "".join(f"{INDENT * 2}{one},\n" for one in told)
    return line if len(INDENT) + len(line) < WIDTH else f"help={{\n{rows}{INDENT}}}"


def help_of(variable: str) -> str:
    """Return what a parameter is, for the task's help."""
    return "what stands for % in the target's name" if variable == STEM else f"{variable} of the recipe"


def signature(one: Carried, name: str, parameters: Mapping[str, str]) -> str:
    """Return the first line of a task's function, or lines where it is long."""
    given = [f"{own}: str = {literal(one.parameters[variable])}" for variable, own in parameters.items()]
    line = f"def {name}({', '.join(['context: Context', *given])}) -> None:"
    if len(line) <= WIDTH:
        return line
    inner = f"    {', '.join(['context: Context', *given])}"
    if len(inner) <= WIDTH:
        return f"def {name}(\n{inner}\n) -> None:"
    rows = "".join(f"    {part},\n" for part in ("context: Context", *given))
    return f"def {name}(\n{rows}) -> None:"


def statements(one: Carried, parameters: Mapping[str, str]) -> Iterator[str]:
    """Yield a statement for each line of a recipe."""
    for line in one.lines:
        arguments = [text_argument(word) for word in line.words]
        arguments += [given(variable, parameters[variable]) for variable in line.variables]
        arguments += constants(one, line)
        yield call("attempt" if line.may_fail else "run", arguments)


def constants(one: Carried, line: Line) -> Iterator[str]:
    """Yield the variables that the Makefile exported, as arguments of a call."""
    for name, value in one.constants.items():
        if name not in line.variables:
            yield given(name, literal(value))


def given(variable: str, value: str) -> str:
    """Return a variable with its value as an argument of a call; a keyword of Python needs a mapping."""
    return f"**{{{literal(variable)}: {value}}}" if keyword.iskeyword(variable) else f"{variable}={value}"
