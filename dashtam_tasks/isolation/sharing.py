"""What two instances, or two projects on the engine, share that they should not."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path

from dashtam_tasks.findings import Finding
from dashtam_tasks.isolation.claims import Claim, HostPorts, Thing
from dashtam_tasks.isolation.subjects import Breach, Subject

SENTENCES = {
    "shared-container-name": "Container name {thing} is that of {one} and of {other}.",
    "shared-port": "Host port {thing} is published by {one} and by {other}.",
    "shared-network": "Network {thing} is joined by {one} and by {other}.",
    "shared-volume": "Volume {thing} is mounted by {one} and by {other}.",
}
HINTS = {
    "shared-container-name": "Remove `container_name`, or write one that differs, such as "
    "`${{COMPOSE_PROJECT_NAME}}-{service}`.",
    "shared-port": "Publish another host port in one of them, by a variable that its env file sets.",
    "shared-network": "Remove the network's `name`, `external` or `network_mode`, so that each project gets its "
    "own, or write a name that differs, such as `${{COMPOSE_PROJECT_NAME}}-network`.",
    "shared-volume": "Remove the volume's `name` or `external`, so that each project gets its own.",
    "shared-bind-mount": "Mount another folder in one of them, or a volume; or write `read_only: true` in both if "
    "neither has to write.",
}

# Claims of one side on the same thing.
Groups = Mapping[tuple[str, Thing], list[Claim]]


def between(one: Iterable[Claim], other: Iterable[Claim], *, meant: Collection[Path]) -> Iterator[Breach]:
    """Yield each thing that both sides claim; what lies below the paths in `meant` is theirs to share."""
    for ((kind, mine), ours), ((other_kind, yours), theirs) in product(
        grouped(one).items(), grouped(other).items()
    ):
        common = meeting(mine, yours) if kind == other_kind else None
        if common is None or follows_from_project(ours[0], theirs[0]):
            continue
        if not isinstance(common, Path) or is_breach(common, ours + theirs, meant):
            yield breach(common, ours, theirs)


def same_project(one: Subject, other: Subject) -> Iterator[Breach]:
    """Yield the breach that two subjects are one project to Compose, if they are."""
    name = one.model.name
    if name == other.model.name:
        yield Breach(
            about=("shared-project", name),
            finding=Finding(
                kind="shared-project",
                where=one.source.line_of("name"),
                message=f"{one.name} and {other.name} are both Compose project {name}: one replaces the "
                "other's containers, and takes its networks and volumes.",
                hint="Write a `name` that differs at the top of one file, or put a variable into it that the env "
                "files set differently.",
            ),
        )


def grouped(claims: Iterable[Claim]) -> Groups:
    """Return claims by what they claim, those that may write to it first."""
    groups: defaultdict[tuple[str, Thing], list[Claim]] = defaultdict(list)
    for claim in sorted(claims, key=lambda claim: not claim.writable):
        groups[claim.kind, claim.thing].append(claim)
    return groups


def meeting(one: Thing, other: Thing) -> Thing | None:
    """Return what is in both: the same name, ports of both ranges, the inner one of two paths; else None."""
    if isinstance(one, HostPorts) and isinstance(other, HostPorts):
        return one.common(other)
    if isinstance(one, Path) and isinstance(other, Path):
        outer, inner = sorted((one, other), key=lambda path: len(path.parts))
        return inner if inner.is_relative_to(outer) else None
    return one if one == other else None


def follows_from_project(one: Claim, other: Claim) -> bool:
    """Return whether two claims meet only because both projects have one name, which is told by itself."""
    return one.derived and other.derived and one.project == other.project


def is_breach(common: Path, claims: Iterable[Claim], meant: Collection[Path]) -> bool:
    """Return whether a path is mounted by two sides, is written to, and is not theirs to share."""
    writable = any(claim.writable for claim in claims)
    return writable and not any(common.is_relative_to(path.resolve()) for path in meant)


def breach(common: Thing, ours: list[Claim], theirs: list[Claim]) -> Breach:
    """Return the breach that both sides claim `common`, told at our side's line and naming the other's."""
    claim, other = ours[0], theirs[0]
    where, other_place = claim.where(), other.where()
    one, another = users(ours), users(theirs) + (f" ({other_place})" if other_place != where else "")
    if isinstance(claim.thing, Path) and isinstance(other.thing, Path):
        message = mounted(
            claim.thing, f"{access(claim)} by {one}", other.thing, f"{access(other)} by {another}"
        )
    else:
        message = SENTENCES[claim.kind].format(thing=common, one=one, other=another)
    return Breach(
        about=(claim.kind, frozenset({claim.project, other.project}), str(common)),
        finding=Finding(
            kind=claim.kind,
            where=where,
            message=message,
            hint=HINTS[claim.kind].format(service=claim.service),
        ),
    )


def mounted(mine: Path, one: str, yours: Path, other: str) -> str:
    """Return the sentence for a path that both sides mount, or for two of which one holds the other."""
    if mine == yours:
        return f"{mine} is mounted {one}, and {other}."
    place = "in" if yours.is_relative_to(mine) else "around"
    return f"{mine} is mounted {one}, and {yours} {place} it {other}."


def access(claim: Claim) -> str:
    """Return how a path is mounted."""
    return "writable" if claim.writable else "read-only"


def users(claims: Iterable[Claim]) -> str:
    """Return a phrase for the services of one side: `app and worker of dev`."""
    listed = list(claims)
    *most, last = sorted({claim.service for claim in listed})
    return f"{', '.join(most)}{' and ' if most else ''}{last} of {listed[0].owner}"
