"""What a check found, in the one form that every check returns."""

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """Whether a finding needs a hand now (error) or only a look (warning)."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a check found.

    `kind` is a stable word for programs, `where` a file (with its line), a port or a service, `message` a full
    sentence that does not repeat it, `hint` the next thing to do.
    """

    kind: str
    where: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
