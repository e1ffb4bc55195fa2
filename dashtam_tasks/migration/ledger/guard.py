"""One migration at a time in a project: a lock that the system takes back when its holder dies, however it dies."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.instances.holding import holder, locked_at_once
from dashtam_tasks.migration import ledger
from dashtam_tasks.migration.execution import durable
from dashtam_tasks.migration.ledger import Ledger
from dashtam_tasks.ownership import ROOT

# A lock that goes away while it is being taken was another's last act, and then it is free.
ATTEMPTS = 100


@contextmanager
def held(project: Path, *, task: str) -> Iterator[None]:
    """Hold the project in a folder for this process alone; `task` is what others are told that we do.

    What is made for the lock goes again unless a plan was put beside it, and the project's folder keeps its
    time. Raises DashtamError: BUSY at once, naming the holder, when it is not free, CANNOT_CREATE.
    """
    kept = ledger.of(project)
    before = project.stat()
    with taken(kept) as file:
        # Whoever looks at the folder from now on is to see it as it was.
        put_time(project, before)
        try:
            sign(kept.lock, file, task)
            yield
        finally:
            clear(project, kept, file)


def taken(kept: Ledger) -> IO[str]:
    """Return the lock's file, locked for us until it is closed.

    Raises DashtamError: BUSY when another process has it, CANNOT_CREATE.
    """
    for _ in range(ATTEMPTS):
        kept.make_folder()
        file = opened(kept.lock)
        if not locked_at_once(file):
            with file:
                raise busy(kept, holder(file))
        if is_current(kept.lock, file):
            return file
        file.close()
    raise busy(kept, "another task")


def opened(path: Path) -> IO[str]:
    """Return a lock's file, private, made where it is missing; raise DashtamError (CANNOT_CREATE)."""
    with durable.naming(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, files.PRIVATE)
    return os.fdopen(descriptor, "a+", encoding="utf-8")


def sign(path: Path, file: IO[str], task: str) -> None:
    """Write into a lock's file who has it; raise DashtamError (CANNOT_CREATE)."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    with durable.naming(path):
        os.truncate(file.fileno(), 0)
        # Past the file's buffer, from which a full disk would have it fail once more on closing.
        os.write(file.fileno(), f"{task} (process {os.getpid()}, since {since})".encode())


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
    """Return who works on a project now, empty for nobody; nothing is changed."""
    lock = ledger.of(project).lock
    if not lock.exists():
        return ""
    with lock.open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return holder(file)
    return ""


def clear(project: Path, kept: Ledger, file: IO[str]) -> None:
    """Remove what was made for a lock when nothing else is there, and let the project's folder keep its time."""
    if is_current(kept.lock, file) and is_unused(kept):
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
