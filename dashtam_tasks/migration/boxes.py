"""Boxes: what each step has to show, how it ended, and by what evidence."""

import enum

import msgspec


class Outcome(enum.StrEnum):
    """How a box ended; not applicable are those about something that a project does not have.

    What has to be run to be known has not passed before that.
    """

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    NOT_RUN = "not run yet"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What was run or looked at, when (UTC, ISO 8601), for how many seconds, and what came of it; no secrets."""

    command: str
    started: str
    seconds: float
    output: str = ""


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a step's list with its outcome; `reason` says why it is not passed."""

    step: str
    text: str
    outcome: Outcome
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
