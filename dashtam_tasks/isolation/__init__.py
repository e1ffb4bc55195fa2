"""Isolation: that instances share nothing but the sources that they are meant to share, and each is sound.

It judges what Compose resolves and what the engine runs, never a file's text, which only tells the line.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import chain, combinations
from pathlib import Path

from dashtam_tasks.engine import Container
from dashtam_tasks.findings import Finding
from dashtam_tasks.isolation import alone, claims, running, sharing
from dashtam_tasks.isolation.subjects import Breach, Subject

__all__ = ["Subject", "examine", "overlaps"]


def examine(
    subjects: Sequence[Subject],
    containers: Iterable[Container],
    *,
    shared: Collection[Path],
    checked: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Return what is wrong with each instance, between any two, and with what the engine runs.

    `shared` are the paths that instances are meant to share, `checked` the images that bring a health check. Each
    finding is told once: what a file tells is not repeated for the containers made from it, nor for each instance
    of the same file.
    """
    present = tuple(containers)
    told = [
        *chain.from_iterable(alone.breaches(one, checked) for one in subjects),
        *chain.from_iterable(pair_breaches(*pair, meant=shared) for pair in combinations(subjects, 2)),
    ]
    known = {one.about for one in told}
    seen = {one.about: one for one in running.breaches(present, subjects, meant=shared)}
    new = (one for about, one in seen.items() if about not in known)
    return tuple(dict.fromkeys(one.finding for one in (*told, *new)))


def overlaps(one: Subject, other: Subject, *, shared: Collection[Path]) -> tuple[Finding, ...]:
    """Return what two instances share that they should not; `shared` are the paths that they are meant to."""
    return tuple(breach.finding for breach in pair_breaches(one, other, meant=shared))


def pair_breaches(one: Subject, other: Subject, *, meant: Collection[Path]) -> tuple[Breach, ...]:
    """Return the breaches between two instances."""
    between = sharing.between(claims.of_subject(one), claims.of_subject(other), meant=meant)
    return (*sharing.same_project(one, other), *between)
