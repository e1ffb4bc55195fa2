"""The lists of the steps that change something, each decided by looking at files."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from dashtam_tasks.migration.boxes import Box, Outcome
from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.verification import (
    compose_files,
    documents,
    env_lines,
    kept_files,
    rehearsal,
    tasks,
    ticking,
    tls,
    workflow_file,
)
from dashtam_tasks.migration.verification.evidence import presented
from dashtam_tasks.migration.verification.subject import CI, TESTS, Subject
from dashtam_tasks.migration.verification.ticking import Line, not_applicable

LISTS: dict[str, Callable[[Subject], tuple[Line, ...]]] = {
    "1.1": kept_files.backed_up,
    "1.2": compose_files.development,
    "1.3": kept_files.renamed,
    "1.4": compose_files.tests,
    "1.5": tasks.lines,
    "2.1": tls.tests,
    "2.2": compose_files.ci,
    "2.3": env_lines.ci,
    "2.5": workflow_file.lines,
    "2.6": documents.pages,
    "3.2": lambda subject: (*kept_files.cleaned_up(subject), *env_lines.kept_out(subject)),
    "3.3": documents.way_back,
}
# The lines that files cannot answer alone: each is run by migrate.verify, and has not passed before.
RUN = frozenset(
    {
        ("2.1", "OAuth tests work with HTTPS"),
        ("2.2", "Tests run automatically"),
        ("2.2", "Exit code reflects test results"),
        (rehearsal.STEP, rehearsal.LINE),
    }
)
# A project without tests has neither their steps nor CI's.
ABOUT = {"1.4": TESTS, "2.1": TESTS, "2.2": CI, "2.3": CI}


def of_step(number: str, project: Path, facts: Facts) -> tuple[Box, ...]:
    """Return the boxes of a step that changes files, none for one that is verified by running what there is.

    A box that has to be run, and that files do not speak against, is not run yet.

    What is wrong with the project raises nothing: its box has failed, and says why. Raises DashtamError (IO) when
    the backups cannot be looked at.
    """
    subject = Subject(folder=project, facts=facts)
    if number not in LISTS:
        return ()
    lines = LISTS[number](subject)
    name = ABOUT.get(number, "")
    if name and not subject.has(name):
        missing = not_applicable(f"The project has no environment {name}.")
        return tuple(ticking.box(number, text, missing) for text, _ in lines)
    return tuple(map(run_later, presented(subject, ticking.ticked(number, lines))))


def run_later(box: Box) -> Box:
    """Return a box that files alone cannot decide as one that is still to be run, unless it has failed already."""
    if (box.step, box.text) not in RUN or box.outcome is not Outcome.PASSED:
        return box
    return msgspec.structs.replace(box, outcome=Outcome.NOT_RUN, reason="migrate.verify runs it.")
