"""Provenance: where in a person's own Compose files stands what a new one, which is not there yet, will say."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dashtam_tasks import isolation
from dashtam_tasks.isolation.source import SourceFile, items
from dashtam_tasks.migration.planning import standalone
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.planning.choices import CI, TESTS
from dashtam_tasks.migration.planning.standalone import Source

if TYPE_CHECKING:
    import yaml

# What the rules give other keys.
RENAMED = frozenset({"networks", "volumes"})


@dataclass(frozen=True)
class LegacyFiles(SourceFile):
    """The Compose files that an environment is made from, asked as if they were its new one.

    `path` is the first of them, and the last one that says something counts, as for Compose.
    """

    files: tuple[SourceFile, ...]
    environment: str
    project: str

    def line_of(self, *keys: str) -> str:
        """Return `file:line` of what `keys` lead to; where no file has it, what it is called stands behind.

        That is so for what comes from another file, by `extends` or `include`, or that nobody has written.
        """
        for names in self.earlier(keys):
            for file in reversed(self.files):
                if file.walk(names)[1] is not None:
                    return file.line_of(*names)
        called = ".".join(keys)
        for file in reversed(self.files):
            if file.walk(keys[:2])[1] is not None:
                return f"{file.line_of(*keys[:2])} ({called})"
        return f"{self.path} ({called})"

    def line_of_item(self, service: str, key: str, likeness: Callable[["yaml.Node"], int]) -> str:
        """Return `file:line` of the list item with the highest likeness, else as `line_of` does."""
        for file in reversed(self.files):
            fitting = [item for item in items(file.walk(("services", service, key))[1]) if likeness(item)]
            if fitting:
                return file.place(max(fitting, key=likeness))
        return self.line_of("services", service, key)

    def earlier(self, keys: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Yield what keys may have been before the rules about names."""
        yield keys
        if keys[0] in RENAMED and len(keys) > 1:
            section, key, *rest = keys
            if key.startswith(f"{self.environment}_"):
                yield section, key.removeprefix(f"{self.environment}_"), *rest
            if key.startswith(self.environment):
                yield section, self.project + key.removeprefix(self.environment), *rest


@dataclass(frozen=True, kw_only=True)
class Planned(isolation.Subject):
    """An environment that is planned, whose places are those of the files that it is made from."""

    legacy: LegacyFiles

    @cached_property
    def source(self) -> SourceFile:
        """The legacy Compose files as they are written."""
        return self.legacy


def planned(blueprint: Blueprint) -> tuple[Planned, ...]:
    """Return the environments of a project as isolation looks at them, before their files are there."""
    folder = blueprint.found.folder
    tests = blueprint.sources.get(TESTS)
    job = standalone.ci_job(tests, blueprint.found) if tests else None
    return tuple(
        Planned(
            name=name,
            file=folder / source.compose_file,
            model=blueprint.models[name],
            jobs=frozenset({job.service}) if job and name == CI else frozenset(),
            legacy=legacy_files(source, folder),
        )
        for name, source in blueprint.sources.items()
    )


def legacy_files(source: Source, folder: Path) -> LegacyFiles:
    """Return the Compose files that an environment of the project in `folder` is made from."""
    paths = [folder / name for name in source.files]
    return LegacyFiles(
        path=paths[0],
        files=tuple(map(SourceFile, paths)),
        environment=source.environment,
        project=source.project,
    )
