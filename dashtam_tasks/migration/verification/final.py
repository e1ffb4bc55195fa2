"""The final checklist, step 3.4: whether everything that was decided before holds together, and still does."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dashtam_tasks.migration.boxes import Box, Outcome
from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.steps import OUTLINES
from dashtam_tasks.migration.verification import report, ticking
from dashtam_tasks.migration.verification.compose_files import is_without
from dashtam_tasks.migration.verification.documents import confirmed
from dashtam_tasks.migration.verification.evidence import presented
from dashtam_tasks.migration.verification.steps import LISTS, RUN
from dashtam_tasks.migration.verification.subject import Subject
from dashtam_tasks.migration.verification.ticking import Line, Verdict, failed, holds, passed

STEP = "3.4"
AGAIN = "Run `dashtam-tasks migrate.verify`."
CLEANUP = "3.2"
# The lines in which tests were run.
TESTS_RAN = frozenset(
    {
        ("1.7", "Tests run successfully"),
        ("1.8", "Tests run successfully while dev runs"),
        ("2.2", "Tests run automatically"),
        ("3.1", "Tests pass"),
    }
)


def checklist(
    project: Path, facts: Facts, completed: Collection[str], boxes: Iterable[Box], *, signed_off_by: str = ""
) -> tuple[Box, ...]:
    """Return the boxes of step 3.4, the plan's criteria of success among them.

    A migration is valid if none failed. `completed` are the numbers of the steps that were taken. `boxes` are those
    of files as they are now; those of what has to be run are the report's, which must be about these very files.
    `signed_off_by` is who vouches for what only a person can tell.
    """
    made = Final(subject=Subject(folder=project, facts=facts), completed=completed, boxes=tuple(boxes))
    lines = (*made.lines(signed_off_by), *made.criteria())
    return tuple(presented(made.subject, ticking.ticked(STEP, lines)))


@dataclass(frozen=True, kw_only=True)
class Final:
    """What the checklist is decided by: the steps that were taken, and the boxes of files as they are now."""

    subject: Subject
    completed: Collection[str]
    boxes: tuple[Box, ...]

    def lines(self, signed_off_by: str) -> tuple[Line, ...]:
        """Return the plan's final checklist."""
        return (
            *(
                (f"All Phase {phase} steps completed and verified", partial(self.phase, phase))
                for phase in (1, 2, 3)
            ),
            ("Dev environment works perfectly", partial(self.steps, "1.6")),
            ("Test environment works perfectly", partial(self.steps, "1.7")),
            ("Parallel execution confirmed", partial(self.steps, "1.8")),
            ("CI/CD ready", partial(self.steps, "2.2", "2.3", "2.5")),
            ("Documentation complete", partial(self.steps, "2.6", "3.3")),
            ("No regressions", self.tests),
            ("Team sign-off obtained", partial(confirmed, signed_off_by)),
        )

    def criteria(self) -> tuple[Line, ...]:
        """Return the plan's criteria of success, but for those that are on its checklist already."""
        return (
            ("Dev and test run simultaneously without conflicts", partial(self.steps, "1.8")),
            ("No more `sleep infinity` workarounds", self.nothing_sleeps),
            ("SSL testing capability added", partial(self.steps, "2.1")),
            ("CI/CD integration ready", partial(self.steps, "2.2")),
            ("Better developer experience", partial(self.steps, "1.5")),
            ("Complete environment isolation", partial(self.steps, "1.4", "1.8", "3.1")),
            ("All tests pass", self.tests),
        )

    def known(self) -> tuple[Box, ...]:
        """Return every box that is known: as files are now, and the report's where something had to be run."""
        found = report.read(self.subject.folder)
        reported = found.boxes if found else ()
        has_run = [one for one in reported if (one.step, one.text) in RUN]
        return report.merged((*reported, *self.boxes, *has_run))

    def stale(self) -> str:
        """Return why the report does not count, empty when it does."""
        found = report.read(self.subject.folder)
        if found is None:
            return f"Nothing was verified yet. {AGAIN}"
        if not report.is_current(self.subject.folder, found):
            return (
                f"The report of {found.made} is about other Compose or env files than there are now. {AGAIN}"
            )
        return ""

    def phase(self, phase: int) -> Verdict:
        """Decide whether every step of a phase was taken, and holds."""
        numbers = [one.number for one in OUTLINES if one.phase == phase and one.number != STEP]
        untaken = [one for one in numbers if one in LISTS and one not in self.completed]
        undone = [f"Step {one} was not taken. {take(one)}" for one in untaken]
        verdict = self.steps(*(one for one in numbers if one not in untaken))
        return holds((*undone, *filter(None, [verdict.reason if is_failed(verdict) else ""])))

    def steps(self, *numbers: str) -> Verdict:
        """Decide whether all boxes of steps hold, and there are some of each."""
        return self.judged({one: one for one in numbers}, lambda one: one.step)

    def tests(self) -> Verdict:
        """Decide whether tests passed wherever they were run."""
        lines = {text: key for key in TESTS_RAN for text in [f"{key[0]} {key[1]}"]}
        return self.judged(lines, lambda one: f"{one.step} {one.text}")

    def judged(self, wanted: Collection[str], name: Callable[[Box], str]) -> Verdict:
        """Decide whether there is a box for each of the wanted names, and none that failed."""
        chosen = [one for one in self.known() if name(one) in wanted]
        missing = [one for one in wanted if one not in {name(box) for box in chosen}]
        missing += [f"{one.step} {one.text}" for one in chosen if one.outcome is Outcome.NOT_RUN]
        problems = [f"{one} was not verified. {AGAIN}" for one in missing]
        problems += [f"{one.step} {one.text}: failed." for one in chosen if one.outcome is Outcome.FAILED]
        ran = any(step not in LISTS for step in {one.step for one in chosen})
        if ran and (stale := self.stale()):
            problems.append(stale)
        return failed("\n".join(problems)) if problems else passed()

    def nothing_sleeps(self) -> Verdict:
        """Decide whether no environment has a service that does nothing but wait."""
        verdicts = [
            is_without(self.subject, one.name, "sleeps-for-ever") for one in self.subject.environments
        ]
        wrong = (one.reason for one in verdicts if is_failed(one))
        return holds(wrong, *(seen for one in verdicts for seen in one.evidence))


def take(step: str) -> str:
    """Return what takes a step: cleanup is a task of its own."""
    return f"Run `dashtam-tasks migrate.{'cleanup' if step == CLEANUP else 'apply'}`."


def is_failed(verdict: Verdict) -> bool:
    """Return whether something does not hold."""
    return verdict.outcome is Outcome.FAILED
