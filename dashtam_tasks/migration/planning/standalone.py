"""Standalone files: an environment's Compose file, made from those that a legacy project uses together."""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from dashtam_tasks import env_files
from dashtam_tasks.migration import rules
from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.merging import merged
from dashtam_tasks.migration.planning.ci_env_file import FIXED as CI_VALUES
from dashtam_tasks.migration.planning.equivalence import Difference, Resolvable, undeclared
from dashtam_tasks.migration.rules import applications, jobs
from dashtam_tasks.migration.rules.draft import COMPOSE_FOLDER, ENV_FOLDER, Draft
from dashtam_tasks.migration.rules.jobs import Job
from dashtam_tasks.migration.rules.places import declare_all
from dashtam_tasks.migration.rules.reading import environment, value_of
from dashtam_tasks.migration.rules.ssl import ssl

CERTIFICATES = "certs"
REQUIREMENTS = (
    "requirements*.txt",
    "requirements/*.txt",
    "pyproject.toml",
    "Pipfile",
    "setup.cfg",
    "setup.py",
)
COVERAGE = re.compile(r"\bpytest[-_]cov\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What an environment is made from: Compose files in their order, and the env file that they are resolved with.

    Names are relative to the project's folder; `env_file` is empty where there is none, and may be still to come.
    `offset` is what host ports are moved by. `shares_env_file` says that development is resolved with that env file
    too, and each gets a copy.
    """

    environment: str
    project: str
    files: tuple[str, ...]
    env_file: str = ""
    offset: int = 0
    shares_env_file: bool = False

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


def draft(source: Source, found: Legacy, *, moved: Mapping[str, str], job: Job | None = None) -> Draft:
    """Return the standalone file of an environment; `moved` says where each env file of the project goes.

    An environment's own env file goes to its own place, also where another one is resolved with it. `job` is what
    CI is for. Raises DashtamError (DATA), naming file and line, for what cannot be read, merged or
    changed.
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
        env_files={**moved, **({source.env_file: source.new_env_file} if source.env_file else {})},
        offset=source.offset,
        shared=source.values(found.folder) if source.shares_env_file else {},
        base=base if overlays else None,
    )
    chosen = rules.all_of(taken=source.values(found.folder), applications=applications.of(found), job=job)
    return rules.applied(begun, chosen)


def with_tls(test: Draft, found: Legacy) -> Draft:
    """Return the test file with a twin over HTTPS of every service that can speak it (step 2.1).

    It declares and remarks what this step changes, and no more. Where its document is that of `test`, there is
    nothing to be done, and a remark says why.
    """
    begun = replace(test, declared=(), remarks=())
    return ssl(certificate_folders(found)).apply(begun)


def certificate_folders(found: Legacy) -> dict[str, str]:
    """Return where each service has the project's certificates, in whatever files it mounts them."""
    folder = found.folder / CERTIFICATES
    models = [one.model for one in found.resolutions if one.model] if folder.is_dir() else []
    return {
        name: mount.target
        for model in models
        for name, service in model.services.items()
        for mount in service.volumes
        if mount.source == str(folder)
    }


def for_ci(tests: Source) -> Source:
    """Return what CI's file is made from: what tests are, with an env file of its own."""
    return replace(tests, environment="ci", offset=0)


def ci_job(tests: Source, found: Legacy) -> Job | None:
    """Return what a run in CI does, None where no suite runs in a service of the tests' files."""
    models = {one.files: one.model for one in found.resolutions}
    model = models.get(tests.files)
    suites = [one for one in found.suites if not one.started.files or one.started.files == tests.files]
    return jobs.chosen(suites, model.services if model else {}, covered=measures_coverage(found.folder))


def ci_draft(tests: Source, found: Legacy, job: Job, *, moved: Mapping[str, str]) -> Draft:
    """Return CI's file (step 2.2): the tests' in memory, unpublished, with a job that runs all of them.

    Every env file that moves is CI's own there, which `moved` need not say. What its containers get from an env
    file is declared. Raises DashtamError as `draft` does.
    """
    source = for_ci(tests)
    own = dict.fromkeys((*moved, *filter(None, (tests.env_file,))), source.new_env_file)
    made = draft(source, found, moved=own, job=job)
    names = sorted({name for file in found.env_files if file.file in own for name in file.names})
    return functools.reduce(lambda one, service: with_mocks(one, service, names), made.services, made)


def with_mocks(made: Draft, service: str, names: Iterable[str]) -> Draft:
    """Return a draft for CI with the variables declared that a service gets from an env file."""
    if not value_of(made.document, service, "env_file"):
        return made
    known = environment(made.document, service)
    chosen = (name for name in (*names, *CI_VALUES) if name not in known)
    places = (("services", service, "environment", name) for name in chosen)
    return declare_all(made, "env-file", places, "CI has mocks in the place of what tests are given")


def measures_coverage(folder: Path) -> bool:
    """Return whether a project's requirements name pytest-cov."""
    files = sorted({path for pattern in REQUIREMENTS for path in folder.glob(pattern) if path.is_file()})
    return any(COVERAGE.search(path.read_text(encoding="utf-8", errors="replace")) for path in files)


def unproven(source: Source, made: Draft, *, folder: Path, stage: Path) -> tuple[Difference, ...]:
    """Return what Compose resolves differently from before and no rule declares; nothing means proven.

    `stage` is the project as it would be. Raises DashtamError (DATA) when either side cannot be resolved.
    """
    before = Resolvable(root=folder, files=tuple(folder / name for name in source.files))
    after = Resolvable(root=stage, files=(stage / source.compose_file,))
    return undeclared(before, after, values=source.values(folder), declared=made.declared)


def unproven_between(
    source: Source, before: Draft, after: Draft, *, folder: Path, stage: Path
) -> tuple[Difference, ...]:
    """Return what one draft's file resolves to differently from another's and the later one does not declare.

    `stage` is the project as it would be with the later one, where the earlier one is put beside it. Raises
    DashtamError as `unproven` does.
    """
    later = stage / source.compose_file
    earlier = later.with_name(f"before-{later.name}")
    earlier.write_bytes(before.document.text.encode())
    files = (Resolvable(root=stage, files=(path,)) for path in (earlier, later))
    return undeclared(*files, values=source.values(folder), declared=after.declared)
