"""The rehearsal of a rollback: for real, on a copy of what the migration has touched, so that nothing is lost."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dashtam_tasks.migration import ledger, snapshots
from dashtam_tasks.migration.backup.records import DUMPS
from dashtam_tasks.migration.boxes import Box
from dashtam_tasks.migration.execution import rolling_back, site
from dashtam_tasks.migration.ledger import coding, saved_plan
from dashtam_tasks.migration.ledger.journal import Event
from dashtam_tasks.migration.ledger.saved_plan import SavedPlan
from dashtam_tasks.migration.operations import CopyVolume, Move, touched
from dashtam_tasks.migration.snapshots import Kind, Snapshot
from dashtam_tasks.migration.verification.evidence import Watch, presented
from dashtam_tasks.migration.verification.subject import Subject
from dashtam_tasks.migration.verification.ticking import Verdict, holds, ticked
from dashtam_tasks.migration.volumes.copying import Copied
from dashtam_tasks.migration.volumes.returning import TakenBack
from dashtam_tasks.notifying import Notify

PREFIX = "rehearsal-"
STEP, LINE = "3.3", "Tested rollback works"


class NoVolumes:
    """Volumes of the engine, none of which a rehearsal touches."""

    def copy(self, operation: CopyVolume, *, project: Path, notify: Notify) -> Copied:  # noqa: ARG002
        """Make nothing."""
        return Copied(target=operation.target, files=0, size=0)

    def is_complete(self, operation: CopyVolume, *, project: Path) -> bool:  # noqa: ARG002
        """Return that a volume is there."""
        return True

    def take_back(
        self,
        operation: CopyVolume,
        *,
        project: Path,  # noqa: ARG002
        backup_folder: Path,  # noqa: ARG002
        notify: Notify,  # noqa: ARG002
    ) -> TakenBack:
        """Remove nothing, and count it as gone."""
        return TakenBack(target=operation.target, is_removed=True)


def rehearse(subject: Subject, saved: SavedPlan) -> Iterator[Box]:
    """Yield the box of step 3.3 that has to be run: whether a rollback brings every file back."""
    yield from presented(subject, ticked(STEP, [(LINE, lambda: works(subject, saved))]))


def works(subject: Subject, saved: SavedPlan) -> Verdict:
    """Decide whether a rollback of a copy leaves every file as it was backed up, and nothing that was made.

    What a person wrote since is set aside there, so that all of it is tried.
    """
    watch = Watch(subject=subject, command="dashtam-tasks migrate.rollback --force (in a copy)")
    # Beside the backup, whose folder is private and ignored, and whose dumps need not be copied there.
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=subject.folder / ledger.BACKUPS) as parent:
        copy = Path(parent).resolve() / subject.folder.name
        copy_touched(subject.folder, copy, saved)
        there = saved_plan.load(copy)
        assert there is not None
        before = originals(copy, there)
        done = rolling_back.roll_back(
            copy, there, force=True, dry_run=False, notify=lambda _: None, volumes=NoVolumes()
        )
        wrong = [
            f"{path} would not be as it was before."
            for path in paths(saved)
            if not snapshots.of(copy / path).same_contents(before[path])
        ]
    wrong += (f"{one.where}: {one.message}" for one in done.kept)
    restored, removed = len(done.restored), len(done.removed)
    return holds(wrong, watch.saw(f"{restored} restored, {removed} removed, {len(done.set_aside)} set aside"))


def originals(project: Path, saved: SavedPlan) -> dict[str, Snapshot]:
    """Return what was at each path: as it was backed up, or as a person had edited it when its step came."""
    here = site.looked_at(project, saved, volumes=NoVolumes(), notify=lambda _: None)
    backed_up = {path: here.backup.entries.get(path, snapshots.ABSENT) for path in paths(saved)}
    moves = {one.operation.source: key for key, one in saved.keyed() if isinstance(one.operation, Move)}
    edited = {
        path: coding.named(record.before)[path]
        for path, key in moves.items()
        if (record := here.journal.latest(Event.INTENT, key))
    }
    return backed_up | edited


def paths(saved: SavedPlan) -> list[str]:
    """Return the paths of files that a migration touches."""
    return sorted({path for _, one in saved.keyed() for path in touched(one.operation)})


def copied(source: str, target: str) -> None:
    """Copy a file, but give a dump another name only: it may be large, and a rollback reads it at most."""
    if Path(source).parent.name == DUMPS:
        os.link(source, target, follow_symlinks=False)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def copy_touched(project: Path, copy: Path, saved: SavedPlan) -> None:
    """Copy what a rollback reads and changes: the ledger, the backup, and the files that were touched."""
    for name in (ledger.NAME, f"{ledger.BACKUPS}/{saved.backup_name}"):
        shutil.copytree(project / name, copy / name, symlinks=True, copy_function=copied)
    for name in paths(saved):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if snapshots.of(project / name).kind in {Kind.FILE, Kind.LINK}:
            shutil.copy2(project / name, target, follow_symlinks=False)
    for name in sorted(saved.folders, reverse=True):
        if (project / name).is_dir():
            (copy / name).mkdir(parents=True, exist_ok=True)
            shutil.copystat(project / name, copy / name)
