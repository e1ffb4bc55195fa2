"""The env files of a project: which there are, what they set, and who names them. Their values stay in them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from dashtam_tasks import env_files, files
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration.legacy import yaml_nodes
from dashtam_tasks.migration.legacy.compose_files import ComposeFile
from dashtam_tasks.migration.legacy.tree import Tree
from dashtam_tasks.migration.legacy.usage import Use

NAME = re.compile(r"\.env(?:[._-].*)?|[\w.-]+\.env(?:\..*)?")
DEFAULT = ".env"
FOLDERS = frozenset({"env", ".env", "envs", ".envs"})
EXAMPLE_WORDS = frozenset("example examples sample template tmpl tpl dist default defaults".split())


@dataclass(frozen=True, kw_only=True)
class EnvFile:
    """An env file, there or only named.

    `form` is `file`, `link`, `folder` or `missing`, `link` what a link leads to, `mode` the permission bits of what
    is there. `names` are the variables that it sets, `used_by` the places that name it (`Makefile:4`). `example` is
    the file that it is made from, empty for none, and `is_example` says that it is such a file.
    """

    file: str
    form: str
    used_by: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    link: str = ""
    mode: int | None = None
    example: str = ""
    is_example: bool = False
    problem: DashtamError | None = None


def find(tree: Tree, compose_files: Iterable[ComposeFile], uses: Iterable[Use]) -> tuple[EnvFile, ...]:
    """Return the env files that are there, and those that Compose files or command lines name."""
    mentions: dict[str, dict[str, None]] = {}
    for name, where in (*named_in_compose(tree, compose_files), *named_in_uses(uses)):
        mentions.setdefault(name, {})[where] = None
    there = [name for name in tree.names if is_env_name(PurePosixPath(name))]
    folders = [DEFAULT] if (tree.folder / DEFAULT).is_dir() else []
    names = sorted({*mentions, *there, *folders})
    return tuple(one(tree, name, tuple(mentions.get(name, ())), names) for name in names)


def is_env_name(path: PurePosixPath) -> bool:
    """Return whether a file is called as env files are, or lies in a folder that is."""
    inside = path.parent.name in FOLDERS and path.suffix not in {
        ".py",
        ".sh",
        ".md",
        ".yml",
        ".yaml",
        ".json",
    }
    return inside or NAME.fullmatch(path.name) is not None


def named_in_compose(tree: Tree, compose_files: Iterable[ComposeFile]) -> Iterator[tuple[str, str]]:
    """Yield each env file that `env_file` names, or that is mounted, with its place."""
    for file in compose_files:
        for scalar in yaml_nodes.scalars(file.root):
            # Of a mount in long syntax, all else is about the container.
            last = scalar.keys[-1] if scalar.keys else ""
            is_source = "volumes" in scalar.keys and (last == "source" or last.isdecimal())
            path = scalar.value.partition(":")[0] if is_source else scalar.value
            mounted = is_source and is_env_name(PurePosixPath(path)) and path.startswith((".", "/"))
            named = "env_file" in scalar.keys and scalar.keys[-1] not in {"required", "format"}
            if (mounted or named) and "$" not in path:
                yield tree.relative(path, file.folder), f"{file.file}:{scalar.line}"


def named_in_uses(uses: Iterable[Use]) -> Iterator[tuple[str, str]]:
    """Yield each env file that a command line names, with its place."""
    for use in uses:
        yield from ((name, use.where) for name in use.env_files if "$" not in name)


def one(tree: Tree, name: str, used_by: tuple[str, ...], names: Iterable[str]) -> EnvFile:
    """Return what there is to know about one env file."""
    path = tree.folder / name
    form = form_of(tree, name)
    bindings: Mapping[str, str] = {}
    problem = None
    is_example = bool(EXAMPLE_WORDS & set(words_of(name)))
    if form in {"file", "link"} and path.is_file():
        try:
            bindings = env_files.read(path)
        except DashtamError as error:
            problem = error
    return EnvFile(
        file=name,
        form=form,
        used_by=used_by,
        names=tuple(bindings),
        link=str(path.readlink()) if path.is_symlink() else "",
        mode=files.mode_of(path) if path.exists() else None,
        example="" if is_example else example_of(name, names),
        is_example=is_example,
        problem=problem,
    )


def form_of(tree: Tree, name: str) -> str:
    """Return whether a name is a `file`, a `link`, a `folder` or `missing`."""
    path = tree.folder / name
    if path.is_symlink():
        return "link"
    return "folder" if path.is_dir() else "file" if path.exists() else "missing"


def words_of(name: str) -> list[str]:
    """Return the words of a file's name, in lower case."""
    return [word for word in re.split(r"[._-]", PurePosixPath(name).name.lower()) if word]


def example_of(name: str, names: Iterable[str]) -> str:
    """Return the file beside it that is called like `name` with a word such as `example`, empty for none."""
    own = sorted(words_of(name))
    for other in names:
        words = words_of(other)
        plain = sorted(word for word in words if word not in EXAMPLE_WORDS)
        same_folder = PurePosixPath(other).parent == PurePosixPath(name).parent
        if same_folder and plain == own and len(words) > len(own):
            return other
    return ""


def values_of(tree: Tree, name: str) -> dict[str, str]:
    """Return the values in an env file, none where it cannot be read: a finding says why."""
    try:
        return env_files.read(tree.folder / name)
    except DashtamError:
        return {}


def findings(tree: Tree, found: Iterable[EnvFile]) -> Iterator[Finding]:
    """Yield what is no file where one should be, and what is malformed."""
    for file in found:
        if file.form == "folder" and not (tree.folder / file.file / "pyvenv.cfg").exists():
            yield Finding(
                kind="env-is-folder",
                where=file.file,
                message="It is a folder, and should be a file: Docker makes one where a mounted file is missing.",
                hint=f"Remove it, and make the file{f' from {file.example}' if file.example else ''}.",
            )
        elif file.form == "link" and not (tree.folder / file.file).exists():
            yield Finding(
                kind="dangling-link",
                where=file.file,
                message=f"It is a link to {file.link}, which is not there.",
                hint="Mend or remove the link.",
            )
        elif file.form == "link":
            yield Finding(
                kind="env-is-link",
                where=file.file,
                message=f"It is a link to {file.link}; others may use that file too.",
                hint="Say whether the new env file is to be a link as well, or a copy.",
                severity=Severity.WARNING,
            )
        if file.problem:
            reason = file.problem.reason.removeprefix(f"{tree.folder}/")
            where, _, words = reason.partition(": ") if ": " in reason else (file.file, "", reason)
            yield Finding(kind="env-malformed", where=where, message=words, hint=file.problem.hint)
