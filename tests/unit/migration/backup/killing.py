"""Kill one piece of work with backups before each of its calls to the system, and see what is there.

It forks, which pytest's own threads would not outlive; so it is a program: `python killing.py WORK`.
"""

import itertools
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from dashtam_tasks.migration import backup, snapshots
from tests.unit.migration.backup.trees import SHOP, TODAY, looks, shop, write

CALLS = frozenset("open os.mkdir os.chmod os.rename os.remove os.rmdir os.utime os.symlink os.chown".split())
TARGET = "docker-compose.yml"


def take(project: Path) -> None:
    backup.take(project, SHOP, today=TODAY)


def keep(project: Path) -> None:
    backup.keep(backup.existing(project)[0], project / ".env")


def add_dump(project: Path) -> None:
    finished = write(project / "backups", "pre-migration-20261123.dumped__.tmp", b"a dump")
    backup.add_dump(
        backup.existing(project)[0],
        finished,
        volume="v",
        service="postgres",
        database="shop",
        objects=1,
        server_version="17",
    )


def put_back(project: Path) -> None:
    taken = backup.existing(project)[0]
    backup.put_back(taken.file(TARGET), project / TARGET, taken.entries[TARGET])


WORK = {one.__name__: one for one in (take, keep, add_dump, put_back)}


def killed(name: str, project: Path, call: int) -> bool:
    """Do a piece of work in a child that is killed before its n-th call; return whether it was."""
    child = os.fork()
    if not child:
        calls = itertools.count(1)

        def hook(event: str, _arguments: object) -> None:
            if event in CALLS and next(calls) == call:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        WORK[name](project)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in {0, signal.SIGKILL}, status
    return status != 0


def check(name: str, project: Path, before: dict[str, snapshots.Snapshot]) -> None:
    """Hold that what is there is sound, that nothing else was touched, and that the work can be done again."""
    assert all(backup.verified(one) == () for one in backup.existing(project))
    own = ("backups", f"{TARGET}.")
    after = {path: one for path, one in looks(project).items() if not path.startswith(own)}
    assert after in (before, before | {TARGET: after[TARGET]})
    assert (project / TARGET).read_bytes() in {b"edited", b"services: {}\r\n"}
    WORK[name](project)
    backup.take(project, SHOP, today=TODAY)
    left = [one for folder in (project, project / "backups") for one in folder.glob("*.tmp")]
    assert left == []
    assert all(backup.verified(one) == () for one in backup.existing(project))


def main(name: str) -> None:
    """Kill it at every call, and print at how many."""
    for call in itertools.count(1):
        with tempfile.TemporaryDirectory() as folder:
            project = shop(Path(folder))
            if name != "take":
                backup.take(project, SHOP, today=TODAY)
            if name == "put_back":
                write(project, TARGET, b"edited")
            before = {path: one for path, one in looks(project).items() if not path.startswith("backups")}
            was_killed = killed(name, project, call)
            check(name, project, before)
            shutil.rmtree(project / "backups")
        if not was_killed:
            sys.stdout.write(f"{call - 1}\n")
            return


main(sys.argv[1])
