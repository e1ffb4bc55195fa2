"""Trees of files to back up, with all that names, modes and times can be."""

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from dashtam_tasks.migration import snapshots
from dashtam_tasks.migration.snapshots import Snapshot

TODAY = date(2026, 11, 23)
NAME = "pre-migration-20261123"
NOBODY = 65534
ODD = (
    "two words.yml",
    'quote\'d "twice"',
    "line\nbreak",
    "-rf",
    "*",
    "ünïcode",
    os.fsdecode(b"\xff\xfe latin"),
    "n" * 255,
    "deep/er/and er/file",
    "manifest.json",
    "kept/own",
    "dumps",
    ".gitignore",
)


def write(project: Path, path: str, data: bytes = b"data\n", *, mode: int = 0o644, mtime: int = 0) -> Path:
    """Make a file, with the folders above it."""
    made = project / path
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_bytes(data)
    made.chmod(mode)
    if mtime:
        os.utime(made, ns=(mtime, mtime))
    return made


def shop(project: Path) -> Path:
    """Make a legacy project of a few files."""
    write(project, "docker-compose.yml", b"services: {}\r\n", mtime=1_600_000_000_987_654_321)
    write(project, ".env", b"PASSWORD=made-up", mode=0o600)
    write(project, "scripts/run me.sh", b"#!/bin/sh\n", mode=0o755)
    (project / "Makefile").symlink_to("scripts/../nowhere")
    return project


SHOP = (
    ".",
    "docker-compose.yml",
    ".env",
    "scripts",
    "scripts/run me.sh",
    "Makefile",
    "envs/.env.dev",
    "envs",
)


def looks(project: Path, paths: Iterable[str] = ()) -> dict[str, Snapshot]:
    """Return all that is below a folder, or at paths in it, by its path; without the folder's own time."""
    found = [str(one.relative_to(project)) for one in project.rglob("*")]
    return {name: snapshots.of(project / name) for name in (*found, *paths)}


def modes(folder: Path) -> dict[str, set[int]]:
    """Return the modes of the folders and of the files in a folder, itself included."""
    found: dict[str, set[int]] = {"folders": set(), "files": set()}
    for one in (folder, *folder.rglob("*")):
        status = one.lstat()
        found["folders" if one.is_dir() else "files"].add(stat.S_IMODE(status.st_mode))
    return found


@contextmanager
def as_nobody() -> Iterator[Path]:
    """Yield a folder whose owner is the effective user, who is not root."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid():
            yield Path(name)
            return
        os.chown(name, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.seteuid(os.getuid())
