"""What happens while Compose works: the events of its project's containers, and its own end."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from dashtam_tasks import engine, processes
from dashtam_tasks.compose import Compose
from dashtam_tasks.engine import Event


@dataclass(frozen=True, kw_only=True)
class Ended:
    """`docker compose` ended; `stderr` is what it wrote there, if that was not shown."""

    returncode: int
    stderr: str


Happenings = queue.SimpleQueue[Event | Ended]


@contextmanager
def following(
    compose: Compose,
    project: str,
    arguments: tuple[str, ...],
    **streams: Any,  # noqa: ANN401
) -> Iterator[Happenings]:
    """Run `docker compose ARGUMENTS` beside its project's events, and yield what gets both as they come.

    `streams` are those of processes.start. Both processes are ended on leaving.
    """
    happenings: Happenings = queue.SimpleQueue()
    with (
        attended(engine.events(project, since=time.time()), read_events, happenings),
        attended(compose.start(*arguments, **streams), await_end, happenings),
    ):
        yield happenings


@contextmanager
def attended(
    process: processes.Process,
    attend: Callable[[processes.Process, Happenings], None],
    happenings: Happenings,
) -> Iterator[None]:
    """Let a thread of its own put what becomes of a process into the queue; the process is ended on leaving."""
    thread = threading.Thread(target=attend, args=(process, happenings))
    try:
        with processes.ending(process):
            thread.start()
            yield
    finally:
        if thread.is_alive():
            thread.join()


def read_events(events: processes.Process, happenings: Happenings) -> None:
    """Put each event into the queue until the stream ends."""
    decode = msgspec.json.Decoder(Event).decode
    assert events.stdout is not None
    with events.stdout:
        for line in events.stdout:
            happenings.put(decode(line))


def await_end(called: processes.Process, happenings: Happenings) -> None:
    """Put Compose's end into the queue."""
    _, stderr = called.communicate()
    happenings.put(Ended(returncode=called.returncode, stderr=(stderr or b"").decode(errors="replace")))
