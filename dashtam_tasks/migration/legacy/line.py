"""A line that tells a shell what to do, and where it was found."""

import enum
from dataclasses import dataclass


class Source(enum.StrEnum):
    """What kind of file a line is in."""

    MAKEFILE = "makefile"
    JUSTFILE = "justfile"
    TASKFILE = "taskfile"
    PACKAGE = "package.json"
    SCRIPT = "script"
    WORKFLOW = "workflow"
    DOCUMENT = "document"
    COMMENT = "comment"
    ENVIRONMENT = "env file"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line for a shell: where it is, who runs it (a target, a script, a job), and in which folder."""

    file: str
    line: int
    text: str
    source: Source
    owner: str = ""
    folder: str = "."

    @property
    def where(self) -> str:
        """Its place, as `file:line`."""
        return f"{self.file}:{self.line}"
