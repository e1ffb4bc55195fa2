"""What a legacy project has, and how it is used. Nothing is changed by looking.

What stands in a migration's way is a finding, in words; only a folder that cannot be read is an error.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import msgspec

from dashtam_tasks.compose import Model
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration.legacy import (
    env_files,
    file_part,
    git,
    on_engine,
    other_files,
    project_name,
    recipes,
    services,
)
from dashtam_tasks.migration.legacy.compose_files import ComposeFile, Kind
from dashtam_tasks.migration.legacy.development import Development
from dashtam_tasks.migration.legacy.env_files import EnvFile
from dashtam_tasks.migration.legacy.file_part import FilePart
from dashtam_tasks.migration.legacy.git import Git
from dashtam_tasks.migration.legacy.makefile import Makefile
from dashtam_tasks.migration.legacy.on_engine import OnEngine
from dashtam_tasks.migration.legacy.other_files import Build, OtherFiles
from dashtam_tasks.migration.legacy.project_name import ProjectName
from dashtam_tasks.migration.legacy.recipes import Suite
from dashtam_tasks.migration.legacy.resolution import Resolution
from dashtam_tasks.migration.legacy.services import Services
from dashtam_tasks.migration.legacy.test_files import Role, TestFile
from dashtam_tasks.migration.legacy.usage import Use

__all__ = ["Legacy", "Role", "TestFile", "survey"]


@dataclass(frozen=True, kw_only=True)
class Legacy:
    """A project as it is; names of files are relative to `folder`.

    `base` and `override` are what plain `docker compose` takes, empty for none; `development` is what a developer's
    own environment uses. `resolutions` say what Compose makes of files together, development's first; their models
    hold values from env files, and are not for showing.
    """

    folder: Path
    project: ProjectName
    base: str
    override: str
    development: Development
    compose_files: tuple[ComposeFile, ...] = field(repr=False)
    tests: tuple[TestFile, ...]
    env_files: tuple[EnvFile, ...]
    makefile: Makefile | None
    files: OtherFiles
    builds: tuple[Build, ...]
    uses: tuple[Use, ...]
    suites: tuple[Suite, ...]
    services: Services
    git: Git
    engine: OnEngine
    findings: tuple[Finding, ...]
    resolutions: tuple[Resolution, ...] = field(default=(), repr=False)

    def as_data(self) -> dict[str, Any]:
        """Return what was found as plain data, for JSON, without a value of any env file."""
        shown = [one.name for one in fields(self) if one.name not in {"compose_files", "resolutions"}]
        return {name: msgspec.to_builtins(getattr(self, name), enc_hook=str) for name in shown} | {
            "compose_files": [
                {"file": one.file, "kind": one.kind.value, "variant": one.variant}
                for one in self.compose_files
            ]
        }

    @property
    def others(self) -> tuple[str, ...]:
        """The Compose files that are neither base, override nor test."""
        return tuple(one.file for one in self.compose_files if one.kind is Kind.OTHER)

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings that a migration has to stop at."""
        return tuple(one for one in self.findings if one.severity is Severity.ERROR)


def survey(folder: Path) -> Legacy:
    """Return what the project in `folder` has and how it is used; without an engine, what its files say.

    Raises DashtamError: USAGE when there is no such folder, IO when it cannot be read.
    """
    part = file_part.read(folder.absolute())
    place = part.tree.folder
    own, tests = part.resolve_development(), tuple(part.judged())
    tested = (part.resolve(*test.files, named_env_files=test.env_files) for test in tests)
    resolutions = (*([own] if own else []), *tested)
    models = {one.files: one.model for one in resolutions if one.model}
    files = other_files.find(part.tree)
    suites, roles = run_by(part, models, files)
    project = project_name.find(part, own)
    named_env_files = env_files.find(part.tree, part.compose, part.uses)
    projects = (project.name, *project.others, *(model.name for model in models.values()))
    engine = on_engine.ask(projects, models.values())
    checkout = git.look(place)
    return Legacy(
        folder=place,
        project=project,
        base=part.first(Kind.BASE),
        override=part.first(Kind.OVERRIDE),
        development=part.development,
        compose_files=part.compose,
        tests=tests,
        env_files=named_env_files,
        makefile=part.makefile,
        files=files,
        builds=other_files.builds(place, models.values()),
        uses=part.uses,
        suites=suites,
        services=roles,
        git=checkout,
        engine=engine,
        resolutions=resolutions,
        findings=(
            *file_part.findings(part),
            *file_part.unresolved(part, resolutions),
            *env_files.findings(part.tree, named_env_files),
            *undecided(tests),
            *not_asked(place, engine, checkout),
        ),
    )


def run_by(
    part: FilePart, models: dict[tuple[str, ...], Model], files: OtherFiles
) -> tuple[tuple[Suite, ...], Services]:
    """Return the test suites, and what the services are for."""
    plain = next(iter(models.values()), None)
    containers = {
        service.container_name: name
        for model in models.values()
        for name, service in model.services.items()
        if service.container_name
    }
    known = {(): plain, **models} if plain else models
    started = recipes.started(part.lines, part.tree, containers)
    found = recipes.suites(
        (*started, *recipes.inside(part.uses, known)),
        part.makefile,
        exists=lambda path: (part.tree.folder / path).exists(),
    )
    return found, services.find(models.values(), found, started, files.devcontainers)


def undecided(tests: Iterable[TestFile]) -> Iterator[Finding]:
    """Yield a question for each test file whose signs disagree."""
    for test in tests:
        if test.role is Role.UNDECIDED:
            signs = "; ".join(f"{sign.where} {sign.words}" for sign in test.signs)
            yield Finding(
                kind="test-file-undecided",
                where=test.file,
                message=f"It is not clear whether it is an overlay or stands alone: {signs}.",
                hint="Say which: --test-file=overlay or --test-file=standalone",
            )


def not_asked(folder: Path, engine: OnEngine, checkout: Git) -> Iterator[Finding]:
    """Yield what nobody could be asked about."""
    if not engine.answered:
        yield Finding(
            kind="engine-not-asked",
            where="engine",
            message=f"Which volumes and containers there are is not known: {engine.problem}",
            hint="Start the engine before the migration moves data.",
            severity=Severity.WARNING,
        )
    if checkout.problem:
        yield Finding(
            kind="git-not-asked",
            where=str(folder),
            message=f"What is committed is not known: {checkout.problem}",
            severity=Severity.WARNING,
        )
