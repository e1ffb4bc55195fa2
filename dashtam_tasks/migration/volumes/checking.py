"""Checking: what stands in the way of copying volumes, said before anything is stopped, made or changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dashtam_tasks import engine
from dashtam_tasks.engine import Container
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration.containers import workbench
from dashtam_tasks.migration.containers.workbench import SOURCE, Workbench
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.postgresql import counting, data_directory
from dashtam_tasks.migration.progress import amount
from dashtam_tasks.migration.volumes import dump_versions, inspection, records
from dashtam_tasks.migration.volumes.copying import is_ours
from dashtam_tasks.migration.volumes.inspection import Volume, named

TOOLS = tuple("cat cp du find readlink sha256sum stat sync xargs".split())
POSTGRES_TOOLS = tuple("pg_ctl pg_dump pg_dumpall pg_restore postgres psql".split())
MISSING = 'for tool do command -v "$tool" > /dev/null || echo "$tool"; done'
# A running server removes files while du looks at them; what du says of the rest is its size.
SIZE = 'du -sk "$1" 2> /dev/null; df -Pk "$1"'
KIB = 1024
# Metadata, and the log that a server writes on the copy.
RESERVE_BYTES = 64 << 20
Dumps = Mapping[str, Sequence[Path]]
NO_DUMPS: Dumps = MappingProxyType({})
ADOPT = "Let the new file use the old volume: --volumes=adopt"


@dataclass(frozen=True, kw_only=True)
class Space:
    """What a volume takes and what its file system has left, in bytes, and which file system that is."""

    used: int
    free: int
    filesystem: str


def problems(
    operations: Sequence[CopyVolume], found: Legacy, *, dumps: Dumps = NO_DUMPS
) -> tuple[Finding, ...]:
    """Return what stands in the way of copies, as errors, and what a person should know before, as warnings.

    `dumps` are those that somebody may want to restore into a copy, by the name of the old volume. Nothing is
    changed by looking. Raises DashtamError (UNAVAILABLE) when no engine answers.
    """
    spaces: list[Space] = []
    found_all = [one for each in operations for one in of_one(each, found, spaces, dumps)]
    return (*found_all, *too_little(spaces))


def of_one(operation: CopyVolume, found: Legacy, spaces: list[Space], dumps: Dumps) -> Iterator[Finding]:
    """Yield the findings about one copy, and add the space that it needs to `spaces`."""
    source = inspection.volume(operation.source)
    if source is None:
        yield error(
            "volume-missing", operation.source, "The engine has no such volume any more.", "Plan anew."
        )
        return
    if source.driver != "local":
        words = f"It belongs to the driver {source.driver}, whose volumes are not copied."
        yield error("volume-driver", operation.source, words, ADOPT)
    yield from target_in_the_way(operation, found.folder)
    containers = inspection.holders(operation.source)
    yield from held(source, containers, found.folder)
    if not engine.images_present((operation.image,)):
        words = f"The image {operation.image}, in which it would be copied, is not on this machine."
        yield error("volume-image", operation.source, words, f"Pull or build it, or: {ADOPT}")
        return
    try:
        with workbench.opened(operation.image, subject=operation.target, source=operation.source) as bench:
            yield from inside(bench, operation, containers, spaces, dumps)
    except DashtamError as failure:
        if failure.code == ExitCode.UNAVAILABLE:
            raise
        yield error("volume-unreadable", operation.source, failure.reason, failure.hint or ADOPT)


def error(kind: str, where: str, message: str, hint: str) -> Finding:
    """Return what a copy has to stop at."""
    return Finding(kind=kind, where=where, message=message, hint=hint)


def warning(kind: str, where: str, message: str, hint: str = "") -> Finding:
    """Return what a person should know."""
    return Finding(kind=kind, where=where, message=message, hint=hint, severity=Severity.WARNING)


def target_in_the_way(operation: CopyVolume, project: Path) -> Iterator[Finding]:
    """Yield that a volume has the name of the copy already, and that it is none of ours."""
    target = inspection.volume(operation.target)
    if target and not is_ours(target, records.read(project, operation.target)):
        words = "A volume of this name is there already, and this migration did not make it."
        hint = f"If nobody needs what it holds: docker volume rm {operation.target}"
        yield error("volume-in-the-way", operation.target, words, hint)


def held(source: Volume, containers: Sequence[Container], project: Path) -> Iterator[Finding]:
    """Yield who holds a volume: others, whom it is left to, and the project's own containers, which will go."""
    strangers = inspection.strangers(source, containers, project)
    if strangers:
        words = f"Containers that do not belong to this project hold it: {named(strangers)}."
        hint = (
            f"If nobody needs them: docker rm --force {' '.join(one.name.lstrip('/') for one in strangers)}"
        )
        yield error("volume-held", source.name, words, hint)
    own = [one for one in containers if one not in strangers]
    if own:
        words = f"Its containers will be stopped and removed, with what they have outside of volumes: {named(own)}."
        yield warning("containers-removed", source.name, words)
    for project_name in sorted({one.project for one in own if one.project}):
        others = [one for one in engine.project_containers(project_name) if one.is_running and one not in own]
        if others:
            words = (
                f"What else of {project_name} runs will be stopped, so that nothing writes: {named(others)}."
            )
            yield warning("containers-stopped", source.name, words)


def inside(
    bench: Workbench,
    operation: CopyVolume,
    containers: Sequence[Container],
    spaces: list[Space],
    dumps: Dumps,
) -> Iterator[Finding]:
    """Yield what can be seen in a container of the image only."""
    tools = TOOLS + (POSTGRES_TOOLS if operation.is_postgres else ())
    missing = bench.output("sh", "-c", MISSING, "sh", *tools).decode().split()
    if missing:
        words = f"The image {operation.image} has no {', '.join(missing)}, which copying needs."
        yield error("volume-tools", operation.source, words, ADOPT)
        return
    spaces.append(space(bench))
    if operation.is_postgres:
        wanted = data_directory.major(bench)
        data_directory.current(bench, SOURCE)
        yield from dump_versions.others(bench, operation, wanted, dumps.get(operation.source, ()))
        yield from collations(operation, containers)


def space(bench: Workbench) -> Space:
    """Return what the source takes, and what is left where it is."""
    used, _, free = bench.output("sh", "-c", SIZE, "sh", SOURCE).decode().splitlines()
    filesystem, _, _, available, *_ = free.split()
    return Space(used=KIB * int(used.split()[0]), free=KIB * int(available), filesystem=filesystem)


def too_little(spaces: Sequence[Space]) -> Iterator[Finding]:
    """Yield that a file system has not enough space for all copies together."""
    for filesystem in dict.fromkeys(one.filesystem for one in spaces):
        here = [one for one in spaces if one.filesystem == filesystem]
        needed, free = sum(one.used for one in here) + RESERVE_BYTES, min(one.free for one in here)
        if needed > free:
            words = f"The copies need {amount(needed)} of the engine's disk, and {amount(free)} are free."
            yield error("volume-space", filesystem, words, f"Free some, or: {ADOPT}")


def collations(operation: CopyVolume, containers: Sequence[Container]) -> Iterator[Finding]:
    """Yield which databases of a running server were made with another version of their collation."""
    container = inspection.server(operation, containers)
    if container is None:
        return
    with inspection.asking(container) as server:
        found = counting.collations(server)
    for words in found:
        hint = "Reindex them, then: ALTER DATABASE ... REFRESH COLLATION VERSION"
        yield warning("collation-version", operation.source, words, hint)
