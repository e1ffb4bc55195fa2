"""Step 3.2: the legacy Compose files are set aside.

The Makefile stays: people know it, and what it does without Compose goes on working. What does not is listed.
"""

import os
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath

from dashtam_tasks import files
from dashtam_tasks.files import PUBLIC
from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.ignored import docker
from dashtam_tasks.migration.ignored import git as git_ignore
from dashtam_tasks.migration.ignored.lines import Judge, Rule, completed, contents
from dashtam_tasks.migration.legacy import compose_files, git, lines, make_reader, other_files, tree, usage
from dashtam_tasks.migration.legacy.makefile import NAMES as MAKEFILES
from dashtam_tasks.migration.legacy.makefile import Makefile
from dashtam_tasks.migration.legacy.tree import Tree
from dashtam_tasks.migration.legacy.usage import Use
from dashtam_tasks.migration.operations import Move, Operation, Write

COMMENT = "# Compose files that the migration has set aside."


@dataclass(frozen=True, kw_only=True)
class Aside:
    """Files that are moved, with their new names, and those that have to stay, with who needs them.

    `broken` are the targets of the Makefile that use what is moved.
    """

    moved: dict[str, str]
    needed: dict[str, tuple[str, ...]]
    makefile: str = ""
    broken: tuple[str, ...] = ()


def operations(project: Path, facts: Facts) -> tuple[Operation, ...]:
    """Return what sets the legacy Compose files of a migrated project aside; nothing that is there is overwritten.

    Raises DashtamError: USAGE when there is no such folder, IO when it cannot be read.
    """
    moved = examined(project, facts).moved
    moves = (Move(source=old, target=new, mode=files.mode_of(project / old)) for old, new in moved.items())
    return (*moves, *ignoring(project, moved))


def remarks(project: Path, facts: Facts) -> tuple[str, ...]:
    """Return what a person should know: files that have to stay, and what of the Makefile no longer works."""
    found = examined(project, facts)
    stay = (f"{name} stays: {' and '.join(why)}" for name, why in found.needed.items())
    targets = f"{found.makefile}: these targets use files that are set aside, and no longer work"
    broken = (f"{targets}: {', '.join(found.broken)}",) if found.broken else ()
    return (*stay, *taken_next(project, found), *broken)


def taken_next(project: Path, found: Aside) -> Iterator[str]:
    """Yield the file that plain Compose takes when the one that it took so far is gone."""
    gone = [name for name in compose_files.BASE_NAMES if name in found.moved]
    left = [name for name in compose_files.BASE_NAMES if name not in gone and (project / name).exists()]
    if gone and left and left[0] not in found.needed:
        yield f"{left[0]}: plain `docker compose` takes it from now on, since {gone[0]} is set aside"


def examined(project: Path, facts: Facts) -> Aside:
    """Return which of a migrated project's legacy Compose files can be moved."""
    found = tree.read(project)
    makefile = makefile_of(found)
    uses = usage.read(lines.read(found, makefile), found)
    legacy = dict.fromkeys(name for one in facts.environments for name in one.legacy_files)
    present = [name for name in legacy if name in found.names]
    needed = needs(found, uses, present)
    moved = {name: free_name(project, name) for name in present if name not in needed}
    name = makefile.file if makefile else ""
    targets = tuple(dict.fromkeys(broken(name, uses, moved)))
    return Aside(moved=moved, needed=needed, makefile=name, broken=targets)


def makefile_of(found: Tree) -> Makefile | None:
    """Return the project's Makefile, None where it has none."""
    name = next((one for one in MAKEFILES if one in found.files), "")
    return make_reader.parse(found.text(name), file=name) if name else None


def needs(found: Tree, uses: Iterable[Use], present: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the legacy files that others still need, with who that is; what such a file needs is needed, too."""
    uses = tuple(uses)
    known = {one.file: one.refers_to for one in compose_files.find(found, uses)}
    pending = [one for one in needed_by_others(found, uses, known, present) if one[0] in present]
    needed: dict[str, tuple[str, ...]] = {}
    while pending:
        name, why = pending.pop(0)
        if name not in needed:
            pending += [(one, f"{name} needs it") for one in known.get(name, ()) if one in present]
        needed[name] = tuple(dict.fromkeys((*needed.get(name, ()), why)))
    return needed


def needed_by_others(
    found: Tree, uses: Iterable[Use], known: Mapping[str, tuple[str, ...]], present: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield each legacy file that one that is none of them extends, includes, names or is used with."""
    for name, refers_to in known.items():
        for one in refers_to if name not in present else ():
            yield one, f"{name} extends or includes it"
    for devcontainer in other_files.devcontainers(found):
        for one in devcontainer.compose_files:
            yield one, f"{devcontainer.file} names it"
    for use in uses:
        others = [one for one in use.files if one not in present and one in found.names]
        if others and others != [*use.files]:
            with_others = f"{use.where} uses it with {' and '.join(others)}"
            yield from ((one, with_others) for one in use.files)


def broken(makefile: str, uses: Iterable[Use], moved: Collection[str]) -> Iterator[str]:
    """Yield the targets of the Makefile whose recipes use what is moved, each once."""
    default = {name for name in moved if name in compose_files.BASE_NAMES}
    for use in uses:
        if use.file == makefile and use.owner and {*moved} & ({*use.files} or default):
            yield use.owner


def free_name(project: Path, name: str) -> str:
    """Return the first name beside a file that nothing has: `<name>.old`, then `.old.backup`, `.old.backup2`."""
    names = chain((f"{name}.old", f"{name}.old.backup"), (f"{name}.old.backup{n}" for n in count(2)))
    return next(one for one in names if not os.path.lexists(project / one))


def ignoring(project: Path, moved: Mapping[str, str]) -> Iterator[Write]:
    """Yield what keeps the files out of commits, and out of images that left them out under their old names."""
    if not moved:
        return
    found = tree.read(project)
    judge = git_ignore.judge_for(project, git.look(project).prefix)
    rules = tuple(Rule(out=(new,), lines=((f"/{old}.old*",),)) for old, new in moved.items())
    yield from written(project, git_ignore.NAME, rules, judge)
    for name in found.matching(lambda path: path.name.endswith(docker.NAME)):
        own = PurePosixPath(name)
        context = str(own.parent) if own.name == docker.NAME else "."
        judge = docker.judge_of(name)
        yield from written(project, name, tuple(image_rules(project / name, context, moved, judge)), judge)


def image_rules(path: Path, context: str, moved: Mapping[str, str], judge: Judge) -> Iterator[Rule]:
    """Yield what an image leaves out as it left it out under its old name."""
    for old, new in moved.items():
        if context == "." or old.startswith(f"{context}/"):
            before, after = (posixpath.relpath(name, context) for name in (old, new))
            if judge(contents(path), [before])[before].is_out:
                yield Rule(out=(after,), lines=((f"{before}.old*",),))


def written(project: Path, name: str, rules: tuple[Rule, ...], judge: Judge) -> Iterator[Write]:
    """Yield what completes an ignore file, nothing where it is complete or no file."""
    path = project / name
    before = contents(path)
    after = completed(before, rules, judge, comment=COMMENT).data
    if after != before and not path.is_symlink():
        mode = files.mode_of(path) if path.exists() else PUBLIC
        yield Write(path=name, data=after, mode=mode, rewrites=True)
