"""References: what else in a project names what a migration renames or moves, and what it should say instead.

Only what is certain is changed: the Compose files of a devcontainer. The rest is listed with its place, since a
document or a script may mean something else by the same words.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from dashtam_tasks.migration.legacy import tree
from dashtam_tasks.migration.legacy.tree import Tree
from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.references import commands, devcontainers, mentions, names
from dashtam_tasks.migration.references.commands import Account
from dashtam_tasks.migration.references.reference import Reference

__all__ = ["Account", "Reference", "References", "find"]

# So many places of a file are told one by one.
FEW = 3
IGNORE_FILES = (".gitignore", ".dockerignore")


@dataclass(frozen=True, kw_only=True)
class References:
    """Files that are changed, places that a person has to look at, and files too long or closed to be read."""

    changes: tuple[Write, ...] = ()
    listed: tuple[Reference, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """Everything that is listed, in words; of a file that has many places, their number and the first lines."""
        unread = (f"{name}: it was not read; look there yourself" for name in self.skipped)
        by_file = groupby(self.listed, key=lambda one: one.file)
        return (*(words for file, places in by_file for words in told(file, tuple(places))), *unread)

    @property
    def every(self) -> tuple[str, ...]:
        """Every place of the files of which `remarks` tells only the first."""
        by_file = (tuple(places) for _, places in groupby(self.listed, key=lambda one: one.file))
        return tuple(str(one) for places in by_file if len(places) > FEW for one in places)


def told(file: str, places: Sequence[Reference]) -> Iterator[str]:
    """Yield what is said of the places in one file."""
    if len(places) <= FEW:
        yield from map(str, places)
        return
    first = ", ".join(dict.fromkeys(str(one.line) for one in places[:FEW]))
    yield f"{file}: {len(places)} places name what is called otherwise now, the first in lines {first}"


def find(blueprint: Blueprint, accounts: Iterable[Account] = ()) -> References:
    """Return what else names what is renamed or moved; `accounts` say what becomes of each make target.

    Not looked into: the legacy Compose files, the Makefile, ignore files, and env files that hold real values.
    Raises DashtamError (IO) when the project cannot be read.
    """
    found = tree.read(blueprint.found.folder)
    renames = names.renamed(blueprint)
    readable = tuple(name for name in found.files if is_searched(name, blueprint))
    changes = tuple(devcontainers.changes(blueprint, readable))
    listed = {
        (one.file, one.line, one.text): one
        for one in (
            *commands.composing(blueprint, found, readable),
            *commands.making(blueprint, found, readable, accounts),
            *mentions.find(found, readable, renames, mounted=names.mounted_env_files(blueprint)),
            *devcontainers.undecided(blueprint, readable),
        )
    }
    places = names.places(blueprint)
    return References(
        changes=changes,
        listed=tuple(
            replace(listed[key], file=places.get(key[0], key[0]))
            for key in sorted(listed)
            if not said_already(listed[key], listed.values(), changes, renames)
        ),
        skipped=tuple(too_long(found)),
    )


def is_searched(name: str, blueprint: Blueprint) -> bool:
    """Return whether a file may name what is renamed, and stays where people read it."""
    found = blueprint.found
    real = {one.file for one in found.env_files if not one.is_example}
    legacy = {file for one in blueprint.facts.environments for file in one.legacy_files}
    makefile = {found.makefile.file} if found.makefile else set()
    return name not in real | legacy | makefile and not name.endswith(IGNORE_FILES)


def said_already(
    one: Reference, listed: Iterable[Reference], changes: Iterable[Write], renames: Iterable[names.Renamed]
) -> bool:
    """Return whether the mention of a file is part of a command that is listed, or is changed anyway."""
    is_file = any(each.is_file and each.old.endswith(one.text.rpartition("/")[2]) for each in renames)
    in_command = any(
        other.text.startswith(("docker ", "docker-compose ", "COMPOSE_FILE="))
        and (other.file, other.line) == (one.file, one.line)
        and one.text in other.text
        for other in listed
    )
    return is_file and (in_command or one.file in {each.path for each in changes})


def too_long(found: Tree) -> Iterator[str]:
    """Yield what is a file or a folder that could not be read, or is too long to be written by hand."""
    yield from found.unreadable
    for name in sorted(set(found.names) - set(found.files)):
        if (found.folder / name).is_file():
            yield name
