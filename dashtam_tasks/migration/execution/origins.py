"""Origins: where the contents that an operation takes away can be had from when it is taken back."""

from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup, durable, snapshots
from dashtam_tasks.migration.backup.records import KEPT
from dashtam_tasks.migration.execution.site import Site
from dashtam_tasks.migration.ledger import Key, Ledger
from dashtam_tasks.migration.ledger.changes import States
from dashtam_tasks.migration.operations import FileOperation, Move, Write
from dashtam_tasks.migration.snapshots import Kind, Snapshot, quoted, shown


def secured(site: Site, operation: FileOperation, before: States) -> dict[str, str]:
    """Return where the contents are that an operation takes away, by its quoted path; see that they are somewhere.

    A file that was edited after the backup is kept now. Raises DashtamError: BUSY when it changes meanwhile,
    CANNOT_CREATE, IO.
    """
    path = taken_away(operation)
    if not path or before[path].kind is not Kind.FILE:
        return {}
    snapshot = before[path]
    if place(site, path, snapshot) is None:
        present = next(
            (one for one in (path, operation.made) if site.look(one).same_contents(snapshot)), path
        )
        keep(site, site.project / present, snapshot)
    found = place(site, path, snapshot)
    return {quoted(path): quoted(str(found.relative_to(site.project)))} if found else {}


def taken_away(operation: FileOperation) -> str:
    """Return the path at which an operation leaves something else than was there, if there is one."""
    match operation:
        case Write():
            return operation.path
        case Move():
            return operation.source
    return ""


def keep(site: Site, path: Path, snapshot: Snapshot) -> None:
    """Keep a file's contents in the backup.

    Raises DashtamError: BUSY when they are no longer what they were, CANNOT_CREATE, IO.
    """
    if backup.keep(site.backup, path) != snapshot.sha256:
        raise durable.changing(path)


def place(site: Site, path: str, snapshot: Snapshot) -> Path | None:
    """Return the file that has the contents of a snapshot of `path`, if there is one."""
    entry = site.backup.entries.get(path)
    if entry is not None and entry.kind is Kind.FILE and entry.sha256 == snapshot.sha256:
        return site.backup.file(path)
    places = (site.ledger.contents / snapshot.sha256, site.backup.folder / KEPT / snapshot.sha256)
    return next((one for one in places if one.is_file()), None)


def contents(site: Site, path: str, snapshot: Snapshot) -> bytes:
    """Return the contents that a snapshot of `path` is of; raise DashtamError (DATA) when they are nowhere."""
    found = place(site, path, snapshot)
    if found is None or snapshots.sha256_of(found) != snapshot.sha256:
        raise DashtamError(
            f"What was in {shown(path)} is neither in {site.backup.folder} nor in {site.ledger.folder}.",
            code=ExitCode.DATA,
            hint=f"Put {shown(path)} back by hand, and run the same command again.",
        )
    return found.read_bytes()


def original(kept: Ledger, key: Key) -> Path:
    """Return where the file itself is that an operation replaced."""
    return kept.originals / f"{key[0]}-{key[1]}"
