"""Backups as they are found: a folder each in `backups/`, with the contents under the files' own paths."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path, PurePosixPath

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.backup import manifest
from dashtam_tasks.migration.backup.contents import reading
from dashtam_tasks.migration.backup.manifest import Dump, Manifest
from dashtam_tasks.migration.ledger import BACKUPS, SET_ASIDE
from dashtam_tasks.migration.snapshots import Kind, Snapshot, shown, unquoted

MANIFEST, KEPT, DUMPS = "manifest.json", "kept", "dumps"
# What a backup has of its own; a project's file of such a name is among what is kept by its hash.
OWN = frozenset({MANIFEST, KEPT, DUMPS, SET_ASIDE})
PREFIX = "pre-migration-"
NAME = re.compile(rf"{PREFIX}(\d{{8}})(?:-([1-9]\d*))?")
SUFFIX = ".tmp"


@dataclass(frozen=True, kw_only=True)
class Backup:
    """A backup: `entries` by the paths that they had in the project, with what was there, absences included.

    `taken` is in UTC; of a backup whose manifest is damaged it is the day in its name, and there are no entries.
    `problem` says what is wrong with the manifest, empty for nothing. `hard_links` are the files that had more
    names than one, with how many.
    """

    folder: Path
    taken: datetime
    reason: str = ""
    entries: Mapping[str, Snapshot] = field(default_factory=dict, repr=False)
    hard_links: Mapping[str, int] = field(default_factory=dict, repr=False)
    dumps: tuple[Dump, ...] = ()
    problem: str = ""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    def file(self, path: str) -> Path:
        """Return where the contents of the file that was at `path` are.

        Raises DashtamError (DATA) when the backup has no file of this path.
        """
        snapshot = self.entries.get(path)
        if snapshot is None or snapshot.kind is not Kind.FILE:
            raise DashtamError(
                f"{BACKUPS}/{self.name} has no file {shown(path)}.",
                code=ExitCode.DATA,
                hint="`migrate.backups` lists and verifies the backups.",
            )
        return self.folder / stored_at(path, snapshot)

    @property
    def dumps_folder(self) -> Path:
        """Where its dumps are."""
        return self.folder / DUMPS

    def dump_file(self, dump: Dump) -> Path:
        """Return where a dump is."""
        return self.dumps_folder / dump.name


def stored_at(path: str, snapshot: Snapshot) -> str:
    """Return where, in a backup's folder, the contents of a project's file are."""
    taken = PurePosixPath(path).parts[0] in OWN
    return f"{KEPT}/{snapshot.sha256}" if taken else path


def existing(project: Path) -> tuple[Backup, ...]:
    """Return the backups of the project in `project`, oldest first, damaged ones included.

    Raises DashtamError (IO) when they cannot be looked at.
    """
    backups = project / BACKUPS
    with reading(backups):
        if not backups.is_dir():
            return ()
        found = [one for one in backups.iterdir() if is_backup(one)]
    return tuple(map(read, sorted(found, key=order)))


def is_backup(path: Path) -> bool:
    """Return whether a path is a folder with a backup's name, with a date that exists."""
    named = NAME.fullmatch(path.name)
    return bool(named and day(named[1])) and path.is_dir() and not path.is_symlink()


def day(digits: str) -> date | None:
    """Return the date that `YYYYMMDD` says, None for no date."""
    try:
        return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def order(path: Path) -> tuple[str, int]:
    """Return what sorts backups by when they were taken: the day, and which of that day."""
    named = NAME.fullmatch(path.name)
    assert named
    return named[1], int(named[2] or 1)


def read(folder: Path) -> Backup:
    """Return the backup in `folder`, with what is wrong with its manifest, if anything is.

    Raises DashtamError (IO) when a manifest is there and cannot be read.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
        found = manifest.decode(data)
    except (FileNotFoundError, NotADirectoryError):
        return damaged(folder, "It is missing.")
    except IsADirectoryError:
        return damaged(folder, "It is not a file.")
    except ValueError as error:
        return damaged(folder, f"It is damaged, or another version wrote it: {error}.")
    except OSError:
        with reading(folder / MANIFEST):
            raise
    return of_manifest(folder, found)


def damaged(folder: Path, problem: str) -> Backup:
    """Return what is known of a backup without its manifest."""
    named = NAME.fullmatch(folder.name)
    known = day(named[1]) if named else None
    taken = datetime.combine(known or date.min, time(), tzinfo=UTC)
    return Backup(folder=folder, taken=taken, problem=problem)


def of_manifest(folder: Path, found: Manifest) -> Backup:
    """Return the backup that a manifest describes."""
    return Backup(
        folder=folder,
        taken=found.taken,
        reason=found.reason,
        entries={unquoted(name): one for name, one in found.entries.items()},
        hard_links={unquoted(name): count for name, count in found.hard_links.items()},
        dumps=found.dumps,
    )


def stored(backup: Backup) -> Iterator[tuple[str, Snapshot]]:
    """Yield where each file of a backup is in its folder, and what it was in the project."""
    for path, snapshot in backup.entries.items():
        if snapshot.kind is Kind.FILE:
            yield stored_at(path, snapshot), snapshot
