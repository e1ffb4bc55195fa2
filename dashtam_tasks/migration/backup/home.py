"""The folder that backups are in, which git never sees."""

import fnmatch
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.backup import contents
from dashtam_tasks.migration.backup.records import PREFIX, existing
from dashtam_tasks.migration.ledger import BACKUPS

IGNORE_FILE = ".gitignore"
EVERYTHING = b"*\n"
# Two dates that no pattern fits by chance.
EXAMPLES = (f"{PREFIX}20010203", f"{PREFIX}31121129-10")


@contextmanager
def at_home(project: Path) -> Iterator[Path]:
    """Yield the folder for a project's backups, made where it is missing, and ignored by git.

    When the block fails and there is no backup, what was made for it goes again. Raises DashtamError
    (CANNOT_CREATE) when something else is there, or when the person's own `.gitignore` lets git see backups.
    """
    backups = project / BACKUPS
    made: list[Path] = []
    try:
        if not os.path.lexists(backups):
            contents.make_folder(backups)
            made.append(backups)
        require_folder(backups)
        if not os.path.lexists(backups / IGNORE_FILE):
            files.write_atomically(backups / IGNORE_FILE, EVERYTHING, mode=files.PRIVATE)
            made.append(backups / IGNORE_FILE)
        require_ignored(backups / IGNORE_FILE)
        yield backups
    except BaseException:
        if not existing(project):
            take_back(made)
        raise


def require_folder(backups: Path) -> None:
    """Raise DashtamError (CANNOT_CREATE) when something else has the folder's name."""
    if not backups.is_dir():
        raise DashtamError(
            f"{backups} is not a folder, and backups go there.",
            code=ExitCode.CANNOT_CREATE,
            hint="Give what is there another name.",
        )


def require_ignored(ignore_file: Path) -> None:
    """Raise DashtamError (CANNOT_CREATE) when git would see backups, with the secrets that they hold."""
    with contents.reading(ignore_file):
        lines = ignore_file.read_bytes().decode(errors="replace").splitlines()
    if not is_ignored(lines):
        raise DashtamError(
            f"{ignore_file} lets git see backups, which hold the secrets of env files.",
            code=ExitCode.CANNOT_CREATE,
            hint=f"Add this line to it: /{PREFIX}*",
        )


def is_ignored(lines: list[str]) -> bool:
    """Return whether a .gitignore ignores backups, whenever they are taken: the last line that fits decides."""
    fitting = [
        [
            line
            for line in map(str.strip, lines)
            if fnmatch.fnmatchcase(name, line.removeprefix("!").strip("/"))
        ]
        for name in EXAMPLES
    ]
    return all(one and not one[-1].startswith("!") for one in fitting)


def take_back(made: list[Path]) -> None:
    """Remove what was made, the last first."""
    for one in reversed(made):
        if one.is_dir():
            one.rmdir()
        else:
            one.unlink()
