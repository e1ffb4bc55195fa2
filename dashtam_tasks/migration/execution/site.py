"""Site: where a saved plan is carried out, and what that needs: its journal, its backup, its project, an engine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup, durable, ledger
from dashtam_tasks.migration.backup import Backup
from dashtam_tasks.migration.ledger import Ledger, journal
from dashtam_tasks.migration.ledger.journal import Journal
from dashtam_tasks.migration.ledger.plans import SavedPlan
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.snapshots import Snapshot
from dashtam_tasks.notifying import Notify


class Copied(Protocol):
    """A copied volume."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know."""


class TakenBack(Protocol):
    """What became of a copied volume that was to go."""

    @property
    def is_removed(self) -> bool:
        """Whether it is gone."""

    @property
    def dumps(self) -> tuple[str, ...]:
        """The names of its dumps."""

    @property
    def changes(self) -> tuple[str, ...]:
        """What was new in it, in words."""

    @property
    def problem(self) -> str:
        """Why it was not removed, empty when it was."""

    @property
    def hint(self) -> str:
        """What a person can do about that."""


class Volumes(Protocol):
    """What is done with volumes, as the module `volumes` does it; each of these may be repeated after a crash."""

    def copy(self, operation: CopyVolume, *, project: Path, notify: Notify) -> Copied:
        """Make the new volume, complete and verified, unless it is."""

    def is_complete(self, operation: CopyVolume, *, project: Path) -> bool:
        """Return whether the new volume is there, complete and verified."""

    def take_back(
        self, operation: CopyVolume, *, project: Path, backup_folder: Path, notify: Notify
    ) -> TakenBack:
        """Remove the new volume, what is new in it dumped before."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A saved plan in its project; relative paths are the project's."""

    project: Path
    saved: SavedPlan
    backup: Backup
    journal: Journal
    volumes: Volumes
    notify: Notify

    @property
    def ledger(self) -> Ledger:
        """Where the plan is kept."""
        return self.saved.ledger

    def look(self, path: str) -> Snapshot:
        """Return what is at a path; raise DashtamError (IO) when it cannot be read."""
        return durable.look_at(self.project / path)


def opened(project: Path, saved: SavedPlan, *, volumes: Volumes | None, notify: Notify) -> Site:
    """Return the site of a saved plan, cleared of what a crash left half-done there.

    Raises DashtamError: DATA when the journal is damaged or the backup is missing, CANNOT_CREATE.
    """
    found = backup_of(project, saved)
    saved.ledger.make()
    saved.ledger.sweep()
    opened_journal, was_torn = journal.opened(saved.ledger, plan=saved.id)
    if was_torn:
        notify(f"The last record of {saved.ledger.journal} was cut off, as a crash leaves it; it is dropped.")
    return Site(
        project=project,
        saved=saved,
        backup=found,
        journal=opened_journal,
        volumes=volumes or real_volumes(),
        notify=notify,
    )


def looked_at(project: Path, saved: SavedPlan, *, volumes: Volumes | None, notify: Notify) -> Site:
    """Return the site of a saved plan for looking only; raise DashtamError (DATA)."""
    text = journal.read(saved.ledger.journal)
    journal.refuse_others(text, saved.id, saved.ledger.journal)
    return Site(
        project=project,
        saved=saved,
        backup=backup_of(project, saved),
        journal=Journal(saved.ledger.journal, list(text.records), text.last),
        volumes=volumes or real_volumes(),
        notify=notify,
    )


def real_volumes() -> Volumes:
    """Return what works on the engine's volumes; it is slow to import."""
    from dashtam_tasks.migration import volumes

    return volumes


def backup_of(project: Path, saved: SavedPlan) -> Backup:
    """Return the backup that a plan goes with; raise DashtamError (DATA) when it is not there or not sound."""
    found = next((one for one in backup.existing(project) if one.name == saved.backup_name), None)
    if found is None or found.problem:
        raise DashtamError(
            f"{ledger.BACKUPS}/{saved.backup_name}/manifest.json is missing or damaged.",
            code=ExitCode.DATA,
            hint="Without its backup a migration goes neither on nor back: put that folder back as it was.",
        )
    return found
