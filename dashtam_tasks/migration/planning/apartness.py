"""Apartness: that the environments of a staged project would share nothing that they should not."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from dashtam_tasks import isolation
from dashtam_tasks.compose import Model, PublishedPort
from dashtam_tasks.findings import Finding
from dashtam_tasks.migration.planning.provenance import Planned

# Sources are mounted by several environments on purpose; the settings name them then.
MEANT = frozenset({"shared-bind-mount"})
# How far host ports may be moved: by one where that is free, as people expect, else further.
OFFSETS = (*range(1, 10), *range(10, 100, 10), *range(100, 1000, 100), *range(1000, 10_000, 1000))


def offset(development: Model | None, tests: Model | None) -> int:
    """Return by how much the host ports of tests are moved, so that none is one of development's."""
    taken, wanted = host_ports(development), host_ports(tests)
    free: Iterator[int] = (one for one in OFFSETS if not {port + one for port in wanted} & taken)
    return next(free, OFFSETS[0])


def host_ports(model: Model | None) -> set[int]:
    """Return the host ports that a project publishes."""
    services = model.services.values() if model else ()
    return {number for service in services for port in service.ports for number in numbers(port)}


def numbers(port: PublishedPort) -> Iterable[int]:
    """Return the host ports of one item of `ports`, which may be a range; none where the engine chooses."""
    first, _, last = port.published.partition("-")
    return range(int(first), int(last or first) + 1) if first else ()


def breaches(planned: Iterable[Planned], *, folder: Path, stage: Path) -> tuple[Finding, ...]:
    """Return what any two environments share that they should not.

    `stage` is the project in `folder` as it would be; places are relative to it, and those of files that there are.
    """
    found = (
        one
        for pair in combinations(planned, 2)
        for one in isolation.overlaps(*pair, shared=())
        if one.kind not in MEANT
    )
    return tuple(relative(one, stage, folder) for one in found)


def relative(finding: Finding, *folders: Path) -> Finding:
    """Return a finding whose places begin below folders."""
    where, message = finding.where, finding.message
    for folder in folders:
        where, message = (text.replace(f"{folder}/", "") for text in (where, message))
    return replace(finding, where=where, message=message)
