"""Dumps' versions: which dumps were made by another major version of PostgreSQL than a service runs.

PostgreSQL promises that a dump can be restored by the same or a newer major version, and often by that alone.
https://www.postgresql.org/docs/current/app-pgdump.html#PG-DUMP-NOTES
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration.containers.workbench import Workbench
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.postgresql import dumping

# What archives in pg_dump's own formats begin with, and how a script in SQL names its version.
ARCHIVE = b"PGDMP"
DUMPED_FROM = re.compile(rb"^(?:;|--) +Dumped from database version:? ([0-9.]+)", re.MULTILINE)
HEAD_BYTES = 4096


def others(bench: Workbench, operation: CopyVolume, wanted: str, dumps: Sequence[Path]) -> Iterator[Finding]:
    """Yield a warning for each dump of another major version than `wanted`, that of the image's server.

    Raises DashtamError (UNAVAILABLE) when the engine goes.
    """
    for path in dumps:
        try:
            number = version_of(bench, path)
        except DashtamError as error:
            if error.code == ExitCode.UNAVAILABLE:
                raise
            # A newer pg_dump writes a format that an older pg_restore does not know.
            words = f"pg_restore {wanted} of {operation.service} cannot read it. {error.details}".rstrip()
            yield warning(path, words)
            continue
        except OSError as error:
            yield warning(path, f"It cannot be read: {error.strerror}.")
            continue
        if number and number != wanted and not number.startswith(f"{wanted}."):
            yield warning(path, f"It was made by PostgreSQL {number}, and {operation.service} runs {wanted}.")


def version_of(bench: Workbench, path: Path) -> str:
    """Return the version of the server that a dump is from, empty where the dump does not say.

    Raises DashtamError as dumping.contents does.
    """
    with path.open("rb") as file:
        text = file.read(HEAD_BYTES)
        if text.startswith(ARCHIVE):
            file.seek(0)
            text = dumping.contents(bench, file)
    found = DUMPED_FROM.search(text)
    return found[1].decode() if found else ""


def warning(path: Path, words: str) -> Finding:
    """Return what a person should know of a dump before relying on it."""
    hint = "Restore it by hand, with the programs of its own version, and look at what they say."
    return Finding(kind="dump-version", where=str(path), message=words, hint=hint, severity=Severity.WARNING)
