"""A legacy project at every stage of its migration, each made once; the engine is a script, Compose is real."""

import os
import shutil
import stat
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import undertaking
from dashtam_tasks.migration.planning.choices import Choices, Volumes
from tests.unit.conftest import FakeDocker

SECRET = "made-up-and-nobodys-business"
BASE = """\
services:
  web:
    build: .
    command: [python, -m, shop]
    ports: ["8000:8000"]
    volumes: ["./src:/app/src"]
    depends_on: [db]
  db:
    image: postgres:17
    container_name: shop-db
    environment:
      POSTGRES_USER: keeper
      POSTGRES_DB: shop
      POSTGRES_PASSWORD: ${DB_PASSWORD:-CHANGE_ME}
    volumes: ["data:/var/lib/postgresql/data"]
volumes:
  data:
"""
FILES = {
    "docker-compose.yml": BASE,
    "docker-compose.test.yml": "services:\n  web:\n    command: sleep infinity\n",
    ".env": f"DB_PASSWORD={SECRET}\n",
    ".env.example": "DB_PASSWORD=CHANGE_ME\n",
    ".gitignore": "*.pyc\n",
    "Dockerfile": "FROM python:3.13-slim\n",
    "Makefile": "test:\n\tdocker compose -f docker-compose.yml -f docker-compose.test.yml exec -T web pytest\n",
    "README.md": "# Shop\n\nRun `docker compose up`.\n",
    "src/shop.py": "print()\n",
    "tests/test_shop.py": "def test_shop() -> None: ...\n",
}
# Only Compose itself is real, of which nothing asks the engine.
RELAY = '#!/bin/sh\nif [ "$1" = compose ]; then exec {docker} "$@"; fi\nexec {scripted} "$@"\n'
EMPTY = Choices(volumes=Volumes.NONE)

Manifest = dict[str, tuple[object, ...]]


def legacy(folder: Path) -> Path:
    """Make the project as its people left it, long ago."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (folder / ".env").chmod(0o640)
    for number, one in enumerate((*sorted(folder.rglob("*"), reverse=True), folder)):
        os.utime(one, ns=(0, (1_500_000_000 + number) * 10**9 + 123_456_789))
    return folder


def manifest(folder: Path, *, without: Collection[str] = ()) -> Manifest:
    """Return what is at each path: bytes, mode, owner and time; below a folder `without`, nothing is looked at."""
    found: Manifest = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(
            one for one in folders if str(Path(parent, one).relative_to(folder)) not in without
        )
        for path in (Path(parent), *(Path(parent, name) for name in names)):
            seen = path.lstat()
            held = path.read_bytes() if stat.S_ISREG(seen.st_mode) else b""
            place = str(path.relative_to(folder))
            found[place] = (held, seen.st_mode, seen.st_uid, seen.st_gid, seen.st_mtime_ns)
    return found


def different(before: Manifest, after: Manifest) -> list[str]:
    """Return the paths that are not as they were."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def silent(fake: FakeDocker) -> FakeDocker:
    """Let Compose be real, and the engine have nothing of the project."""
    docker = shutil.which("docker", path=without(fake.folder))
    scripted = fake.folder / "scripted"
    (fake.folder / "docker").rename(scripted)
    (fake.folder / "docker").write_text(RELAY.format(docker=docker, scripted=scripted))
    (fake.folder / "docker").chmod(0o755)
    fake.answer("version", stdout="28.5.2")
    for words in (("volume", "ls"), ("ps",), ("network", "ls")):
        fake.answer(*words, stdout="")
    fake.answer("image", "inspect", code=1)
    return fake


def without(folder: Path) -> str:
    """Return PATH without a folder."""
    return os.pathsep.join(one for one in os.environ["PATH"].split(os.pathsep) if one != str(folder))


def everything(numbers: Sequence[str]) -> Collection[str]:
    return numbers


def through(last: str) -> Callable[[Sequence[str]], Collection[str]]:
    """Return what chooses all steps up to one."""
    return lambda numbers: numbers[: numbers.index(last) + 1]


@dataclass
class Stages:
    """Where each stage of the project is kept, made when it is first asked for; no engine answers meanwhile."""

    folder: Path

    def copied(self, stage: str, parent: Path) -> Path:
        """Return a copy of a stage: legacy, backed-up, or the number of the last step that was taken."""
        if not (self.folder / stage).exists():
            self.make(stage)
        return Path(shutil.copytree(self.folder / stage / "shop", parent / "shop", symlinks=True))

    def make(self, stage: str) -> None:
        """Make a stage."""
        project = legacy(self.folder / stage / "shop")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", f"unix://{self.folder}/no.sock")
            if stage == "backed-up":
                undertaking.back_up(project, EMPTY, database=False, notify=ignored)
            elif stage != "legacy":
                undertaking.apply(project, EMPTY, through(stage), consent=agreed, notify=ignored)


def agreed(_facts: Sequence[str]) -> None:
    """Agree to everything."""


def ignored(_line: str) -> None:
    """Do without progress."""


@dataclass
class Asked:
    """A person who is asked, and says no unless told otherwise."""

    agrees: bool = False
    facts: list[tuple[str, ...]] = field(default_factory=list)

    def __call__(self, facts: Sequence[str]) -> None:
        self.facts.append(tuple(facts))
        if not self.agrees:
            raise DashtamError("No.", code=ExitCode.USAGE)
