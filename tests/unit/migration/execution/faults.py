"""Break a migration at every change that it makes to the disk, in real processes, and see that it is kept whole.

Usage: python -m tests.unit.migration.execution.faults FAULT FOLDER [EVERY [FIRST]]: at every so manieth change from
the first given. Prints the number of cases; exits 1 at the first that is not as it should be.
"""

import errno
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dashtam_tasks.errors import DashtamError, ExitCode
from tests.unit.migration.execution.promise import Shop, without_times

# Every call by which Python changes what is on a disk.
CALLS = (
    "chmod chown fchmod fchown fsync lchown link mkdir open rename replace rmdir symlink truncate unlink utime"
    " write".split()
)
READING = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
ENDED, BROKEN = 0, 3
# More changes than any migration here makes.
BOUND = 2000

Action = Callable[[Shop], object]
# What happens instead of the change of a number, counted from 1.
Fault = Callable[[], None]


def install(at: int, fault: Fault, *, for_good: bool = False) -> dict[str, Callable[..., Any]]:
    """Let change number `at` end in a fault, or all from there on; return the calls that this replaces."""
    count = 0

    def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            if name == "open" and not arguments[1] & ~READING:
                return real(*arguments, **options)
            count += 1
            if count == at or (for_good and count > at):
                fault()
            # What is written outlives a killed process; only a power cut would need the disk.
            return None if name == "fsync" else real(*arguments, **options)

        return call

    replaced = {name: getattr(os, name) for name in CALLS}
    for name, real in replaced.items():
        setattr(os, name, counting(name, real))
    return replaced


class Crash(BaseException):
    """The end of a process, for tests that stay in theirs; nothing that it would do afterwards reaches the disk."""


@contextmanager
def crashing(at: int) -> Iterator[None]:
    """Let this process be as if it was killed at change number `at`; the test goes on."""
    replaced = install(at, raising(Crash()), for_good=True)
    try:
        yield
    except Crash:
        pass
    finally:
        for name, real in replaced.items():
            setattr(os, name, real)


def raising(error: BaseException) -> Fault:
    def fault() -> None:
        raise error

    return fault


def signalling(number: int) -> Fault:
    return lambda: os.kill(os.getpid(), number)


FAULTS: dict[str, tuple[Fault, bool]] = {
    "raise": (raising(RuntimeError("a fault")), False),
    "sigint": (signalling(signal.SIGINT), False),
    "sigkill": (signalling(signal.SIGKILL), False),
    "enospc-once": (raising(OSError(errno.ENOSPC, "full")), False),
    "enospc": (raising(OSError(errno.ENOSPC, "full")), True),
    "eacces-once": (raising(OSError(errno.EACCES, "refused")), False),
    "eacces": (raising(OSError(errno.EACCES, "refused")), True),
}


def broken(action: Action, shop: Shop, at: int, name: str) -> bool:
    """Do something in a process of its own that is broken at change `at`; return whether it was."""
    fault, for_good = FAULTS[name]
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code in {ENDED, BROKEN, -signal.SIGKILL}, f"{shop.root}: ended with {code}"
        return code != ENDED
    code = BROKEN + 1
    try:
        install(at, fault, for_good=for_good)
        action(shop)
        code = ENDED
    except (RuntimeError, KeyboardInterrupt, OSError):
        code = BROKEN
    except DashtamError as error:
        known = {ExitCode.CANNOT_CREATE, ExitCode.IO}
        code = BROKEN if error.code in known else BROKEN + 1
        if code != BROKEN:
            traceback.print_exc()
    except BaseException:  # noqa: BLE001 - a child must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(code)


def copied(shop: Shop, folder: Path) -> Shop:
    """Return a copy of a project with its times and hard links."""
    shutil.rmtree(folder, ignore_errors=True)
    known: dict[tuple[int, int], str] = {}
    copy_folder(str(shop.root), str(folder), known)
    return Shop(folder)


def copy_folder(source: str, target: str, known: dict[tuple[int, int], str]) -> None:
    """Copy a folder; `known` are the copies so far by the inodes of their sources."""
    Path(target).mkdir()
    for entry in os.scandir(source):
        there, found = f"{target}/{entry.name}", entry.stat(follow_symlinks=False)
        first = known.setdefault((found.st_dev, found.st_ino), there)
        if first != there:
            os.link(first, there, follow_symlinks=False)
        elif entry.is_dir(follow_symlinks=False):
            copy_folder(entry.path, there, known)
        else:
            shutil.copyfile(entry.path, there, follow_symlinks=False)
            os.chown(there, found.st_uid, found.st_gid, follow_symlinks=False)
            shutil.copystat(entry.path, there, follow_symlinks=False)
    shutil.copystat(source, target)


class Sweep:
    """All the cases of one fault; `cases` counts them, and `broken_again` those that were broken twice."""

    def __init__(self, folder: Path, fault: str, every: int, first: int) -> None:
        self.folder, self.fault, self.every, self.first = folder, fault, every, first
        self.cases = self.broken_again = 0
        self.ready = Shop(folder / "ready").make()
        self.original = self.ready.tree()
        self.ready.back_up()
        self.finished = copied(self.ready, folder / "finished")
        self.finished.migrate()
        self.result = without_times(self.finished.tree())

    def run(self) -> None:
        """Break the migration at its changes, and then what mends it, too."""
        for number, at in enumerate(self.each(Shop.migrate, self.ready)):
            crashed = copied(self.work, self.folder / "crashed")
            self.on(copied(crashed, self.folder / "again"))
            self.back(self.work)
            if number % 8 == 0:
                self.twice(crashed, at)
        for _ in self.each(Shop.roll_back, self.finished):
            self.back(self.work)

    def each(self, action: Action, start: Shop) -> Iterator[int]:
        """Yield each number of a change at which an action was broken; what it left is in `work`."""
        for at in range(self.first, BOUND, self.every):
            self.work = copied(start, self.folder / "work")
            if not broken(action, self.work, at, self.fault):
                return
            yield at
        raise AssertionError("it never ends")

    def twice(self, crashed: Shop, at: int) -> None:
        """Break what mends a broken migration."""
        going_on = copied(crashed, self.folder / "again")
        self.broken_again += broken(Shop.migrate, going_on, 1 + at * 7 % 60, self.fault)
        self.on(copied(going_on, self.folder / "once"))
        self.back(going_on)
        self.broken_again += broken(Shop.roll_back, crashed, 1 + at * 11 % 90, self.fault)
        self.back(crashed)

    def on(self, shop: Shop) -> None:
        """Finish a migration, and see that it is as one that nothing broke."""
        shop.migrate()
        self.compare(without_times(shop.tree()), self.result)

    def back(self, shop: Shop) -> None:
        """Take a migration back, and see that nothing tells of it."""
        had_plan = (shop.project / ".dashtam/plan.json").exists() or any(
            shop.project.glob("backups/*/set-aside/.dashtam*/plan.json")
        )
        time = shop.tree()["shop"]
        result = shop.roll_back()
        assert not result.kept, result
        assert not result.set_aside, result
        tree = shop.tree()
        if not had_plan:
            # Before there is a plan nobody knows the time that the project's folder had.
            assert tree["shop"] == time or time[-1] != self.original["shop"][-1]
            tree["shop"] = self.original["shop"]
        self.compare(tree, self.original)
        assert not (shop.project / ".dashtam").exists(), "the ledger is left"

    def compare(self, found: dict[str, Any], wanted: dict[str, Any]) -> None:
        """Fail where two trees differ, naming the paths."""
        self.cases += 1
        differing = {path for path in found.keys() | wanted if found.get(path) != wanted.get(path)}
        assert not differing, [(path, wanted.get(path), found.get(path)) for path in sorted(differing)]


def no_wait(fd: object) -> None:
    """Do without waiting for the disk."""


def main(fault: str, folder: str, every: str = "1", first: str = "1") -> None:
    os.fsync = no_wait
    Path(folder).mkdir(parents=True, exist_ok=True)
    sweep = Sweep(Path(folder), fault, int(every), int(first))
    sweep.run()
    sys.stdout.write(f"{sweep.cases} {sweep.broken_again}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
