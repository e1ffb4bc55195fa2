"""A stand for migrations: a legacy project with volumes, put back to any state that it has been in."""

import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashtam_tasks.migration.ledger import saved_plan
from dashtam_tasks.migration.ledger.saved_plan import SavedPlan
from dashtam_tasks.migration.operations import CopyVolume, Move
from tests.integration.legacy_projects import LegacyProject
from tests.integration.legacy_volumes import Kept, Volumes
from tests.unit.migration.execution.faults import copy_folder

# What a migration makes for itself: it is there as long as the migration may be taken back.
OWN = frozenset({"backups", ".dashtam"})

Tree = dict[str, tuple[Any, ...]]
# Where a tree has the mode of what is at a path.
MODE = 2


@dataclass(frozen=True, kw_only=True)
class Start:
    """A state to begin from: a copy of the project, its new volumes, and whether the old ones are served."""

    name: str
    folder: Path
    volumes: tuple[Kept, ...] = ()
    is_serving: bool = False


def tree(folder: Path) -> Tree:
    """Return what is at each path of a project: bytes, links, modes, owners, times, and who shares an inode."""
    found: Tree = {}
    names: dict[int, str] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        name = path.relative_to(folder)
        if OWN.isdisjoint(name.parts[:1]):
            found[str(name)] = at(path, names.setdefault(path.lstat().st_ino, str(name)))
    return found


def at(path: Path, first_name: str) -> tuple[Any, ...]:
    """Return what is at a path, its time last."""
    seen = path.lstat()
    held: object = None
    if stat.S_ISLNK(seen.st_mode):
        held = str(path.readlink())
    elif stat.S_ISREG(seen.st_mode):
        held = path.read_bytes()
    return held, first_name, seen.st_mode, seen.st_uid, seen.st_gid, seen.st_mtime_ns


def compare(found: Tree, wanted: Tree) -> None:
    """Fail where two trees differ, naming the paths."""
    paths = sorted(path for path in found.keys() | wanted if found.get(path) != wanted.get(path))
    assert not paths, [(path, (wanted.get(path) or ())[1:], (found.get(path) or ())[1:]) for path in paths]


class Stand:
    """A legacy project on a stand; `original` is what its people left."""

    def __init__(self, project: LegacyProject, folder: Path) -> None:
        self.project, self.folder = project, folder
        self.volumes = Volumes(project)
        self.original = tree(project.path)
        self.legacy = self.kept("legacy")
        self.copies: list[CopyVolume] = []
        self.written: set[str] = set()

    def saved(self) -> SavedPlan:
        """Return the plan under way."""
        saved = saved_plan.load(self.project.path)
        assert saved
        return saved

    def planned(self) -> None:
        """Take notice of the plan under way."""
        every = [one.operation for step in self.saved().steps for one in step.operations]
        self.written = {one.made for one in every if not isinstance(one, (CopyVolume, Move))}
        self.copies = [one for one in every if isinstance(one, CopyVolume)]

    def kept(self, name: str, volumes: Sequence[Kept] = ()) -> Start:
        """Return the state that the project is in, to begin with it again."""
        copy_folder(str(self.project.path), str(self.folder / name), {})
        return Start(name=name, folder=self.folder / name, volumes=tuple(volumes))

    def reset(self, start: Start) -> None:
        """Put the project, its volumes and its containers into a state."""
        shutil.rmtree(self.project.path)
        copy_folder(str(start.folder), str(self.project.path), {})
        self.volumes.reset(self.copies, start.volumes)
        if start.is_serving:
            self.volumes.start()

    def result(self) -> Tree:
        """Return the project's tree as `untimed` leaves it."""
        return self.untimed(tree(self.project.path))

    def untimed(self, found: Tree) -> Tree:
        """Return a tree without the times of what the migration writes, and of folders."""
        return {
            path: one[:-1] if path in self.written or stat.S_ISDIR(one[MODE]) else one
            for path, one in found.items()
        }

    def check_original(self, *, was_served: bool = False) -> None:
        """See that nothing but the backup tells of a migration."""
        compare(tree(self.project.path), self.original)
        assert not (self.project.path / ".dashtam").exists()
        self.volumes.check_gone(self.copies)
        self.volumes.check_old(was_served=was_served)
