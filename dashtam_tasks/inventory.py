"""Inventory: every instance on this machine, how it is, and those that nobody needs any more."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from dashtam_tasks import engine, instances
from dashtam_tasks.engine import Container
from dashtam_tasks.instances import Instance


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An instance, the state of its containers in a phrase, and the seconds since it was first started."""

    instance: Instance
    state: str
    age: float

    def as_data(self) -> dict[str, Any]:
        """Return the entry as plain data, for JSON."""
        known: dict[str, Any] = msgspec.to_builtins(self.instance)
        return known | {"state": self.state, "age_seconds": round(self.age)}


def survey() -> tuple[Entry, ...]:
    """Return every instance with its state, by folder and label.

    Raises DashtamError (UNAVAILABLE) when no engine answers.
    """
    containers = engine.containers(f"label={engine.PROJECT_LABEL}")
    now = datetime.now(UTC)
    entries = (
        Entry(instance=one, state=state(one, containers), age=(now - one.made).total_seconds())
        for one in instances.remembered()
    )
    return tuple(sorted(entries, key=lambda one: (one.instance.folder, one.instance.label)))


def state(instance: Instance, containers: Iterable[Container]) -> str:
    """Return a phrase for how an instance is, from `containers`, of which some may be its own."""
    if instance.is_orphan:
        return "folder is gone"
    found = [one for one in containers if one.project == instance.project]
    ready = sum(one.ready for one in found)
    if not found:
        return "down"
    return "healthy" if ready == len(found) else f"{ready} of {len(found)} healthy"


def orphans() -> tuple[Instance, ...]:
    """Return the instances whose folder is gone."""
    return tuple(one for one in instances.remembered() if one.is_orphan)


def remove(unneeded: Iterable[Instance]) -> Iterator[str]:
    """Remove each instance with its containers, networks, volumes and images; yield a line when it is gone.

    Its Compose file may be gone as well, so that what carries its label is removed, unless its containers are those
    of another folder by now. Raises DashtamError (UNAVAILABLE) when something cannot be removed; the instance is
    remembered then.
    """
    for one in unneeded:
        heirs = [folder for folder in engine.project_folders(one.project) if Path(folder).exists()]
        if not heirs:
            engine.remove_project(one.project)
        instances.forget([one.project])
        yield f"forgot {one.project}, which {heirs[0]} has now" if heirs else f"removed {one.project}"
