"""Proving: copy what is in one folder of a workbench into the other, and hold both against each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.containers.executor import Job
from dashtam_tasks.migration.containers.workbench import SOURCE, TARGET, Workbench
from dashtam_tasks.migration.progress import Progress
from dashtam_tasks.migration.volumes import comparing, manifest
from dashtam_tasks.migration.volumes.comparing import Bytewise
from dashtam_tasks.migration.volumes.records import Record

SHOWN = 5
# Only the file system of the copy, where `sync` knows how.
SYNC = ("sh", "-c", 'sync -f "$1" || sync', "sh", TARGET)


@dataclass(kw_only=True)
class Proof:
    """A copy in a workbench, with what is known of both folders so far."""

    bench: Workbench
    progress: Progress
    source: dict[bytes, manifest.Entry] = field(default_factory=dict)
    target: dict[bytes, manifest.Entry] = field(default_factory=dict)
    read: manifest.Hashes = field(default_factory=dict)
    written: manifest.Hashes = field(default_factory=dict)
    bytewise: Bytewise | None = None

    def copying(self) -> Iterator[Job]:
        """Yield what copies the source, and hashes it meanwhile."""
        yield Job(command=("cp", "-a", f"{SOURCE}/.", f"{TARGET}/"), after=self.verifying)
        self.source.update(manifest.listing(self.bench, SOURCE))
        self.progress.total = 2 * manifest.size(self.source)
        if comparing.is_quicker(self.bench, self.source):
            self.bytewise = Bytewise(found=self.source, report=self.progress.add)
        yield from manifest.hashing(SOURCE, self.source, into=self.read, report=self.progress.add)

    def verifying(self, _: int) -> Iterator[Job]:
        """Yield what puts the copy onto the disk, and compares or hashes it meanwhile.

        Raises DashtamError (DATA) when names, owners, modes or times are not those of the source.
        """
        yield Job(command=SYNC)
        if self.bytewise:
            yield self.bytewise.job()
        self.target.update(manifest.listing(self.bench, TARGET))
        require_same(tuple(manifest.differences(self.source, self.target)))
        if not self.bytewise:
            parts, add = manifest.HASHING_PARTS, self.progress.add
            yield from manifest.hashing(TARGET, self.target, into=self.written, report=add, parts=parts)

    def require_contents(self) -> None:
        """Raise DashtamError (DATA) unless all files were hashed and hold the same."""
        hashes = self.read if self.bytewise else self.written
        require_same(tuple(manifest.other_contents(self.source, self.read, hashes)))
        require_same(self.bytewise.differences if self.bytewise else ())


def copied(bench: Workbench, record: Record, progress: Progress) -> Record:
    """Copy everything, and return the record with what the copy has, when all of it is the same and on the disk.

    Raises DashtamError: DATA when they differ, IO.
    """
    proof = Proof(bench=bench, progress=progress)
    bench.together(proof.copying())
    proof.require_contents()
    return msgspec.structs.replace(
        record,
        files=len(proof.read),
        size=manifest.size(proof.target),
        digest=manifest.digest(proof.target, proof.read),
        source_state=manifest.state(proof.source),
        source_identity=manifest.identity(proof.source),
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
