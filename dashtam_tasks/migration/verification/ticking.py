"""Ticking: a step's list of lines, each with the check that decides it, and the boxes that come of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.boxes import Box, Evidence, Outcome


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a check ended: why, if that has to be said, and by what evidence."""

    outcome: Outcome
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()


Check = Callable[[], Verdict]
# A line of a list, in the plan's words, and what decides it.
Line = tuple[str, Check]


def passed(*evidence: Evidence, reason: str = "") -> Verdict:
    """Return the verdict of what was found to hold."""
    return Verdict(outcome=Outcome.PASSED, reason=reason, evidence=evidence)


def failed(reason: str, *evidence: Evidence) -> Verdict:
    """Return the verdict of what does not hold."""
    return Verdict(outcome=Outcome.FAILED, reason=reason, evidence=evidence)


def not_applicable(reason: str, *evidence: Evidence) -> Verdict:
    """Return the verdict on what a project does not have."""
    return Verdict(outcome=Outcome.NOT_APPLICABLE, reason=reason, evidence=evidence)


def holds(problems: Iterable[str], *evidence: Evidence) -> Verdict:
    """Return the verdict of a check that looked for problems: passed if it found none."""
    found = tuple(dict.fromkeys(problems))
    return failed("\n".join(found), *evidence) if found else passed(*evidence)


def ticked(step: str, lines: Iterable[Line]) -> Iterator[Box]:
    """Yield a box for each line of a step's list, as soon as its check has ended."""
    for text, check in lines:
        yield box(step, text, decided(check))


def ticked_in_turn(step: str, lines: Iterable[Line]) -> Iterator[Box]:
    """Yield a box for each line, of which the first must pass for the others to mean anything."""
    missing = ""
    for number, (text, check) in enumerate(lines):
        verdict = failed(f"Not looked at, since this failed: {missing}.") if missing else decided(check)
        if not number and verdict.outcome is Outcome.FAILED:
            missing = text
        yield box(step, text, verdict)


def decided(check: Check) -> Verdict:
    """Return the verdict of a check; one that could not be carried out has failed."""
    try:
        return check()
    except DashtamError as error:
        return failed("\n".join(part for part in (error.reason, error.details.strip(), error.hint) if part))
    except OSError as error:
        return failed(f"{error.filename or 'It'} could not be looked at: {error.strerror or error}.")


def box(step: str, text: str, verdict: Verdict) -> Box:
    """Return a line of a step's list with its verdict."""
    return Box(
        step=step, text=text, outcome=verdict.outcome, reason=verdict.reason, evidence=verdict.evidence
    )
