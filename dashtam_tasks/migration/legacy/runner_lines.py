"""What task runners other than make run: just, Task and npm."""

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from dashtam_tasks.migration.legacy import yaml_nodes
from dashtam_tasks.migration.legacy.line import Line, Source
from dashtam_tasks.migration.legacy.shell_lines import logical_lines
from dashtam_tasks.migration.legacy.tree import Tree

JUST_VARIABLE = re.compile(r"(?:export\s+)?(?P<name>[\w-]+)\s*:=\s*(?P<value>.+)")
JUST_RECIPE = re.compile(r"@?(?P<name>[\w-]+)[^:=]*:(?!=)")
JUST_REFERENCE = re.compile(r"\{\{\s*\.?(?P<name>[\w-]+)\s*\}\}")


def justfile_lines(tree: Tree, name: str) -> Iterator[Line]:
    """Yield the recipes of a justfile."""
    variables: dict[str, str] = {}
    owner = ""
    for number, line in logical_lines(tree.text(name)):
        if line[:1] in {" ", "\t"}:
            text = referenced(line.strip().lstrip("@-"), variables)
            yield Line(file=name, line=number, text=text, source=Source.JUSTFILE, owner=owner)
        elif found := JUST_VARIABLE.match(line):
            variables[found["name"]] = referenced(found["value"].strip().strip("\"'"), variables)
        elif recipe := JUST_RECIPE.match(line):
            owner = recipe["name"]


def taskfile_lines(tree: Tree, name: str) -> Iterator[Line]:
    """Yield the commands of a Taskfile."""
    values = yaml_nodes.values_in(tree.text(name))
    variables = {one.keys[1]: one.value for one in values if one.keys[:1] == ("vars",)}
    for one in values:
        if one.keys[:1] == ("tasks",) and {"cmds", "cmd"} & set(one.keys[2:]):
            for offset, text in enumerate(one.value.split("\n")):
                yield Line(
                    file=name,
                    line=one.text_line + offset,
                    text=referenced(text, variables),
                    source=Source.TASKFILE,
                    owner=one.keys[1],
                )


def referenced(text: str, variables: dict[str, str]) -> str:
    """Return `text` with the values of `{{name}}`."""
    return JUST_REFERENCE.sub(lambda found: variables.get(found["name"], f"${{{found['name']}}}"), text)


def package_lines(tree: Tree, name: str) -> Iterator[Line]:
    """Yield the scripts of a package.json."""
    try:
        scripts = json.loads(tree.text(name)).get("scripts", {})
    except (ValueError, AttributeError):
        return
    written = tree.lines(name)
    folder = str(PurePosixPath(name).parent)
    for owner, text in scripts.items():
        key = f"{json.dumps(owner, ensure_ascii=False)}:"
        at = next((number for number, line in enumerate(written, 1) if key in line.replace(" ", "")), 1)
        yield Line(file=name, line=at, text=text, source=Source.PACKAGE, owner=owner, folder=folder)
