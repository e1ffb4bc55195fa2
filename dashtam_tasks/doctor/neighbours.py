"""Neighbours: all instances on this machine beside each other, as their files and the engine have them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks import engine, instances, isolation, opening
from dashtam_tasks.doctor.machine import Seen, guarded
from dashtam_tasks.environments import Environment
from dashtam_tasks.findings import Finding
from dashtam_tasks.instances import Instance
from dashtam_tasks.isolation import Subject
from dashtam_tasks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Proof:
    """Which instances were looked at, and what is wrong with them."""

    instances: tuple[str, ...]
    findings: tuple[Finding, ...]


def prove_isolation(settings: Settings) -> Proof:
    """Find what any two instances share that they should not, and what is unsound in one of them.

    Raises DashtamError: UNAVAILABLE when no engine answers, and as opening.open_environment does.
    """
    subjects = (*own_subjects(settings), *other_subjects(settings))
    known = instances.remembered()
    projects = {one.model.name for one in subjects} | {one.project for one in known}
    containers = engine.containers(f"label={engine.PROJECT_LABEL}")
    shared = {*opening.shared_paths(settings), *(Path(path) for one in known for path in one.shared)}
    present = [one for one in containers if one.project in projects]
    findings = isolation.examine(subjects, present, shared=shared, checked=checked_images(subjects))
    return Proof(instances=tuple(one.name for one in subjects), findings=findings)


def checked_images(subjects: Iterable[Subject]) -> frozenset[str]:
    """Return which images bring a health check, of services whose file has none."""
    return engine.images_with_health_check(
        {
            one.model.image(name)
            for one in subjects
            for name, service in one.model.services.items()
            if not (service.healthcheck or {}).get("test")
        }
    )


def isolation_seen(settings: Settings) -> Iterator[Seen]:
    """Yield the same for doctor, to which an error is a finding among others."""

    def findings() -> tuple[Finding, ...]:
        return prove_isolation(settings).findings

    yield from guarded(findings, kind="isolation", where=settings.project_dir)


def own_subjects(settings: Settings) -> Iterator[Subject]:
    """Yield every instance of this project; a named one has no ports before it was started."""
    for name in settings.environments:
        yield from map(opening.subject, filter(has_ports, opening.every_instance(settings, name)))


def has_ports(environment: Environment) -> bool:
    """Return whether an instance's host ports are known: the default's are in its files."""
    return not environment.instance or environment.remembered is not None


def other_subjects(settings: Settings) -> Iterator[Subject]:
    """Yield the instances of projects in other folders, as far as they are still complete."""
    ours = instances.of_folder(settings.path(""))
    for one in instances.remembered():
        if one not in ours and is_complete(one):
            yield Subject(name=f"{one.label} of {one.folder}", file=one.compose.file, model=one.compose.model)


def is_complete(instance: Instance) -> bool:
    """Return whether the files that an instance is resolved from are there."""
    return all(path.is_file() for path in (instance.compose.file, *instance.compose.env_files))
