"""What is called or placed otherwise after a migration: files, containers, networks and volumes."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from dashtam_tasks.compose import Model
from dashtam_tasks.migration.facts import EnvironmentFacts
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.names import NETWORKS, VOLUMES, Kind


class What(enum.StrEnum):
    """What has another name."""

    COMPOSE_FILE = "Compose file"
    ENV_FILE = "env file"
    CONTAINER = "container"
    NETWORK = "network"
    VOLUME = "volume"
    KEY = "key in the Compose file"


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """An old name and the new one, and the environment that has it; files are relative to the project's folder.

    `whole` is the engine's new name of what a key stands for.
    """

    what: What
    old: str
    new: str
    environment: str
    whole: str = ""

    @property
    def is_file(self) -> bool:
        """Whether it is the name of a file."""
        return self.what in {What.COMPOSE_FILE, What.ENV_FILE}


def renamed(blueprint: Blueprint) -> tuple[Renamed, ...]:
    """Return what has another name, each old name once: what several environments used is development's."""
    found: dict[str, Renamed] = {}
    for one in blueprint.facts.environments:
        for each in (*files(blueprint, one), *on_engine(blueprint, one)):
            if each.old != each.new:
                found.setdefault(each.old, each)
    return tuple(found.values())


def files(blueprint: Blueprint, one: EnvironmentFacts) -> Iterator[Renamed]:
    """Yield the files that an environment was made from, with the one that it has now."""
    for file in one.legacy_files:
        yield Renamed(what=What.COMPOSE_FILE, old=file, new=one.compose_file, environment=one.name)
    if one.legacy_env_file:
        old = one.legacy_env_file
        yield Renamed(what=What.ENV_FILE, old=old, new=one.env_file, environment=one.name)
        example = example_of(blueprint, old)
        if example:
            new = f"{one.env_file}.example"
            yield Renamed(what=What.ENV_FILE, old=example, new=new, environment=one.name)


def example_of(blueprint: Blueprint, env_file: str) -> str:
    """Return the example of an env file, empty for none."""
    return next((one.example for one in blueprint.found.env_files if one.file == env_file), "")


def on_engine(blueprint: Blueprint, one: EnvironmentFacts) -> Iterator[Renamed]:
    """Yield the containers, networks and volumes of an environment that have other names on the engine."""
    before, after = legacy_model(blueprint, one), blueprint.models.get(one.name)
    draft = blueprint.drafts.get(one.name)
    if before is None or after is None or draft is None:
        return
    for service in before.services:
        if service in after.services:
            old, new = container(before, service), container(after, service)
            yield Renamed(what=What.CONTAINER, old=old, new=new, environment=one.name)
    for what, kind in ((What.NETWORK, NETWORKS), (What.VOLUME, VOLUMES)):
        yield from of_kind(what, kind, before, after, draft)


def of_kind(what: What, kind: Kind, before: Model, after: Model, draft: Draft) -> Iterator[Renamed]:
    """Yield the networks or the volumes that have other names, and their keys that are no common words."""
    olds, news = getattr(before, kind.section), getattr(after, kind.section)
    for key, old in olds.items():
        new = next((name for name in (kind.key_for(draft, key), key) if name in news), "")
        if new:
            environment, whole = draft.environment, news[new].name
            yield Renamed(what=what, old=old.name, new=whole, environment=environment)
            if "_" in key or "-" in key:
                yield Renamed(what=What.KEY, old=key, new=new, environment=environment, whole=whole)


def legacy_model(blueprint: Blueprint, one: EnvironmentFacts) -> Model | None:
    """Return what Compose made of an environment's legacy files, None where it could not tell."""
    models = {each.files: each.model for each in blueprint.found.resolutions}
    return models.get(one.legacy_files)


def container(model: Model, service: str) -> str:
    """Return the name of a service's only container; Compose's own ends in its number."""
    return model.services[service].container_name or f"{model.name}-{service}-1"


def places(blueprint: Blueprint) -> dict[str, str]:
    """Return where each file is that is moved."""
    own = {one.old: one.new for one in renamed(blueprint) if one.what is What.ENV_FILE}
    return {**own, **blueprint.facts.moved}


def mounted_env_files(blueprint: Blueprint) -> dict[str, str]:
    """Return where containers have each env file that is mounted into them: its path there, by its old name."""
    found: dict[str, str] = {}
    for one in blueprint.facts.environments:
        model = legacy_model(blueprint, one)
        source = str(blueprint.found.folder / one.legacy_env_file)
        mounts = (mount for service in model.services.values() for mount in service.volumes) if model else ()
        for mount in mounts:
            if one.legacy_env_file and str(PurePosixPath(mount.source)) == source:
                found.setdefault(one.legacy_env_file, mount.target)
    return found
