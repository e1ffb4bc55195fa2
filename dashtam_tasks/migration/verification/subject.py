"""What is verified: a project, what is known of it, and what its files say now."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from dashtam_tasks import configuration, env_files, isolation, opening, settings
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.files import PRIVATE
from dashtam_tasks.findings import Finding
from dashtam_tasks.migration.facts import EnvironmentFacts, Facts
from dashtam_tasks.migration.operations import Copy, Operation, Write
from dashtam_tasks.migration.planning.staging import staged
from dashtam_tasks.migration.verification import secrecy
from dashtam_tasks.settings import Settings

DEVELOPMENT, TESTS, CI = "dev", "test", "ci"
WORDS = re.compile(r"[-_.]")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A project in `folder`; what its files say is read once, when it is first asked for."""

    folder: Path
    facts: Facts
    known: dict[str, Model] = field(default_factory=dict, repr=False)

    @cached_property
    def settings(self) -> Settings:
        """The settings as the project's own tasks find them, variables of our shell aside.

        Raises DashtamError (CONFIGURATION) when a configuration file is wrong.
        """
        return read_settings(self.folder)

    @cached_property
    def env_files(self) -> tuple[Path, ...]:
        """Every env file that the project has, legacy ones included."""
        named = [name for one in self.facts.environments for name in (one.env_file, one.legacy_env_file)]
        return tuple(self.folder / name for name in dict.fromkeys(named) if name)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The secret values of all env files."""
        return secrecy.secrets_of(self.env_files, known=self.settings.keys)

    @property
    def environments(self) -> tuple[EnvironmentFacts, ...]:
        """The environments whose Compose files are there."""
        return tuple(one for one in self.facts.environments if (self.folder / one.compose_file).is_file())

    def environment(self, name: str) -> EnvironmentFacts:
        """Return what is known of an environment.

        Raises DashtamError (CONFIGURATION) when the project does not have it, or not its Compose file.
        """
        found = self.facts.environment(name)
        if found is None or not (self.folder / found.compose_file).is_file():
            file = found.compose_file if found else f"A Compose file for {name}"
            raise DashtamError(f"{file} does not exist.", code=ExitCode.CONFIGURATION)
        return found

    def has(self, name: str) -> bool:
        """Return whether the project has an environment of this name, as far as is known."""
        return self.facts.environment(name) is not None

    def path(self, relative: str) -> Path:
        """Return a path of the project."""
        return self.folder / relative

    def model(self, name: str) -> Model:
        """Return what Compose resolves an environment's file to, asked once.

        Raises DashtamError (CONFIGURATION), with Compose's own words, when the file is missing or not valid.
        """
        if name not in self.known:
            with self.composed(name) as compose:
                self.known[name] = compose.model
        return self.known[name]

    def resolved(self, name: str) -> dict[str, Any]:
        """Return all that Compose resolves an environment's file to, every profile included, as plain data.

        Raises DashtamError as `model` does.
        """
        with self.composed(name) as compose:
            found: dict[str, Any] = msgspec.json.decode(compose.resolved())
        return found

    def shown(self, name: str) -> str:
        """Return what a person would type to see what an environment's file resolves to."""
        one = self.environment(name)
        return f"docker compose --file {one.compose_file} --env-file {one.env_file} config"

    @contextmanager
    def composed(self, name: str) -> Iterator[Compose]:
        """Yield an environment's Compose file with its env files; one that is still to come is staged.

        Raises DashtamError (CONFIGURATION) when the Compose file is missing.
        """
        one = self.environment(name)
        if self.path(one.env_file).is_file():
            yield self.compose_in(self.folder, one)
            return
        with staged(self.folder, [stand_in(self.folder, one)]) as stage:
            yield self.compose_in(stage, one)

    def compose_in(self, folder: Path, one: EnvironmentFacts) -> Compose:
        """Return an environment's Compose file in a folder, with the choice of images if there is one."""
        chosen = opening.present_env_files(self.settings, folder / one.env_file)
        return Compose(file=folder / one.compose_file, env_files=chosen)

    def examined(self, name: str) -> isolation.Subject:
        """Return an environment as isolation looks at it."""
        known = self.settings.environments.get(name)
        jobs = frozenset({known.job} - {""}) if known else frozenset[str]()
        file = self.path(self.environment(name).compose_file)
        return isolation.Subject(name=name, file=file, model=self.model(name), jobs=jobs)

    def findings(self, name: str, *kinds: str, beside: str = "") -> Iterator[Finding]:
        """Yield what isolation finds of these kinds in an environment, or between it and the one `beside` it."""
        shared = opening.shared_paths(self.settings)
        found = (
            isolation.overlaps(self.examined(beside), self.examined(name), shared=shared)
            if beside
            else isolation.examine([self.examined(name)], (), shared=shared)
        )
        yield from (one for one in found if one.kind in kinds)

    def named_after(self, name: str, environment: str) -> bool:
        """Return whether a name of the engine's has an environment among its words."""
        return environment in WORDS.split(name)


def stand_in(folder: Path, one: EnvironmentFacts) -> Operation:
    """Return what makes an env file that a later step brings: from where it is now, its example, or of nothing."""
    example = str(env_files.example_of(Path(one.env_file)))
    source = next((name for name in (one.legacy_env_file, example) if name and (folder / name).is_file()), "")
    if source:
        return Copy(source=source, target=one.env_file)
    return Write(path=one.env_file, data=b"", mode=PRIVATE)


def read_settings(folder: Path) -> Settings:
    """Return the settings of the project in `folder`, merged as Invoke merges configuration files.

    Raises DashtamError (CONFIGURATION) when a file is wrong.
    """
    merged: dict[str, Any] = settings.defaults(folder)[settings.KEY]
    for one in reversed(configuration.read_mergeable(folder, merged)):
        merged = merge(merged, one)
    try:
        return settings.of(merged)
    except msgspec.ValidationError as error:
        raise DashtamError(
            f"{folder / settings.CONFIGURATION_FILES[0]}: {error}.",
            code=ExitCode.CONFIGURATION,
            hint="docs/settings.md lists the settings and their types.",
        ) from error


def merge(weak: Mapping[str, Any], strong: Mapping[str, Any]) -> dict[str, Any]:
    """Return two configurations as one: mappings are merged, of everything else the strong one's counts."""
    both = dict(weak)
    for name, value in strong.items():
        mine = both.get(name)
        both[name] = merge(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return both


def sentences(findings: Iterable[Finding], folder: Path) -> Iterator[str]:
    """Yield what findings say, each with its place in the project."""
    for one in findings:
        where, message = (text.replace(f"{folder}/", "") for text in (one.where, one.message))
        yield f"{where}: {message}"
