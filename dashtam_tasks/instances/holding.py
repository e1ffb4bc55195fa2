"""One task at a time on an instance: a lock that the system takes back when its process ends."""

import fcntl
import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.instances import state_folder
from dashtam_tasks.notifying import Notify


@contextmanager
def held(folder: Path, label: str, *, task: str, patience: float, waiting: Notify) -> Iterator[None]:
    """Hold the instance `label` of the project in `folder` for this process alone; it does not nest.

    `task` is what others are told that we do. While another holds it, we wait, and `waiting` is told once for whom.
    Raises DashtamError (BUSY) when it is not free after `patience` seconds, at once where these are none.
    """
    digest = hashlib.sha256(f"{folder.resolve()}\0{label}".encode()).hexdigest()[:16]
    path = state_folder() / f"{digest}.lock"
    with files.explaining(path):
        file = path.open("a+", encoding="utf-8")
    with file:
        if not locked_at_once(file):
            wait(file, label, patience=patience, waiting=waiting)
        file.truncate(0)
        file.write(f"{task} (process {os.getpid()})")
        file.flush()
        yield


def locked_at_once(file: IO[str]) -> bool:
    """Lock a file and return True, or return False when another process has locked it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait(file: IO[str], label: str, *, patience: float, waiting: Notify) -> None:
    """Lock a file once who holds it lets go.

    Raises DashtamError (BUSY), naming the holder, when that takes longer than `patience` seconds.
    """
    if not patience:
        raise busy(f"{holder(file)} works on {label}.")
    waiting(f"waiting for {holder(file)}, which works on {label}")
    try:
        with alarm(patience):
            fcntl.flock(file, fcntl.LOCK_EX)
    except TimeoutError as error:
        raise busy(f"{holder(file)} still works on {label} after {patience:g} s.") from error


def busy(reason: str) -> DashtamError:
    """Return the error that another task has an instance."""
    hint = "Wait for it, end it, or work on a copy: --instance NAME."
    return DashtamError(reason, code=ExitCode.BUSY, hint=hint)


def holder(file: IO[str]) -> str:
    """Return who holds a lock, as that process wrote it."""
    file.seek(0)
    return file.read() or "another task"


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in this thread, which must be the main one, after so many seconds."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
