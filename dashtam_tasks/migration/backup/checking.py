"""Verify a backup: every bit, every mode, nothing missing and nothing too many."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from dashtam_tasks.files import PRIVATE
from dashtam_tasks.findings import Finding
from dashtam_tasks.migration import snapshots
from dashtam_tasks.migration.backup import records
from dashtam_tasks.migration.backup.contents import PRIVATE_FOLDER, reading
from dashtam_tasks.migration.backup.records import DUMPS, KEPT, MANIFEST, Backup
from dashtam_tasks.migration.ledger import BACKUPS, SET_ASIDE
from dashtam_tasks.migration.snapshots import Kind, shown

# Of these the name says the hash: none is too many, whoever was killed before it could be written down.
BY_HASH = re.compile(rf"{KEPT}/([0-9a-f]{{64}})|{DUMPS}/[^/]+\.([0-9a-f]{{16}})\.(?:dump|sql|tar)")
MODES = {Kind.FILE: PRIVATE, Kind.FOLDER: PRIVATE_FOLDER}
WORDS = {Kind.FILE: "a file", Kind.FOLDER: "a folder"}

# What is to be there: its kind, and of a file what its hash begins with.
Expected = tuple[Kind, str]


def verified(backup: Backup) -> tuple[Finding, ...]:
    """Return what is wrong with a backup, each file by its name; nothing means that it is sound.

    Everything is read anew. What was set aside in it is the person's, and is not looked at. Raises DashtamError
    (IO) when a file that seems right cannot be read.
    """
    present = records.read(backup.folder)
    if present.problem:
        return (finding(backup, MANIFEST, "manifest-damaged", present.problem),)
    there = dict(listing(backup.folder))
    wanted = dict(expected(present)) | {
        path: (Kind.FILE, found[1] or found[2]) for path in there if (found := BY_HASH.fullmatch(path))
    }
    # A dump's hash is whole in the manifest, and cut off in its name.
    wanted |= {f"{DUMPS}/{one.name}": (Kind.FILE, one.sha256) for one in present.dumps}
    names = sorted(there.keys() | wanted.keys())
    return tuple(one for name in names for one in compared(backup, name, there.get(name), wanted.get(name)))


def listing(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield all that is in a backup, itself included, links not followed, and what is set aside left out."""
    pending = ["."]
    while pending:
        name = pending.pop()
        found = (folder / name).lstat()
        yield name, found
        # A folder of another mode is a finding; without leave to look into it, so is all that is missing from it.
        if stat.S_ISDIR(found.st_mode) and os.access(folder / name, os.R_OK | os.X_OK, effective_ids=True):
            below = (str(PurePosixPath(name, one)) for one in os.listdir(folder / name))  # noqa: PTH208 - names only
            pending += (one for one in below if one != SET_ASIDE)


def expected(backup: Backup) -> Iterator[tuple[str, Expected]]:
    """Yield what the manifest says that there is."""
    files = {path: snapshot.sha256 for path, snapshot in records.stored(backup)}
    for name in {".", KEPT, DUMPS, *(str(one) for path in files for one in PurePosixPath(path).parents)}:
        yield name, (Kind.FOLDER, "")
    for path, sha256 in files.items():
        yield path, (Kind.FILE, sha256)
    yield MANIFEST, (Kind.FILE, "")


def compared(
    backup: Backup, name: str, there: os.stat_result | None, wanted: Expected | None
) -> Iterator[Finding]:
    """Yield what is wrong at one path."""
    if there is None:
        yield finding(backup, name, "missing", "It is missing.")
        return
    if wanted is None:
        yield finding(backup, name, "unexpected", "It is not in the manifest.")
        return
    kind, sha256 = wanted
    if snapshots.kind_of(there.st_mode) is not kind:
        yield finding(backup, name, "wrong-kind", f"It is not {WORDS[kind]}.")
    elif stat.S_IMODE(there.st_mode) != MODES[kind]:
        message = f"Its mode is {stat.S_IMODE(there.st_mode):04o}, not {MODES[kind]:04o}."
        yield finding(backup, name, "wrong-mode", message)
    elif sha256 and not digest(backup.folder / name).startswith(sha256):
        yield finding(backup, name, "wrong-contents", "It does not hold what was saved.")


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's contents; raise DashtamError (IO) when they cannot be read."""
    with reading(path):
        return snapshots.sha256_of(path)


def finding(backup: Backup, name: str, kind: str, message: str) -> Finding:
    """Return what is wrong at a path of a backup."""
    return Finding(
        kind=kind,
        where=shown(str(PurePosixPath(BACKUPS, backup.name, name))),
        message=message,
        hint="Trust another backup, or take one: migrate.backup",
    )
