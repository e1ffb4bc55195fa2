"""Errors about what cannot be merged."""

from typing import NoReturn

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.document import Document, Path

BY_HAND = "Write the merged file by hand there, or make the test file standalone."


def refuse(document: Document, path: Path, reason: str, *, hint: str = BY_HAND) -> NoReturn:
    """Raise an error about a place of a document."""
    where = f"{document.where}:{document.line(path)}"
    raise DashtamError(f"{where}: {reason}.", code=ExitCode.DATA, hint=hint)
