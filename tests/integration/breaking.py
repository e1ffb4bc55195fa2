"""Break a process of its own at one of the things that it does: a change on the disk, or a program."""

import os
import signal
import subprocess
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from tests.unit.migration.execution.faults import BROKEN, CALLS, ENDED, FAULTS

# `fsync` changes nothing that another process sees.
CHANGES = tuple(name for name in CALLS if name != "fsync")
STOPS = ("raise", "sigint", "sigkill")


@dataclass(frozen=True, kw_only=True)
class Point:
    """A thing that is done, counted from 1: under which of a migration's words, and what; or the wait for it.

    `what` is a program's command line, or a call and the name of the file that it changes, which is at `path`.
    """

    number: int
    under: str
    what: str
    path: str = ""
    is_program: bool = False
    is_wait: bool = False

    @property
    def place(self) -> tuple[int, bool]:
        """What orders the points of a run."""
        return self.number, self.is_wait

    def is_reached(self, other: "Point") -> bool:
        """Return whether another run has come to this point; programs side by side may end in another order."""
        return other.place >= self.place

    def __str__(self) -> str:
        return f"{self.number} {self.under}: {self.what}{' (while it runs)' * self.is_wait}"


@dataclass
class Watch:
    """Counts what this process does; `meet` is called before each thing, and while a program runs."""

    meet: Callable[[Point], None]
    under: str = ""
    last: Point = field(default_factory=lambda: Point(number=0, under="", what=""))
    is_running: bool = False

    def notify(self, words: str) -> None:
        """Take the words with which a migration begins an operation for the name of what it does."""
        if words[:1].isdigit():
            self.under = words

    def come(self, what: str, *, path: str = "", is_program: bool = False) -> None:
        """Meet the next point."""
        number = self.last.number + 1
        self.last = Point(number=number, under=self.under, what=what, path=path, is_program=is_program)
        self.is_running = is_program
        self.meet(self.last)

    def wait(self) -> None:
        """Meet the wait for the program that was started last, once."""
        if self.is_running:
            self.is_running = False
            self.meet(replace(self.last, is_wait=True))


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Let a watch see all that this process does."""
    with ExitStack() as stack:
        for name in CHANGES:
            stack.enter_context(mock.patch.object(os, name, changing(watch, name, getattr(os, name))))
        stack.enter_context(mock.patch.object(subprocess, "Popen", programs(watch)))
        yield


def changing(watch: Watch, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a call that a watch sees before it changes something."""

    def call(*arguments: Any, **options: Any) -> Any:
        # Temporary files without a name are nobody's concern, nor is what is written to nowhere.
        if name != "open" or arguments[1] & os.O_CREAT:
            path = changed_by(arguments[0], options.get("dir_fd"))
            about = "" if isinstance(arguments[0], int) else path.name
            watch.come(f"{name} {about}".rstrip(), path=str(path))
        return real(*arguments, **options)

    return call


def changed_by(changed: Any, folder: int | None) -> Path:
    """Return the path of what a call changes: one that is open, or a name, which may be in an open folder."""
    if isinstance(changed, int):
        return Path(f"/proc/self/fd/{changed}").readlink()
    above = Path() if folder is None else Path(f"/proc/self/fd/{folder}").readlink()
    return above / os.fsdecode(changed)


def programs(watch: Watch) -> type[subprocess.Popen[Any]]:
    """Return what starts programs, as `subprocess.Popen` does, when a watch has seen it."""

    class Watched(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, argv: list[str], *arguments: Any, **options: Any) -> None:
            watch.come(" ".join(argv), is_program=True)
            super().__init__(argv, *arguments, **options)

        def communicate(self, *arguments: Any, **options: Any) -> Any:
            watch.wait()
            return super().communicate(*arguments, **options)

        def wait(self, *arguments: Any, **options: Any) -> int:
            watch.wait()
            return super().wait(*arguments, **options)

    return Watched


Action = Callable[[Watch], object]
At = Callable[[Point], bool]


def points(action: Action) -> list[Point]:
    """Return all that an action does, which is done, too."""
    found: list[Point] = []
    watch = Watch(found.append)
    with watched(watch):
        action(watch)
    return found


def beyond(number: int, *, is_running: bool) -> At:
    """Return what finds the first point from a number on, a program's only while it runs if that is wanted."""
    return lambda point: point.number >= number and (point.is_wait or not (point.is_program and is_running))


def is_broken(action: Action, at: At, stop: str) -> bool:
    """Do something in a process of its own that is stopped at a point; return whether it came so far."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code in {ENDED, BROKEN, -signal.SIGKILL}, f"{stop}: ended with {code}"
        return code != ENDED
    code = BROKEN + 1
    try:
        # A shell has what it starts in its background ignore Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        watch = Watch(stopping(at, FAULTS[stop][0]))
        with watched(watch):
            action(watch)
        code = ENDED
    except (RuntimeError, KeyboardInterrupt):
        code = BROKEN
    except BaseException:  # noqa: BLE001 - a child must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(code)


def stopping(at: At, fault: Callable[[], None]) -> Callable[[Point], None]:
    """Return what stops a process at the first of some points; how it ends then is not disturbed."""
    is_over = False

    def meet(point: Point) -> None:
        nonlocal is_over
        if not is_over and at(point):
            is_over = True
            fault()

    return meet
