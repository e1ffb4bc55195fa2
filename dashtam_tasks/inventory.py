"""Inventory: every instance on this machine, how it is, and those that nobody needs any more."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
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
    known = instances.remembered()
    by_project: dict[str, list[Container]] = {one.project: [] for one in known}
    for container in engine.containers(f"label={engine.PROJECT_LABEL}"):
        by_project.get(container.project, []).append(container)
    now = datetime.now(UTC)
    entries = (
        Entry(instance=one, state=state(one, by_project[one.project]), age=(now - one.made).total_seconds())
        for one in known
    )
    return tuple(sorted(entries, key=lambda one: (one.instance.folder, one.instance.label)))


def state(instance: Instance, containers: Iterable[Container]) -> str:
    """Return a phrase for how an instance is."""
    if instance.is_orphan:
        return "folder is gone"
    found = tuple(containers)
    ready = sum(one.ready for one in found)
    if not found:
        return "down"
    return "healthy" if ready == len(found) else f"{ready} of {len(found)} healthy"


def orphans() -> tuple[Instance, ...]:
    """Return the instances whose folder is gone."""
    return tuple(one for one in instances.remembered() if one.is_orphan)


def remove(unneeded: Iterable[Instance]) -> Iterator[Instance]:
    """Remove each instance with its containers, networks, volumes and images; yield it when it is gone.

    Its Compose file may be gone as well, so that what carries its label is removed. Raises DashtamError
    (UNAVAILABLE) when something cannot be removed; the instance is remembered then.
    """
    for one in unneeded:
        engine.remove_project(one.project)
        instances.forget([one.project])
        yield one
