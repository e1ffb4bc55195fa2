"""Devcontainers: the Compose files that they name, changed in place.

https://containers.dev/implementors/json_reference/#compose-specific
"""

import json
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, takewhile

from dashtam_tasks import files
from dashtam_tasks.migration.facts import EnvironmentFacts
from dashtam_tasks.migration.legacy.other_files import Devcontainer
from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.references.reference import Reference

KEY = "dockerComposeFile"
TOKEN = re.compile(r'(?P<text>"(?:\\.|[^"\\])*")|(?P<skip>//[^\n]*|/\*.*?\*/|\s+)|(?P<sign>.)', re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Token:
    """A string (with its quotes) or a sign of JSON, where it stands, and in how many brackets."""

    text: str
    start: int
    end: int
    depth: int


def changes(blueprint: Blueprint, names: Iterable[str]) -> Iterator[Write]:
    """Yield each devcontainer with the new file in the place of an environment's legacy ones."""
    for one in devcontainers(blueprint, names):
        environment = environment_of(blueprint, one)
        if environment is not None:
            path = blueprint.found.folder / one.file
            before = path.read_bytes()
            new = posixpath.relpath(environment.compose_file, posixpath.dirname(one.file) or ".")
            after = with_file(before.decode(errors="surrogateescape"), new)
            if after is not None:
                yield Write(
                    path=one.file,
                    data=after.encode(errors="surrogateescape"),
                    mode=files.mode_of(path),
                    rewrites=True,
                )


def undecided(blueprint: Blueprint, names: Iterable[str]) -> Iterator[Reference]:
    """Yield each devcontainer that names legacy files in a way that only a person can change, or lacks values."""
    legacy = {file for one in blueprint.facts.environments for file in one.legacy_files}
    changed = {one.path for one in changes(blueprint, names)}
    for one in devcontainers(blueprint, names):
        named = [file for file in one.compose_files if file in legacy]
        if named:
            yield reference(blueprint, one, is_changed=one.file in changed)


def reference(blueprint: Blueprint, one: Devcontainer, *, is_changed: bool) -> Reference:
    """Return what a person has to do about a devcontainer."""
    text = (blueprint.found.folder / one.file).read_bytes().decode(errors="replace")
    found = list(tokens(text))
    place = found[key_in(found)].start
    environment = environment_of(blueprint, one) or blueprint.facts.environments[0]
    values = f"it reads no env file: set COMPOSE_ENV_FILES to the path of {environment.env_file}"
    others = f"{KEY} names other files too, whose paths start from the first one's folder"
    return Reference(
        file=one.file,
        line=text.count("\n", 0, place) + 1,
        text=KEY,
        becomes="" if is_changed else environment.compose_file,
        note=values if is_changed else f"{others}; {values}",
    )


def devcontainers(blueprint: Blueprint, names: Iterable[str]) -> Iterator[Devcontainer]:
    """Yield the devcontainers that can be read as text."""
    known = set(names)
    yield from (one for one in blueprint.found.files.devcontainers if one.file in known)


def environment_of(blueprint: Blueprint, one: Devcontainer) -> EnvironmentFacts | None:
    """Return the environment whose legacy files a devcontainer names, all of them and no other."""
    every = blueprint.facts.environments
    return next((each for each in every if each.legacy_files == one.compose_files), None)


def with_file(text: str, new: str) -> str | None:
    """Return the text of a devcontainer that names one Compose file, None where what it names cannot be told apart.

    All but the names stays: comments, line ends, and commas behind the last item.
    """
    named = names_in(list(tokens(text)))
    if any(text[one.end : other.start].strip(" \t\r\n,") for one, other in pairwise(named)):
        return None
    return f"{text[: named[0].start]}{json.dumps(new, ensure_ascii=False)}{text[named[-1].end :]}"


def names_in(found: list[Token]) -> list[Token]:
    """Return the strings that are, or are in, the value of the key."""
    rest = found[key_in(found) + 2 :]
    inside = takewhile(lambda one: one.text != "]", rest[1:]) if rest[0].text == "[" else rest[:1]
    return [one for one in inside if one.text != ","]


def key_in(found: list[Token]) -> int:
    """Return the position of the key among tokens; the reader of devcontainers has found it there."""
    key = json.dumps(KEY)
    return next(number for number, one in enumerate(found) if one.depth == 1 and one.text == key)


def tokens(text: str) -> Iterator[Token]:
    """Yield the strings and signs of JSON with comments."""
    depth = 0
    for found in TOKEN.finditer(text):
        if not found["skip"]:
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
            yield Token(text=found[0], start=found.start(), end=found.end(), depth=depth)
