"""All of the plan's sequences, one after the other, on a project that is left as it was found."""

from collections.abc import Generator
from pathlib import Path

from dashtam_tasks.migration.boxes import Box
from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.verification import finale, plays, scene
from dashtam_tasks.migration.verification.evidence import presented
from dashtam_tasks.migration.verification.subject import Subject
from dashtam_tasks.notifying import Notify

PLAYS = (
    plays.development_alone,
    plays.tests_alone,
    plays.side_by_side,
    finale.end_to_end,
    finale.pipeline,
)


def sequences(project: Path, facts: Facts, *, notify: Notify) -> Generator[Box, None, None]:
    """Run the plan's sequences 1.6, 1.7, 1.8, 2.4 and 3.1 for real, and yield each box as it is decided.

    Of steps 2.1 and 2.2 it yields those boxes that have to be run. Services that ran before run afterwards, and no
    others, also after Ctrl-C: whoever stops asking for boxes closes the iterator. Development's volumes are never
    removed. Raises DashtamError when an environment cannot be opened, or no engine answers.
    """
    made = scene.of(Subject(folder=project, facts=facts), notify=notify)
    with scene.left_as_found(made):
        for play in PLAYS:
            yield from presented(made.subject, play(made))
