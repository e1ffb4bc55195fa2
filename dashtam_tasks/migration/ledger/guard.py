"""One migration at a time in a project: a lock that the system takes back when its holder dies, however it dies."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from typing import IO

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.instances.holding import holder, locked_at_once
from dashtam_tasks.migration import durable, ledger
from dashtam_tasks.migration.ledger import Ledger
from dashtam_tasks.ownership import ROOT

# A lock that goes away while it is being taken was another's last act, and then it is free.
ATTEMPTS = 100


@dataclass
class Hold:
    """A project that is held, by the lock in `file`."""

    project: Path
    task: str
    file: IO[str]

    def renew(self) -> None:
        """Take the lock again after a rollback has moved it away, with the ledger that it was in.

        Raises DashtamError: BUSY when another process was quicker, CANNOT_CREATE.
        """
        file = taken(self.project, self.task)
        self.file.close()
        self.file = file


@contextmanager
def held(project: Path, *, task: str) -> Iterator[Hold]:
    """Hold the project in a folder for this process alone; `task` is what others are told that we do.

    What is made for the lock goes again unless a plan was put beside it, and the project's folder keeps its
    time. Raises DashtamError: BUSY at once, naming the holder, when it is not free, CANNOT_CREATE.
    """
    hold = Hold(project, task, taken(project, task))
    try:
        yield hold
    finally:
        with hold.file:
            clear(project, hold.file)


def taken(project: Path, task: str) -> IO[str]:
    """Return the lock's file, locked for us until it is closed, and signed.

    Raises DashtamError: BUSY when another process has it, CANNOT_CREATE.
    """
    kept = ledger.of(project)
    for _ in range(ATTEMPTS):
        # Between making the folder and locking the file in it, who ends would remove both.
        with files.locked(project):
            file = opened(project, kept)
            if file and not locked_at_once(file):
                with file:
                    raise busy(kept, holder(file))
            if file and is_current(kept.lock, file):
                return signed(project, kept, file, task)
        if file:
            file.close()
    raise busy(kept, "another task")


def opened(project: Path, kept: Ledger) -> IO[str] | None:
    """Return the lock's file, private, made where it is missing; None when a rollback took its folder away.

    Raises DashtamError (CANNOT_CREATE).
    """
    before = project.stat()
    kept.make_folder()
    with durable.naming(kept.lock):
        try:
            descriptor = os.open(kept.lock, os.O_RDWR | os.O_CREAT | os.O_APPEND, files.PRIVATE)
        except FileNotFoundError:
            return None
        # Whoever looks at the project's folder from now on is to see it as it was.
        put_time(project, before)
    return os.fdopen(descriptor, "a+", encoding="utf-8")


def signed(project: Path, kept: Ledger, file: IO[str], task: str) -> IO[str]:
    """Return a lock's file with who has it written in; raise DashtamError (CANNOT_CREATE).

    The host is among that, since a container has process numbers of its own.
    """
    since = datetime.now(UTC).isoformat(timespec="seconds")
    signature = f"{task} (process {os.getpid()}, since {since}, on {gethostname()})"
    with ExitStack() as unsigned:
        unsigned.enter_context(file)
        unsigned.callback(remove_unused, project, kept)
        with durable.naming(kept.lock):
            os.truncate(file.fileno(), 0)
            # Past the file's buffer, from which a full disk would have it fail once more on closing.
            os.write(file.fileno(), signature.encode())
        unsigned.pop_all()
    return file


def is_current(path: Path, file: IO[str]) -> bool:
    """Return whether a lock's file is still the one at its path: a rollback moves it away."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def busy(kept: Ledger, who: str) -> DashtamError:
    """Return the error that another process is at work on the project."""
    return DashtamError(
        f"{who} works on {kept.folder.parent}.",
        code=ExitCode.BUSY,
        hint="Wait for it or end it. What it was doing can be finished or taken back afterwards.",
    )


def holder_of(project: Path) -> str:
    """Return who works on a project now, empty for nobody; nothing is changed.

    Raises DashtamError (CANNOT_CREATE) when the project's folder may not be looked into.
    """
    lock = ledger.of(project).lock
    # Whoever takes the lock meanwhile is not to take us for its holder.
    with files.locked(project), suppress(FileNotFoundError), lock.open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return holder(file)
    return ""


def clear(project: Path, file: IO[str]) -> None:
    """Remove what was made for our lock when nothing else is there."""
    kept = ledger.of(project)
    if is_current(kept.lock, file):
        with files.locked(project):
            remove_unused(project, kept)


def remove_unused(project: Path, kept: Ledger) -> None:
    """Remove a ledger's folder when nothing but a lock is in it, and let the project's folder keep its time."""
    if is_unused(kept):
        present = project.stat()
        shutil.rmtree(kept.folder)
        put_time(project, present)


def put_time(project: Path, seen: os.stat_result) -> None:
    """Give the project's folder the time that it had when it was seen, as far as only its owner may."""
    if os.geteuid() in {ROOT, seen.st_uid}:
        os.utime(project, ns=(seen.st_atime_ns, seen.st_mtime_ns))


def is_unused(kept: Ledger) -> bool:
    """Return whether a ledger has neither a plan nor anything that was done by one."""
    mine = {one.name for one in (kept.lock, kept.contents, kept.originals, kept.scratch)}
    names = {one.name for one in kept.folder.iterdir()}
    # A killed process leaves the half of a file beside it, under a name that begins like the file's.
    return all(name in mine or name.startswith(ledger.IGNORE_FILE) for name in names)
