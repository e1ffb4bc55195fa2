"""The Compose files of a project: which one Compose takes by itself, which are for tests, which are others.

The names and their order are Compose's own:
https://docs.docker.com/compose/intro/compose-application-model/#the-compose-file
"""

import enum
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import yaml

from dashtam_tasks.errors import DashtamError
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration.legacy import yaml_nodes
from dashtam_tasks.migration.legacy.tree import Tree
from dashtam_tasks.migration.legacy.usage import Use

BASE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
ANY_NAME = re.compile(r"(?:[\w.-]*[._-])?compose(?:[._-][\w.-]*)?\.ya?ml")
# The latest is no test.
TEST_WORD = re.compile(r"(?<!la)test", re.IGNORECASE)
# What a command line lays over the base for a pipeline is for tests where no file is called so.
PIPELINE_WORDS = frozenset("ci e2e integration acceptance spec".split())
TEST_FOLDERS = frozenset("test tests testing".split())
GENERIC_WORDS = frozenset("docker compose yml yaml".split())
MIGRATED = "compose/docker-compose.dev.yml"


class Kind(enum.StrEnum):
    """What a Compose file is to the project."""

    BASE = "base"
    OVERRIDE = "override"
    TEST = "test"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class ComposeFile:
    """A Compose file; `variant` is what its name says of it (`prod`, `ci`), `problem` why it cannot be read.

    `root` is its YAML, None where it cannot be read or is empty, `refers_to` the files that it extends or includes.
    """

    file: str
    kind: Kind
    variant: str = ""
    problem: DashtamError | None = None
    root: yaml.Node | None = None
    refers_to: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The folder that its relative paths start from."""
        return str(PurePosixPath(self.file).parent)


def find(tree: Tree, uses: Iterable[Use], *, chosen: tuple[str, ...] = ()) -> tuple[ComposeFile, ...]:
    """Return the project's Compose files: base, override, tests, others.

    `chosen` are those that COMPOSE_FILE in `.env` names. Files that a command line names count whatever they are
    called.
    """
    uses = tuple(uses)
    named = [name for use in uses for name in use.files if name in tree.files]
    called = [name for name in tree.files if ANY_NAME.fullmatch(PurePosixPath(name).name)]
    names = dict.fromkeys([*called, *named, *(name for name in chosen if name in tree.files)])
    base = base_of(tree, list(names), uses, chosen)
    override = override_of(tree, base) if not chosen else ""
    tests = {name for name in names if is_test(name)} or {*for_pipelines(base, uses)}
    found: dict[str, ComposeFile] = {}
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = read(tree, name, kind_of(name, base, override, tests))
            pending += found[name].refers_to
    return tuple(sorted(found.values(), key=lambda one: (list(Kind).index(one.kind), one.file)))


def base_of(tree: Tree, names: list[str], uses: tuple[Use, ...], chosen: tuple[str, ...]) -> str:
    """Return the file that the project's own environment starts from, empty when there is none.

    It is what COMPOSE_FILE names first, else what Compose takes by itself, else what command lines name first, else
    the only one in a folder below that has one of Compose's own names.
    """
    own = [name for name in BASE_NAMES if name in tree.files]
    first = [use.files[0] for use in uses if use.files]
    below = [name for name in names if PurePosixPath(name).name in BASE_NAMES]
    candidates = [*chosen[:1], *own, *first, *(below if len(below) == 1 else [])]
    return next((name for name in candidates if name in names and not is_test(name)), "")


def override_of(tree: Tree, base: str) -> str:
    """Return the file that Compose merges over the base by itself, empty when there is none."""
    names = OVERRIDE_NAMES if base in BASE_NAMES else ()
    return next((name for name in names if name in tree.files), "")


def is_test(name: str) -> bool:
    """Return whether a Compose file is for tests, as far as its name and its folder tell."""
    path = PurePosixPath(name)
    return TEST_WORD.search(path.name) is not None or bool(TEST_FOLDERS & set(path.parts[:-1]))


def for_pipelines(base: str, uses: Iterable[Use]) -> Iterator[str]:
    """Yield the files that command lines lay over the base, as far as their names tell of a pipeline."""
    for use in uses:
        yield from (
            name for name in use.files[1:] if use.files[0] == base and PIPELINE_WORDS & {*words_of(name)}
        )


def words_of(name: str) -> list[str]:
    """Return the words that a Compose file's name is made of."""
    return [word for word in re.split(r"[._-]", PurePosixPath(name).name.lower()) if word]


def kind_of(name: str, base: str, override: str, tests: Collection[str]) -> Kind:
    """Return what a Compose file is to the project."""
    if name in {base, override}:
        return Kind.BASE if name == base else Kind.OVERRIDE
    return Kind.TEST if name in tests or is_test(name) else Kind.OTHER


def read(tree: Tree, name: str, kind: Kind) -> ComposeFile:
    """Return a Compose file with its YAML, or with what is wrong with it."""
    variant = "-".join(word for word in words_of(name) if word not in GENERIC_WORDS)
    try:
        text = (tree.folder / name).read_bytes().decode()
        root = yaml_nodes.parse(text, name=name)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return ComposeFile(file=name, kind=kind, variant=variant, problem=yaml_nodes.not_utf8(name, line))
    except DashtamError as error:
        return ComposeFile(file=name, kind=kind, variant=variant, problem=error)
    refers_to = tuple(references(tree, name, root))
    return ComposeFile(file=name, kind=kind, variant=variant, root=root, refers_to=refers_to)


def references(tree: Tree, name: str, root: yaml.Node | None) -> Iterator[str]:
    """Yield the files that a Compose file extends or includes, as far as they are there."""
    folder = str(PurePosixPath(name).parent)
    for scalar in yaml_nodes.scalars(root):
        words = [key for key in scalar.keys if not key.isdigit()]
        if words in (["include"], ["include", "path"]) or words[-2:] == ["extends", "file"]:
            other = tree.relative(scalar.value, folder)
            if other in tree.files:
                yield other


def findings(tree: Tree, files: Iterable[ComposeFile], uses: Iterable[Use]) -> Iterator[Finding]:
    """Yield what stands in the way of a migration, as far as files tell, and what is odd."""
    files = tuple(files)
    bases = [one.file for one in files if one.kind is Kind.BASE]
    if MIGRATED in tree.files:
        yield Finding(
            kind="already-migrated",
            where=MIGRATED,
            message="The project has standalone environments already.",
            hint="Run `migrate.status` to see where it stands.",
        )
    if not bases:
        yield Finding(
            kind="no-compose-file",
            where=str(tree.folder),
            message=f"There is none of {', '.join(BASE_NAMES)} here, and no command line names another base.",
            hint="Run this in the folder with the project's Compose file.",
        )
    for one in files:
        if one.problem:
            where, _, words = one.problem.reason.partition(": ")
            yield Finding(kind="broken-yaml", where=where, message=words, hint=one.problem.hint)
    yield from second_choices(tree, bases)
    yield from missing_files(tree, uses)


def second_choices(tree: Tree, bases: list[str]) -> Iterator[Finding]:
    """Yield a finding for each file that Compose would take if another were not there."""
    for names, taken in ((BASE_NAMES, bases), (OVERRIDE_NAMES, [])):
        present = [name for name in names if name in tree.files]
        for name in present[1:]:
            if name not in taken:
                yield Finding(
                    kind="shadowed",
                    where=name,
                    message=f"Compose takes {present[0]} and leaves this one.",
                    hint="Remove or rename it, if nobody needs it.",
                    severity=Severity.WARNING,
                )


def missing_files(tree: Tree, uses: Iterable[Use]) -> Iterator[Finding]:
    """Yield a finding for each Compose file that a command line names and that is not there."""
    places: dict[str, list[str]] = {}
    for use in uses:
        for name in use.files:
            if "$" not in name and not (tree.folder / name).exists():
                places.setdefault(name, []).append(use.where)
    for name, where in places.items():
        yield Finding(
            kind="missing-file",
            where=where[0],
            message=f"It names {name}, which is not there.",
            hint="Mend or remove the command.",
            severity=Severity.WARNING,
        )
