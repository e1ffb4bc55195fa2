"""Stages: a project with a draft's file where it will stand, so that Compose reads it and what it was made from."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from dotenv import dotenv_values

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.planning import equivalence
from dashtam_tasks.migration.planning.equivalence import Declared, Difference, Resolvable
from dashtam_tasks.migration.rules.draft import Draft, Rule

SHAPES = Path(__file__).parents[3] / "shapes"
BASE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A project in `root`, a folder to be written to, of which `file` becomes the Compose file of an environment.

    `values` are those of its env file, and `env_files` say where env files go. A draft's file is put where
    its paths start from: in the origin's folder, and in compose/ once the rule relative-path has been applied.
    """

    root: Path
    file: str
    values: Mapping[str, str] = field(default_factory=dict)
    env_files: Mapping[str, str] = field(default_factory=dict)

    def draft(self, environment: str = "dev", *, project: str = "shop", offset: int = 0) -> Draft:
        """Return the draft that the rules start from."""
        return Draft(
            document=Document.read(self.root / self.file),
            environment=environment,
            project=project,
            origin=str(PurePosixPath(self.file).parent),
            env_files=self.env_files,
            offset=offset,
        )

    @property
    def before(self) -> Resolvable:
        """What the draft was made from."""
        return Resolvable(root=self.root, files=(self.root / self.file,))

    def after(self, draft: Draft) -> Resolvable:
        """Return the draft's file, written where it belongs, beside copies of the env files where those go."""
        for old, new in self.env_files.items():
            (self.root / new).parent.mkdir(exist_ok=True)
            shutil.copy(self.root / old, self.root / new)
        written = self.root / draft.origin / f"staged.{draft.environment}.yml"
        written.parent.mkdir(exist_ok=True)
        written.write_bytes(draft.document.text.encode())
        return Resolvable(root=self.root, files=(written,))

    def differences(self, draft: Draft) -> tuple[Difference, ...]:
        """Return all that Compose resolves in another way in the draft's file, on purpose or not."""
        return equivalence.undeclared(self.before, self.after(draft), values=self.values, declared=())


def staged(
    folder: Path, files: Mapping[str, str], *, file: str = "docker-compose.yml", env_file: str = ""
) -> Stage:
    """Return the stage of a project, called shop, with these files; `env_file` is the one that becomes dev's."""
    root = folder / "shop"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    return stage_of(root, file=file, env_file=env_file)


def shaped(folder: Path, name: str) -> Stage:
    """Return the stage of a shape, with the file and the env file that development uses there."""
    root = folder / name
    shutil.copytree(SHAPES / name / "project", root, symlinks=True)
    options = shape(name)["development"]
    # The rules are tried on the first file; merging has tests of its own.
    chosen = dict(reversed([*zip(options[::2], options[1::2], strict=True)]))
    file = chosen.get("-f") or next(one for one in BASE_NAMES if (root / one).exists())
    env_file = chosen.get("--env-file") or str(PurePosixPath(file).with_name(".env"))
    return stage_of(root, file=file, env_file=env_file if (root / env_file).exists() else "")


def stage_of(root: Path, *, file: str, env_file: str) -> Stage:
    """Return the stage of a folder; an env file that is in its place already stays there."""
    values = dotenv_values(root / env_file) if env_file else {}
    moved = {env_file: "envs/.env.dev"} if env_file and not env_file.startswith("envs/") else {}
    return Stage(
        root=root,
        file=file,
        values={name: value or "" for name, value in values.items()},
        env_files=moved,
    )


def shape(name: str) -> dict[str, Any]:
    """Return what is said of a shape."""
    said: dict[str, Any] = yaml.safe_load((SHAPES / name / "shape.yml").read_text())
    return said


def migrated_shapes() -> list[str]:
    """Return the names of the shapes that are to be migrated."""
    names = sorted(path.parent.name for path in SHAPES.glob("*/shape.yml"))
    return [name for name in names if shape(name)["outcome"] == "migrated"]


def applied(draft: Draft, *rules: Rule) -> Draft:
    """Return the draft after the rules, one after another."""
    return reduce(lambda one, rule: rule.apply(one), rules, draft)


def unexplained(differences: Iterable[Difference], declared: Iterable[Declared]) -> Iterator[Difference]:
    """Yield the differences that no declared change covers."""
    declared = tuple(declared)
    return (one for one in differences if not any(change.covers(one.place) for change in declared))
