"""Account: what becomes of a target of a Makefile."""

import enum
from dataclasses import dataclass

from dashtam_tasks.migration.taskfile.carrying import Carried
from dashtam_tasks.migration.taskfile.invocation import Chain


class Fate(enum.StrEnum):
    """What becomes of a target: a task does the same, its recipe is a task now, or a person has to look."""

    REPLACED = "replaced"
    CARRIED = "carried over"
    LEFT = "left"


@dataclass(frozen=True, kw_only=True)
class Account:
    """A target with its line, what becomes of it, the command to type from now on, and what to know of that."""

    target: str
    line: int
    fate: Fate
    command: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """An account with what makes it so: a chain of tasks, or a recipe that is carried over."""

    account: Account
    chain: Chain | None = None
    carried: Carried | None = None
