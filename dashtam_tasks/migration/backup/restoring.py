"""Put files, links and the times of folders back exactly as they were."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.backup import contents
from dashtam_tasks.migration.snapshots import Kind, Snapshot, shown, unquoted

SUFFIX = ".put-back.tmp"
NAME_MAX = 255


def put_back(source: Path, target: Path, snapshot: Snapshot) -> None:
    """Make `target` what a snapshot says, with the contents of `source`, in place of what is there.

    For a link `source` is not looked at. The owner is set where the system permits it. Half of it is never seen:
    it is made under the name that `temporary_of` says, which a killed run may leave and the next one replaces.
    Raises DashtamError: DATA when `source` does not hold what the snapshot says, with `target` as it was;
    CANNOT_CREATE when `target` cannot be written; and ValueError for a snapshot of neither file nor link.
    """
    makers = {Kind.FILE: make_file, Kind.LINK: make_link}
    if snapshot.kind not in makers:
        raise ValueError(f"{snapshot.kind} is not put back")
    with files.explaining(target), replacing(target) as temporary:
        makers[snapshot.kind](temporary, source, snapshot)


def put_back_times(folder: Path, snapshot: Snapshot) -> None:
    """Give a folder the time that it had, where the system permits it: only its owner may.

    Raises DashtamError (CANNOT_CREATE) for every other refusal.
    """
    with files.explaining(folder):
        with files.as_permitted():
            os.utime(folder, ns=(snapshot.mtime, snapshot.mtime))
        files.sync_folder(folder)


def temporary_of(target: Path) -> Path:
    """Return the name under which `put_back` makes what is to be at `target`."""
    # It begins like the target's, so that what ignores that in git ignores it too.
    name = f"{target.name}{SUFFIX}"
    if len(os.fsencode(name)) > NAME_MAX:
        name = hashlib.sha256(os.fsencode(target.name)).hexdigest() + SUFFIX
    return target.with_name(name)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a name beside `target` at which nothing is; what is made there takes the place of `target`."""
    temporary = temporary_of(target)
    temporary.unlink(missing_ok=True)
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    files.sync_folder(target.parent)


def make_file(path: Path, source: Path, snapshot: Snapshot) -> None:
    """Make a file from its contents and its snapshot; raise DashtamError (DATA) when they do not fit together."""
    with os.fdopen(contents.create(path), "wb") as file:
        if contents.copy(source, file) != snapshot.sha256:
            raise DashtamError(
                f"{shown(str(source))} does not hold what was saved, and nothing was put back from it.",
                code=ExitCode.DATA,
                hint="`migrate.backups --verify` says what is wrong with the backup.",
            )
        own(path, snapshot)
        # After the owner: a change of owner takes set-user-ID away.
        os.fchmod(file.fileno(), snapshot.mode)
        os.utime(file.fileno(), ns=(snapshot.mtime, snapshot.mtime))
        os.fsync(file.fileno())


def make_link(path: Path, _source: Path, snapshot: Snapshot) -> None:
    """Make a link as its snapshot says."""
    os.symlink(unquoted(snapshot.target), path)  # noqa: PTH211 - a Path would tidy what the link says
    own(path, snapshot)
    os.utime(path, ns=(snapshot.mtime, snapshot.mtime), follow_symlinks=False)


def own(path: Path, snapshot: Snapshot) -> None:
    """Give a file or a link to its owner, as far as the system permits: only root may give to others."""
    present = path.lstat()
    if (present.st_uid, present.st_gid) != (snapshot.uid, snapshot.gid):
        with files.as_permitted():
            os.lchown(path, snapshot.uid, snapshot.gid)
