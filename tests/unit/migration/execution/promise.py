"""A small project of odd files, a migration of it with every kind of operation, and what it leaves."""

import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from dashtam_tasks.migration import backup
from dashtam_tasks.migration.execution import applying, rolling_back
from dashtam_tasks.migration.execution.applying import Applied
from dashtam_tasks.migration.execution.rolling_back import RolledBack
from dashtam_tasks.migration.facts import EnvironmentFacts, Facts
from dashtam_tasks.migration.ledger import guard, saved_plan
from dashtam_tasks.migration.operations import Copy, CopyVolume, Move, Operation, Write, touched
from dashtam_tasks.migration.steps import Step, outline
from dashtam_tasks.migration.volumes.copying import Copied
from dashtam_tasks.migration.volumes.returning import TakenBack

SECRET = b"PASSWORD=made-up\r\nKEY=\xff\xfe"
ODD = "scripts/run \"me\"\n'now'.sh"
LATIN = os.fsdecode(b"docs/caf\xe9.txt")
FILES = {
    "README.md": (b"# Shop\r\n\r\nRun `make up`.\r\n", 0o644),
    ".gitignore": (b"*.pyc", 0o664),
    "docker-compose.yml": (b"services:\n  db: {}", 0o640),
    ".env": (SECRET, 0o640),
    ".env.example": (b"PASSWORD=\n", 0o644),
    ODD: (b"#!/bin/sh\nmake up\n", 0o755),
    LATIN: (b"\xe9\xff\x00", 0o604),
    "docs/guide.txt": (b"one\ntwo", 0o444),
    "docs/linked.txt": (b"left alone", 0o600),
    "src/app.py": (b"print()\n", 0o644),
}
HARD_LINKS = {"docs/twin.txt": "docs/guide.txt", ".env.twin": ".env"}
LINKS = {"WARP.md": "docs/linked.txt", "docs/nowhere": "../\xff-is not there"}
VOLUME = CopyVolume(
    source="shop_data", target="shop-dev_data", labels={}, service="db", image="db:1", path="/data"
)
DATA = b"rows of years"
# Seconds since the epoch; nanoseconds are added so that no clock's resolution hides a difference.
LONG_AGO = 1_500_000_000

CLEANUP = "3.2"


def rewrite(path: str, data: bytes) -> Write:
    return Write(path=path, data=data, rewrites=True)


ODD_ONES = (
    rewrite("README.md", b"# Shop\r\n\r\nRun `inv dev.up`.\r\n"),
    rewrite(ODD, b"#!/bin/sh\ninv dev.up\n"),
    rewrite(LATIN, b"\xe9\xff\x00 and more"),
    Move(source=".env.example", target="envs/.env.dev.example", mode=0o644),
)
STEPS: Mapping[str, tuple[Operation, ...]] = {
    "1.1": (rewrite(".gitignore", b"*.pyc\n/envs/.env.*\n"),),
    "1.2": (VOLUME, Write(path="compose/dev.yml", data=b"name: shop-dev\r\n")),
    "1.3": (Move(source=".env", target="envs/.env.dev"),),
    "1.4": (
        Write(path="compose/test.yml", data=b"name: shop-test\n"),
        Copy(source="envs/.env.dev", target="envs/.env.test"),
    ),
    "1.6": (),
    "2.1": (rewrite("compose/test.yml", b"name: shop-test\nservices: {}\n"),),
    "2.6": (
        rewrite("docs/guide.txt", b"one\ntwo\nthree"),
        rewrite("WARP.md", b"# Warp\n"),
        Write(path="docs/new/deep/guide.md", data=b"# Guide\n"),
    ),
}
CLEANING = (
    Move(source="docker-compose.yml", target="docker-compose.yml.old", mode=0o640),
    rewrite(".gitignore", b"*.pyc\n/envs/.env.*\n/docker-compose.*.old\n"),
)
FACTS = Facts(
    project="shop",
    legacy_project="shop",
    environments=(
        EnvironmentFacts(
            name="dev", compose_file="compose/dev.yml", env_file="envs/.env.dev", legacy_files=()
        ),
    ),
    folders=("compose", "envs", "reports"),
)


GONE = TakenBack(target=VOLUME.target, is_removed=True)


@dataclass(frozen=True)
class Folders:
    """Volumes as folders: one is complete when it has its name without an ending."""

    engine: Path
    gone: TakenBack = GONE

    def copy(self, operation: CopyVolume, **_: object) -> Copied:
        target, half = self.engine / operation.target, self.engine / f"{operation.target}.half"
        if not target.exists():
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            (half / "data").write_bytes((self.engine / operation.source / "data").read_bytes())
            half.rename(target)
        return Copied(target=operation.target, files=1, size=(target / "data").stat().st_size)

    def is_complete(self, operation: CopyVolume, **_: object) -> bool:
        return (self.engine / operation.target).exists()

    def take_back(self, operation: CopyVolume, **_: object) -> TakenBack:
        half = self.engine / f"{operation.target}.half"
        if (self.engine / operation.target).exists():
            (self.engine / operation.target).rename(half)
        shutil.rmtree(half, ignore_errors=True)
        return self.gone


@dataclass(frozen=True)
class Shop:
    """A project in a folder of its own, with an engine beside it."""

    root: Path
    steps: Mapping[str, tuple[Operation, ...]] = field(default_factory=lambda: STEPS)
    told: list[str] = field(default_factory=list, compare=False)

    @property
    def project(self) -> Path:
        return self.root / "shop"

    @property
    def volumes(self) -> Folders:
        return Folders(self.root / "engine")

    def make(self) -> "Shop":
        """Make the project as its people left it."""
        for path, (data, mode) in FILES.items():
            file = self.project / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
            file.chmod(mode)
        for path, other in HARD_LINKS.items():
            os.link(self.project / other, self.project / path)
        for path, target in LINKS.items():
            (self.project / path).symlink_to(target)
        for number, one in enumerate(sorted(self.project.rglob("*"), reverse=True)):
            os.utime(one, ns=(0, (LONG_AGO + number) * 10**9 + 123_456_789), follow_symlinks=False)
        os.utime(self.project, ns=(0, LONG_AGO * 10**9 + 987_654_321))
        (self.root / "engine/shop_data").mkdir(parents=True)
        (self.root / "engine/shop_data/data").write_bytes(DATA)
        return self

    def back_up(self) -> "Shop":
        """Take the backup that a migration goes with."""
        every = [one for chosen in (*self.steps.values(), CLEANING) for one in chosen]
        paths = {Path(path) for one in every for path in touched(one)}
        names = {str(one) for path in paths for one in (path, *path.parents)}
        backup.take(self.project, names, today=date(2026, 11, 23))
        return self

    def save(self) -> saved_plan.SavedPlan:
        name = backup.existing(self.project)[-1].name
        steps = [Step(outline=outline(number), operations=chosen) for number, chosen in self.steps.items()]
        return saved_plan.save(self.project, steps, FACTS, {"test-file": "overlay"}, name)

    def apply(self, *steps: str, **options: Any) -> tuple[Applied, ...]:
        """Take some steps of the plan as it is saved."""
        saved = saved_plan.load(self.project)
        assert saved
        options = {"verify": lambda _step: (), "volumes": self.volumes, **options}
        return applying.apply(self.project, saved, steps=steps, notify=self.told.append, **options)

    def migrate(self) -> None:
        """Do what is left of a migration, cleanup included."""
        with guard.held(self.project, task="migrate.apply"):
            saved = saved_plan.load(self.project) or self.save()
            self.apply(*self.steps)
            applying.extend(self.project, saved, Step(outline=outline(CLEANUP), operations=CLEANING))
            self.apply(CLEANUP)

    def roll_back(
        self, *, force: bool = False, dry_run: bool = False, volumes: Folders | None = None
    ) -> RolledBack:
        """Take back what there is to take back."""
        with guard.held(self.project, task="migrate.rollback"):
            saved = saved_plan.load(self.project)
            if saved is None:
                return RolledBack()
            return rolling_back.roll_back(
                self.project,
                saved,
                force=force,
                dry_run=dry_run,
                notify=self.told.append,
                volumes=volumes or self.volumes,
            )

    def tree(self) -> dict[str, tuple[object, ...]]:
        """Return all that is in the project and on its engine, but for backups and the ledger."""
        found: dict[str, tuple[object, ...]] = {}
        names: dict[tuple[int, int], str] = {}
        for path in (self.project, *sorted(self.root.rglob("*"))):
            name = str(path.relative_to(self.root))
            if not name.startswith(("shop/backups", "shop/.dashtam")):
                found[name] = described(path, names.setdefault(inode(path), name))
        return found

    @property
    def volume_names(self) -> set[str]:
        return {one.name for one in (self.root / "engine").iterdir()}


def inode(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def described(path: Path, first_name: str) -> tuple[object, ...]:
    """Return what is at a path: kind, mode, owner, contents, the first of its names, and its time."""
    found = path.lstat()
    contents: object = None
    if path.is_symlink():
        contents = str(path.readlink())
    elif path.is_file():
        contents = path.read_bytes()
    is_volume = "engine" in path.parts
    time = 0 if is_volume else found.st_mtime_ns
    return stat.S_IFMT(found.st_mode), found.st_mode, found.st_uid, found.st_gid, contents, first_name, time


def without_times(tree: Mapping[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    """Return a tree without the times of folders and of what the migration writes."""
    every = [one for chosen in (*STEPS.values(), CLEANING, ODD_ONES) for one in chosen]
    ours = {f"shop/{one.made}" for one in every if isinstance(one, (Write, Copy))}
    return {path: one[:-1] if path in ours or one[0] == stat.S_IFDIR else one for path, one in tree.items()}
