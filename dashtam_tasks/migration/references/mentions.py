"""Where the text of a project's files has an old name."""

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import PurePosixPath

from dashtam_tasks.migration.legacy.env_files import is_env_name
from dashtam_tasks.migration.legacy.lines import is_document, is_workflow
from dashtam_tasks.migration.legacy.tree import Tree
from dashtam_tasks.migration.references.names import Renamed, What
from dashtam_tasks.migration.references.reference import Reference

# A name may follow folders, or a variable that most likely leads to the project's.
FILE = r"(?<![\w.)\]/-])(?:[\w.~${{}}-]*/)*{name}(?![\w/-]|\.\w)"
NAME = r"(?<![\w/-]){name}(?![\w-])"
# Documents write a project's folder, or a variable for it, in front of a volume's key.
KEY = r"(?<![\w/-])(?P<prefix><[^<>]*>_|\$\{{?\w+\}}?_)?{name}(?![\w-])"
VARIABLE = re.compile(r"\$\{?\w+\}?/")


def find(
    found: Tree, names: Iterable[str], renames: Iterable[Renamed], *, mounted: Mapping[str, str]
) -> Iterator[Reference]:
    """Yield every place that has an old name; `mounted` are env files with their paths in containers."""
    patterns = {one: pattern(one) for one in renames}
    for name in names:
        data = (found.folder / name).read_bytes()
        present = {one: each for one, each in patterns.items() if os.fsencode(last_part(one)) in data}
        if present and b"\0" not in data:
            for number, line in enumerate(found.lines(name), 1):
                for one, each in present.items():
                    for match in meant(found, name, one, each.finditer(line)):
                        yield reference(name, number, one, match, mounted)


def last_part(one: Renamed) -> str:
    """Return an old name, of a file without its folder."""
    return PurePosixPath(one.old).name if one.is_file else one.old


def pattern(one: Renamed) -> re.Pattern[str]:
    """Return what an old name looks like in a text."""
    form = FILE if one.is_file else KEY if one.what is What.KEY else NAME
    return re.compile(form.format(name=re.escape(last_part(one))))


def meant(found: Tree, name: str, one: Renamed, matches: Iterator[re.Match[str]]) -> Iterator[re.Match[str]]:
    """Yield the first place in a line of a file that means what was renamed."""
    yield from islice(
        (each for each in matches if not one.is_file or means(found, name, each[0], one.old)), 1
    )


def means(found: Tree, name: str, text: str, old: str) -> bool:
    """Return whether a path that is written in a file means another file of the project.

    It is meant from that file's own folder where such a file is there, else from the project's.
    """
    path = VARIABLE.sub("", text, count=1)
    if path.startswith(("/", "~")):
        return False
    candidates = [found.relative(path, folder) for folder in (posixpath.dirname(name), ".")]
    present = next((one for one in candidates if (found.folder / one).exists()), "")
    return present == old if present else old in {*candidates, found.locate(path, folders=(".",))}


def reference(
    name: str, number: int, one: Renamed, match: re.Match[str], mounted: Mapping[str, str]
) -> Reference:
    """Return a place with what it should say."""
    inside = mounted.get(one.old, "") if one.what is What.ENV_FILE and not is_for_host(name) else ""
    note = f"on the host it is {one.new} now, and in a container still {inside}"
    new = one.whole if one.what is What.KEY and match["prefix"] else one.new
    return Reference(
        file=name,
        line=number,
        text=match[0],
        becomes="" if inside else new,
        note=note if inside else "",
    )


def is_for_host(name: str) -> bool:
    """Return whether a file speaks of the project's folder, where code may speak of a container's."""
    path = PurePosixPath(name)
    is_known = is_document(path) or is_workflow(path) or is_env_name(path)
    return is_known or path.suffix in {".sh", ".bash", ".cmd", ".bat", ".ps1", ".json"}
