"""Removing the old volumes, when the migration is over and somebody has said so by name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks import engine
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup
from dashtam_tasks.migration.containers import workbench
from dashtam_tasks.migration.containers.workbench import SOURCE
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.progress import amount
from dashtam_tasks.migration.volumes import copying, freshness, inspection, releasing
from dashtam_tasks.notifying import Notify

KIB = 1024


@dataclass(frozen=True, kw_only=True)
class Removal:
    """An old volume that may go: its size in bytes, its copy, and the dumps of it that a backup has.

    `is_outdated` says whether something has written to it since it was copied.
    """

    operation: CopyVolume
    size: int
    has_copy: bool
    is_outdated: bool
    dumps: tuple[Path, ...]

    def __str__(self) -> str:
        kept = ", ".join(map(str, self.dumps)) or "no dump of it"
        whole = "its copy is whole" if self.has_copy else "ITS COPY IS NOT WHOLE"
        since = ", AND IT WAS WRITTEN TO SINCE" if self.is_outdated else ""
        return f"{self.operation.source} ({amount(self.size)}): {whole}, in {self.operation.target}{since}; {kept}"


def removal(operations: Iterable[CopyVolume], *, project: Path) -> tuple[Removal, ...]:
    """Return the old volumes that are still there, to be named before any is removed.

    Raises DashtamError: UNAVAILABLE when no engine answers or an image is gone, DATA and IO for what is damaged.
    """
    return tuple(
        Removal(
            operation=one,
            size=size_of(one),
            has_copy=copying.is_complete(one, project=project),
            is_outdated=freshness.is_outdated(one, project=project),
            dumps=tuple(dumps_of(one.source, project)),
        )
        for one in operations
        if inspection.volume(one.source)
    )


def size_of(operation: CopyVolume) -> int:
    """Return how much space an old volume takes, in bytes."""
    with workbench.opened(operation.image, subject=operation.target, source=operation.source) as bench:
        return KIB * int(bench.output("du", "-sk", SOURCE).split()[0])


def dumps_of(volume: str, project: Path) -> Iterable[Path]:
    """Yield the dumps of a volume in the project's backups that are as they were written."""
    for one in backup.existing(project):
        found = [dump for dump in one.dumps if dump.volume == volume]
        if found and not backup.verified(one):
            yield from (one.dump_file(dump).relative_to(project) for dump in found)


def remove_old(removals: Sequence[Removal], *, project: Path, notify: Notify) -> None:
    """Remove old volumes, which is for good.

    Raises DashtamError before anything is removed: DATA when a copy is not whole or its source was written to
    since, BUSY when a container holds one.
    """
    for one in removals:
        if not copying.is_complete(one.operation, project=project):
            raise DashtamError(
                f"The copy of the volume {one.operation.source} is not whole, and the volume stays.",
                code=ExitCode.DATA,
                hint="Finish the migration first: migrate.apply",
            )
        holders = inspection.holders(one.operation.source)
        if holders:
            raise releasing.in_use(one.operation.source, holders)
        if freshness.is_outdated(one.operation, project=project):
            raise DashtamError(
                f"Something has written to the volume {one.operation.source} since it was copied, and it stays.",
                code=ExitCode.DATA,
                hint=f"If nobody needs what was written: docker volume rm {one.operation.source}",
            )
    for one in removals:
        notify(f"removing the volume {one.operation.source}")
        engine.docker("volume", "rm", one.operation.source)
