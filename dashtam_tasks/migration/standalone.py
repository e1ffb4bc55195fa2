"""Standalone files: an environment's Compose file, made from those that a legacy project uses together."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dashtam_tasks import env_files
from dashtam_tasks.migration import rules
from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.equivalence import Difference, Resolvable, undeclared
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.merging import merged
from dashtam_tasks.migration.rules.draft import COMPOSE_FOLDER, ENV_FOLDER, Draft
from dashtam_tasks.migration.rules.runtimes import base_image


@dataclass(frozen=True, kw_only=True)
class Source:
    """What an environment is made from: Compose files in their order, and the env file that they are resolved with.

    Names are relative to the project's folder; `env_file` is empty where there is none, and may be still to come.
    `offset` is what host ports are moved by.
    """

    environment: str
    project: str
    files: tuple[str, ...]
    env_file: str = ""
    offset: int = 0

    @property
    def compose_file(self) -> str:
        """Where the standalone file goes."""
        return f"{COMPOSE_FOLDER}/docker-compose.{self.environment}.yml"

    @property
    def new_env_file(self) -> str:
        """Where the env file goes."""
        return f"{ENV_FOLDER}/.env.{self.environment}"

    def values(self, folder: Path) -> dict[str, str]:
        """Return the variables that the legacy files are resolved with.

        Raises DashtamError (CONFIGURATION) for an env file that cannot be read.
        """
        path = folder / self.env_file
        return env_files.read(path) if self.env_file and path.is_file() else {}


def draft(source: Source, found: Legacy, *, moved: Mapping[str, str]) -> Draft:
    """Return the standalone file of an environment; `moved` says where each env file of the project goes.

    Raises DashtamError (DATA), naming file and line, for what cannot be read, merged or changed.
    """
    base, *overlays = (Document.read(found.folder / name) for name in source.files)
    origin = PurePosixPath(source.files[0]).parent
    begun = Draft(
        document=functools.reduce(
            functools.partial(merged, base_folder=found.folder / origin), overlays, base
        ),
        environment=source.environment,
        project=source.project,
        origin=str(origin),
        env_files=moved,
        offset=source.offset,
        base=base if overlays else None,
    )
    chosen = rules.all_of(taken=source.values(found.folder), bases=base_images(found))
    return rules.applied(begun, chosen)


def base_images(found: Legacy) -> dict[str, str]:
    """Return the image that each built service is built upon, where its Dockerfile says so."""
    return {
        build.service: image
        for build in found.builds
        if (path := found.folder / build.dockerfile).is_file()
        and (image := base_image(path.read_text(encoding="utf-8", errors="replace"), target=build.target))
    }


def unproven(source: Source, made: Draft, *, folder: Path, stage: Path) -> tuple[Difference, ...]:
    """Return what Compose resolves differently from before and no rule declares; nothing means proven.

    `stage` is the project as it would be. Raises DashtamError (DATA) when either side cannot be resolved.
    """
    before = Resolvable(root=folder, files=tuple(folder / name for name in source.files))
    after = Resolvable(root=stage, files=(stage / source.compose_file,))
    return undeclared(before, after, values=source.values(folder), declared=made.declared)
