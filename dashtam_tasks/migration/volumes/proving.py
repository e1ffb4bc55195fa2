"""Proving: copy what is in one folder of a workbench into the other, and hold both against each other."""

from collections.abc import Iterator, Sequence

import msgspec

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.volumes import manifest
from dashtam_tasks.migration.volumes.progress import Progress
from dashtam_tasks.migration.volumes.records import Record
from dashtam_tasks.migration.volumes.workbench import SOURCE, TARGET, Job, Workbench

SHOWN = 5
# Only the file system of the copy, where `sync` knows how.
SYNC = ("sh", "-c", 'sync -f "$1" || sync', "sh", TARGET)


def copied(bench: Workbench, record: Record, progress: Progress) -> Record:
    """Copy everything, and return the record with what the copy has, when all of it is the same and on the disk.

    The source is hashed while it is copied, the copy while it goes to the disk. Raises DashtamError: DATA when
    they differ, IO.
    """
    found: dict[bytes, manifest.Entry] = {}
    target: dict[bytes, manifest.Entry] = {}
    read: manifest.Hashes = {}
    written: manifest.Hashes = {}

    def work() -> Iterator[Job]:
        yield Job(command=("cp", "-a", f"{SOURCE}/.", f"{TARGET}/"), after=verify)
        found.update(manifest.listing(bench, SOURCE))
        progress.total = 2 * manifest.size(found)
        yield from manifest.hashing(SOURCE, found, into=read, report=progress.add)

    def verify() -> Iterator[Job]:
        yield Job(command=SYNC)
        target.update(manifest.listing(bench, TARGET))
        require_same(tuple(manifest.differences(found, target)))
        yield from manifest.hashing(
            TARGET, target, into=written, report=progress.add, parts=manifest.HASHING_PARTS
        )

    bench.together(work())
    require_same(tuple(manifest.other_contents(read, written)))
    return msgspec.structs.replace(
        record, files=len(written), size=manifest.size(target), digest=manifest.digest(target, written)
    )


def require_same(differences: Sequence[str]) -> None:
    """Raise DashtamError (DATA) when there are differences, naming the first."""
    if differences:
        raise DashtamError(
            "The copy differs from its source.",
            code=ExitCode.DATA,
            details="\n".join((*differences[:SHOWN], f"... ({len(differences)} in all)")),
            hint="The source is as it was. Did anything write to it? Run the same command again.",
        )
