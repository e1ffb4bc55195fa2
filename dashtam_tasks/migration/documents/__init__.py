"""Documents: what a team reads about its migration, written for this very project (steps 2.6 and 3.3)."""

from collections.abc import Sequence

from dashtam_tasks.migration.documents import guide, rollback, sections
from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.references import Account, References
from dashtam_tasks.migration.steps import Step, outline


def guide_step(
    blueprint: Blueprint, accounts: Sequence[Account], references: References, steps: Sequence[Step]
) -> Step:
    """Return step 2.6: the guide, the sections in pages that are there, and references that are certain.

    `steps` are those that change anything before it.
    """
    operations = [one for step in steps for one in step.operations]
    written = guide.text(blueprint, accounts, references, operations)
    return Step(
        outline=outline("2.6"),
        operations=(
            Write(path=guide.NAME, data=written.encode()),
            *sections.writes(blueprint, accounts),
            *references.changes,
        ),
        remarks=(*sections.remarks(blueprint), *references.remarks),
        places=references.every,
    )


def rollback_step(blueprint: Blueprint, steps: Sequence[Step]) -> Step:
    """Return step 3.3: the way back from all that `steps` change."""
    number = outline("3.3")
    own = Write(path=rollback.NAME, data=b"")
    listed = (*steps, Step(outline=number, operations=(own,)))
    written = rollback.text(blueprint, listed)
    return Step(outline=number, operations=(Write(path=rollback.NAME, data=written.encode()),))
