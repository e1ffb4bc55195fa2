"""The ledger: `.dashtam/`, where a migration keeps its plan and its journal for as long as it can be taken back."""

import os
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks import files
from dashtam_tasks.migration import durable
from dashtam_tasks.migration.durable import Look, Owner
from dashtam_tasks.ownership import ROOT

NAME = ".dashtam"
BACKUPS = "backups"
# Of a backup: where what a rollback took away goes, the ledger among it, and verification leaves it alone.
SET_ASIDE = "set-aside"
PLAN = "plan.json"
IGNORE_FILE = ".gitignore"
PRIVATE_FOLDER = 0o700

# An operation: its step's number, and which of that it is, counted from 0.
Key = tuple[str, int]


@dataclass(frozen=True)
class Ledger:
    """The folder of a ledger, and what is in it."""

    folder: Path

    @property
    def plan(self) -> Path:
        """The saved plan; as long as it is there, something is left to do or to take back."""
        return self.folder / PLAN

    @property
    def journal(self) -> Path:
        """What was done so far."""
        return self.folder / "journal"

    @property
    def contents(self) -> Path:
        """The contents of the files that the migration writes, each by its SHA-256."""
        return self.folder / "contents"

    @property
    def originals(self) -> Path:
        """The files that were replaced, themselves: a second name keeps their links, attributes and all."""
        return self.folder / "originals"

    @property
    def scratch(self) -> Path:
        """Files that are not yet complete; whatever is found here a crash has left."""
        return self.folder / "scratch"

    @property
    def lock(self) -> Path:
        """The file that whoever works here holds."""
        return self.folder / "lock"

    def make(self) -> None:
        """Make the folder and those in it, private and ignored by git.

        Raises DashtamError (CANNOT_CREATE).
        """
        self.make_folder()
        for one in (self.contents, self.originals, self.scratch):
            make_private(one, owner=owner_of(self.folder))

    def make_folder(self) -> None:
        """Make the folder alone; raise DashtamError (CANNOT_CREATE)."""
        make_private(self.folder, owner=owner_of(self.folder.parent))
        ignore = self.folder / IGNORE_FILE
        if not ignore.exists():
            with durable.naming(ignore):
                files.write_atomically(ignore, b"*\n", mode=files.PRIVATE, owner=owner_of(self.folder))

    def put(self, path: Path, data: bytes) -> None:
        """Put a file of the ledger's own in its place, whole or not at all; raise DashtamError (CANNOT_CREATE)."""
        look = Look(mode=files.PRIVATE, owner=owner_of(self.folder))
        with durable.naming(path):
            durable.place(data, path, scratch=self.scratch, look=look, replacing=True)

    def sweep(self) -> None:
        """Remove what a crash left half-done; raise DashtamError (CANNOT_CREATE)."""
        with durable.naming(self.scratch):
            for one in self.scratch.iterdir():
                one.unlink()


def of(project: Path) -> Ledger:
    """Return the ledger of the project in a folder, whether it is there or not."""
    return Ledger(project / NAME)


def by_hand(folder: Path) -> str:
    """Return what is left to do where the ledger in a folder is damaged."""
    return (
        f"`migrate.backups --verify` says whether the backup is whole. Copy its files back from {BACKUPS}/ by "
        f"hand, and then remove {folder}."
    )


def owner_of(folder: Path) -> Owner | None:
    """Return the owner to give a new file in `folder` to: only root's files need one, the folder's own."""
    if os.geteuid() != ROOT:
        return None
    present = folder.stat()
    return present.st_uid, present.st_gid


def make_private(folder: Path, *, owner: Owner | None) -> None:
    """Make a folder that nobody else may enter, where it is missing; raise DashtamError (CANNOT_CREATE)."""
    if folder.is_dir():
        return
    with durable.naming(folder):
        folder.mkdir(mode=PRIVATE_FOLDER)
        # A umask may have taken from it what we need ourselves.
        folder.chmod(PRIVATE_FOLDER)
        if owner is not None:
            os.chown(folder, *owner)
        files.sync_folder(folder.parent)
