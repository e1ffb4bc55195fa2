"""The name that Compose gives a project, which its containers, networks and volumes start with.

Compose's order: https://docs.docker.com/compose/how-tos/project-name/#set-a-project-name
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from dashtam_tasks.migration.legacy import env_files, yaml_nodes
from dashtam_tasks.migration.legacy.compose_files import Kind
from dashtam_tasks.migration.legacy.file_part import FilePart
from dashtam_tasks.migration.legacy.resolution import Resolution
from dashtam_tasks.migration.legacy.usage import Use

VARIABLE = "COMPOSE_PROJECT_NAME"


@dataclass(frozen=True, kw_only=True)
class ProjectName:
    """The name of the project, and where Compose has it from; `others` are what single commands call it."""

    name: str
    origin: str
    others: tuple[str, ...] = ()


def find(part: FilePart, plain: Resolution | None) -> ProjectName:
    """Return the project's name: as Compose says, or by its rules where it says nothing."""
    name, origin = by_rules(part)
    told = plain.model.name if plain and plain.model else name
    named = dict.fromkeys(name for use in part.uses for name in names_in(part, use) if "$" not in name)
    return ProjectName(name=told, origin=origin, others=tuple(one for one in named if one != told))


def names_in(part: FilePart, use: Use) -> Iterator[str]:
    """Yield the name that a command line gives the project, by itself or in an env file that it names."""
    if use.project:
        yield use.project
    for file in use.env_files:
        if name := env_files.values_of(part.tree, file).get(VARIABLE):
            yield name


def by_rules(part: FilePart) -> tuple[str, str]:
    """Return the name that Compose's rules give, and where it is from."""
    if part.development.project:
        return part.development.project, "the command lines of development"
    base = next((one for one in part.compose if one.kind is Kind.BASE), None)
    if part.values.get(VARIABLE):
        return part.values[VARIABLE], f"{VARIABLE} in .env"
    written = yaml_nodes.get(base.root, "name") if base else None
    if base and isinstance(written, yaml.ScalarNode):
        return str(written.value), f"{base.file}:{yaml_nodes.line_of(written)}"
    folder = (part.tree.folder / base.folder).resolve() if base else part.tree.folder
    return normalised(folder.name), "the folder's name"


def normalised(name: str) -> str:
    """Return the project name that Compose makes from a folder's name (compose-go, NormalizeProjectName)."""
    return re.sub(r"[^-_a-z0-9]", "", name.lower()).lstrip("_-")
