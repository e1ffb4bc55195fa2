"""Every line of a project that tells a shell what to do, wherever it is written.

Makefile, justfile, Taskfile, package.json, shell scripts, workflows, code in documents. Variables that the same
file sets are replaced; others stay as `${NAME}`.
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from dashtam_tasks.migration.legacy import yaml_nodes
from dashtam_tasks.migration.legacy.document_lines import document_lines
from dashtam_tasks.migration.legacy.line import Line, Source
from dashtam_tasks.migration.legacy.makefile import Makefile
from dashtam_tasks.migration.legacy.runner_lines import justfile_lines, package_lines, taskfile_lines
from dashtam_tasks.migration.legacy.shell_lines import ShellVariables, logical_lines
from dashtam_tasks.migration.legacy.tree import Tree

# Under these keys the CI systems that are written in YAML have what a shell runs.
SHELL_KEYS = frozenset("run script before_script after_script command commands bash sh install cmd".split())


def read(tree: Tree, makefile: Makefile | None) -> Iterator[Line]:
    """Yield every line that a shell could get; a file that cannot be understood yields none."""
    if makefile:
        yield from makefile_lines(makefile)
    for name in tree.files:
        path = PurePosixPath(name)
        if path.name.lower() in {"justfile", ".justfile"}:
            yield from justfile_lines(tree, name)
        elif re.fullmatch(r"[Tt]askfile(\.dist)?\.ya?ml", path.name):
            yield from taskfile_lines(tree, name)
        elif path.name == "package.json":
            yield from package_lines(tree, name)
        elif is_script(tree, path):
            yield from script_lines(tree.text(name), file=name, source=Source.SCRIPT, owner=path.stem)
        elif is_workflow(path):
            yield from workflow_lines(tree, name)
        elif is_document(path):
            yield from document_lines(tree, name)


def is_script(tree: Tree, path: PurePosixPath) -> bool:
    """Return whether a file is a shell script, by its suffix or by its first line."""
    if path.suffix in {".sh", ".bash", ".zsh"}:
        return True
    if path.suffix or path.name.startswith("."):
        return False
    return re.match(r"#!.*\b(?:ba|da|z|k)?sh\b", tree.lines(str(path))[0]) is not None


def is_workflow(path: PurePosixPath) -> bool:
    """Return whether a file is what a CI system goes by."""
    known = {
        ".gitlab-ci",
        ".travis",
        "azure-pipelines",
        "bitbucket-pipelines",
        ".drone",
        "appveyor",
        "cloudbuild",
    }
    folders = {".github", ".circleci", ".woodpecker", ".gitea", ".forgejo", ".buildkite"}
    return path.suffix in {".yml", ".yaml"} and (path.stem in known or path.parts[0] in folders)


def is_document(path: PurePosixPath) -> bool:
    """Return whether a file is prose for people."""
    return path.suffix.lower() in {".md", ".markdown", ".rst", ".adoc"} or path.name.upper() == "README"


def makefile_lines(makefile: Makefile) -> Iterator[Line]:
    """Yield a Makefile's variables, since they may hold a command's beginning, and its recipes."""
    for one in makefile.variables:
        assignment = f"{one.name}={one.value}"
        text = assignment if one.name.startswith("COMPOSE_") else one.value
        yield Line(file=makefile.file, line=one.line, text=text, source=Source.MAKEFILE)
    for target in makefile.targets:
        # Each line of a recipe has a shell of its own.
        for command in target.recipe:
            text = ShellVariables().expand(command.command)
            yield Line(
                file=makefile.file,
                line=command.line,
                text=text,
                source=Source.MAKEFILE,
                owner=target.name,
            )


def script_lines(
    text: str, *, file: str, source: Source, owner: str, first: int = 1, folder: str = "."
) -> Iterator[Line]:
    """Yield the lines of a shell script, with the variables that it sets itself."""
    variables = ShellVariables()
    for number, line in logical_lines(text, first=first):
        variables.note(line)
        if line.strip():
            expanded = variables.expand(line)
            yield Line(file=file, line=number, text=expanded, source=source, owner=owner, folder=folder)


def workflow_lines(tree: Tree, name: str) -> Iterator[Line]:
    """Yield what the steps of a workflow run."""
    values = yaml_nodes.values_in(tree.text(name))
    folders = {one.keys[:-1]: one.value for one in values if one.keys[-1:] == ("working-directory",)}
    for one in values:
        owner = next(iter(one.keys[1:2] if one.keys[:1] == ("jobs",) else one.keys[:1]), "")
        if one.keys[-1:] == ("COMPOSE_FILE",):
            text = f"COMPOSE_FILE={one.value}"
            yield Line(file=name, line=one.line, text=text, source=Source.WORKFLOW, owner=owner)
        elif SHELL_KEYS & {key for key in one.keys[-2:] if not key.isdigit()}:
            folder = folders.get(one.keys[:-1], ".")
            yield from script_lines(
                one.value, file=name, source=Source.WORKFLOW, owner=owner, first=one.text_line, folder=folder
            )
