"""What a project's files say by themselves, before Compose, git and the engine are asked."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration.legacy import (
    compose_files,
    development,
    document_lines,
    env_files,
    lines,
    make_reader,
    makefile,
    resolution,
    test_files,
    tree,
    usage,
)
from dashtam_tasks.migration.legacy.compose_files import ComposeFile, Kind
from dashtam_tasks.migration.legacy.development import Development
from dashtam_tasks.migration.legacy.line import Line, Source
from dashtam_tasks.migration.legacy.makefile import Makefile
from dashtam_tasks.migration.legacy.resolution import Resolution
from dashtam_tasks.migration.legacy.test_files import TestFile
from dashtam_tasks.migration.legacy.tree import Tree
from dashtam_tasks.migration.legacy.usage import Use

SETS_FILES = re.compile(r"\s*(?:export\s+)?COMPOSE_FILE\s*=")


@dataclass(frozen=True, kw_only=True)
class FilePart:
    """The files of a project, every line in them that a shell could get, and what they say of Compose.

    `values` are those of the `.env` here, which may choose Compose files.
    """

    tree: Tree
    makefile: Makefile | None
    lines: tuple[Line, ...]
    uses: tuple[Use, ...]
    compose: tuple[ComposeFile, ...]
    values: dict[str, str]

    def first(self, kind: Kind) -> str:
        """Return the first file of a kind, empty for none."""
        return next((one.file for one in self.compose if one.kind is kind), "")

    @cached_property
    def development(self) -> Development:
        """What development uses together."""
        return development.find(self.compose, self.uses, chosen=chosen_files(self.values))

    def resolve(
        self, *names: str, named_env_files: Iterable[str] = (), project: str = "", found: bool = False
    ) -> Resolution:
        """Return what Compose makes of files together; with `found` it takes them by itself.

        `named_env_files` and `project` are those of a command line; an env file that is missing is not read.
        """
        known = {one.file: one for one in self.compose}
        chosen = [known[name] for name in names if name in known]
        there = tuple(name for name in named_env_files if (self.tree.folder / name).is_file())
        options = [f"--env-file={name}" for name in there]
        options += [f"--project-name={project}"] if project else []
        return resolution.resolve(
            self.tree.folder,
            chosen,
            beside=self.beside(chosen),
            values=self.values_for(names, there, found=found),
            options=options,
            named=not found,
        )

    def values_for(self, names: Iterable[str], chosen: tuple[str, ...], *, found: bool) -> dict[str, str]:
        """Return the values that files are resolved with: of the chosen env files, else of what Compose reads.

        It looks for `.env` in the folder of the first file, and here where it takes the files by itself.
        """
        beside = [str(PurePosixPath(name).parent / env_files.DEFAULT) for name in names][:1]
        wanted = chosen or (*beside, *([env_files.DEFAULT] if found else []))
        there = (name for name in wanted if (self.tree.folder / name).is_file())
        pairs = (pair for name in there for pair in env_files.values_of(self.tree, name).items())
        return dict(pairs)

    def beside(self, chosen: Iterable[ComposeFile]) -> tuple[ComposeFile, ...]:
        """Return the files that some extend or include, and those that these do."""
        known = {one.file: one for one in self.compose}
        pending = [name for one in chosen for name in one.refers_to]
        found: dict[str, ComposeFile] = {}
        while pending:
            name = pending.pop()
            if name in known and name not in found:
                found[name] = known[name]
                pending += known[name].refers_to
        return tuple(found.values())

    def resolve_development(self) -> Resolution | None:
        """Return what Compose makes of what development uses, None when the project has no base."""
        own = self.development
        if not self.first(Kind.BASE):
            return None
        return self.resolve(*own.files, named_env_files=own.env_files, project=own.project, found=own.found)

    def judged(self) -> Iterator[TestFile]:
        """Yield what each test file is."""
        for one in self.compose:
            if one.kind is Kind.TEST:
                alone = self.resolve(one.file)
                yield test_files.judge(one.file, base=self.first(Kind.BASE), uses=self.uses, alone=alone)


def read(folder: Path) -> FilePart:
    """Return what the files in `folder` say.

    Raises DashtamError: USAGE when there is no such folder, IO when it cannot be read.
    """
    found = tree.read(folder)
    own = next((name for name in makefile.NAMES if name in found.files), "")
    read_makefile = make_reader.parse(found.text(own), file=own) if own else None
    values = env_files.values_of(found, env_files.DEFAULT) if env_files.DEFAULT in found.files else {}
    known = (*lines.read(found, read_makefile), *environment_lines(found, values), *comments(found))
    uses = usage.read(known, found)
    return FilePart(
        tree=found,
        makefile=read_makefile,
        lines=known,
        uses=uses,
        compose=compose_files.find(found, uses, chosen=chosen_files(values)),
        values=values,
    )


def chosen_files(values: dict[str, str]) -> tuple[str, ...]:
    """Return the files that COMPOSE_FILE in `.env` names: what plain `docker compose` takes."""
    separator = values.get("COMPOSE_PATH_SEPARATOR") or ":"
    named = values.get("COMPOSE_FILE", "").split(separator)
    return tuple(PurePosixPath(name).as_posix() for name in named if name)


def environment_lines(found: Tree, values: dict[str, str]) -> Iterator[Line]:
    """Yield the line of `.env` that chooses Compose files."""
    names = chosen_files(values)
    if names:
        set_at = [
            number for number, line in enumerate(found.lines(env_files.DEFAULT), 1) if SETS_FILES.match(line)
        ]
        text = f"COMPOSE_FILE={':'.join(names)}"
        yield Line(file=env_files.DEFAULT, line=set_at[-1], text=text, source=Source.ENVIRONMENT)


def comments(found: Tree) -> Iterator[Line]:
    """Yield the command lines in the comments of what is called as Compose files are."""
    for name in found.matching(lambda path: compose_files.ANY_NAME.fullmatch(path.name) is not None):
        yield from document_lines.comment_lines(found, name)


def findings(part: FilePart) -> Iterator[Finding]:
    """Yield what stands in the way of a migration, and what is odd, as far as files tell."""
    yield from compose_files.findings(part.tree, part.compose, part.uses)
    for name in part.tree.unreadable:
        yield Finding(
            kind="unreadable",
            where=name,
            message="The folder cannot be read, so what is in it is not known.",
            hint="Look at its owner and its mode.",
            severity=Severity.WARNING,
        )
    for one in part.makefile.unread if part.makefile else ():
        yield Finding(
            kind="makefile-left",
            where=f"{part.makefile.file if part.makefile else ''}:{one.line}",
            message=f"It is left as it is ({one.reason}): {one.text}",
            severity=Severity.WARNING,
        )


def unresolved(part: FilePart, resolutions: Iterable[Resolution]) -> Iterator[Finding]:
    """Yield a finding for each set of files that Compose refuses together, or was not asked about."""
    broken = {one.file for one in part.compose if one.problem}
    for one in resolutions:
        names = " with ".join(one.files)
        if one.asked and one.resolves is False and not broken & set(one.files):
            yield Finding(
                kind="does-not-resolve",
                where=names,
                message=f"Compose refuses it: {one.problem}",
                hint="Mend it until `docker compose config` takes it.",
            )
        elif not one.asked:
            yield Finding(
                kind="compose-not-asked",
                where=names,
                message=f"What Compose makes of it is not known: {one.problem}",
                severity=Severity.WARNING,
            )
