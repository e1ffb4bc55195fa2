"""There and back: steps are applied, and taken back."""

from typing import TYPE_CHECKING

from invoke.context import Context

from dashtam_tasks import console
from dashtam_tasks.errors import ExitCode
from dashtam_tasks.namespaces.invoking import task
from dashtam_tasks.namespaces.migrate import boxes, guidance
from dashtam_tasks.namespaces.migrate.arguments import (
    CHOICES,
    YES,
    choices,
    consenting,
    project_folder,
    selection,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashtam_tasks.migration.execution.applying import Applied
    from dashtam_tasks.migration.execution.rolling_back import RolledBack


@task(
    help={
        **CHOICES,
        "until": "the last step to take, such as 1.5",
        "step": "one step alone",
        "phase": "the steps of a phase: 1, 2 or 3",
        "dry_run": "show what these steps would do, and change nothing",
        "yes": YES,
    }
)
def apply(  # noqa: PLR0913, PLR0917 - each is an option
    context: Context,
    test_file: str = "",
    project: str = "",
    volumes: str = "",
    until: str = "",
    step: str = "",
    phase: str = "",
    dry_run: bool = False,
    yes: bool = False,
) -> int:
    """Take the steps that change the project, each followed by its verification; go on where one stopped."""
    from dashtam_tasks.migration import undertaking

    folder, chosen = project_folder(context), choices(test_file, project, volumes)
    select = selection(until, step, phase)
    if dry_run:
        console.table(("step", "does"), undertaking.pending(folder, chosen, select))
        return 0
    consent = consenting("Migrate this project?", yes=yes)
    with guidance.resumable(folder):
        applied = undertaking.apply(folder, chosen, select, consent=consent, notify=console.note)
    code = show_applied(applied)
    if applied and not code:
        guidance.after(folder)
    return code


def show_applied(applied: "Iterable[Applied]") -> int:
    """Print the steps that were taken and return the exit code."""
    code, taken = 0, tuple(applied)
    if not taken:
        console.line("Nothing is left to do.")
    for one in taken:
        boxes.show(one.boxes)
        if not one.is_verified:
            console.note(f"Step {one.number} is not verified: mend what failed, and run the same task again.")
            code = ExitCode.FOUND_PROBLEMS
    return code


@task(
    help={
        "dry_run": "show what it would do, and change nothing",
        "force": "set files aside that changed since, in the backup",
        "yes": YES,
    }
)
def rollback(context: Context, dry_run: bool = False, force: bool = False, yes: bool = False) -> int:
    """Take the migration back: every file as it was, and what changed since kept."""
    from dashtam_tasks.migration import undertaking

    consent = consenting("Take the migration back?", yes=yes)
    folder = project_folder(context)
    with guidance.resumable(folder):
        done = undertaking.roll_back(
            folder, force=force, dry_run=dry_run, consent=consent, notify=console.note
        )
    show_rolled_back(done, dry_run=dry_run)
    if not dry_run:
        console.note(
            "The migration is taken back. Nothing was started: start the project as you did before it."
        )
    return ExitCode.FOUND_PROBLEMS if done.kept else 0


def show_rolled_back(done: "RolledBack", *, dry_run: bool) -> None:
    """Print what a rollback did, or would do."""
    verbs = (
        ("would restore", "would remove", "would set aside")
        if dry_run
        else ("restored", "removed", "set aside")
    )
    for verb, paths in zip(verbs, (done.restored, done.removed, done.set_aside), strict=True):
        console.lines(f"{verb} {path}" for path in paths)
    console.lines(done.told)
    if done.kept:
        console.findings(done.kept)


TASKS = (apply, rollback)
