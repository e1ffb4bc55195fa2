"""Before anything is changed: the plan, and the backups."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from invoke.context import Context

from dashtam_tasks import console
from dashtam_tasks.errors import ExitCode
from dashtam_tasks.namespaces.invoking import task
from dashtam_tasks.namespaces.migrate import found, guidance
from dashtam_tasks.namespaces.migrate.arguments import CHOICES, choices, project_folder

if TYPE_CHECKING:
    from dashtam_tasks.migration.backup import Backup
    from dashtam_tasks.migration.planning.plan import Plan
    from dashtam_tasks.migration.steps import Step


@task(
    name="plan",
    help={
        **CHOICES,
        "diff": "show what each file would be",
        "full": "name every place that has an old name, of files with many, too",
        "json": "print JSON",
    },
)
def show_plan(
    context: Context,
    test_file: str = "",
    project: str = "",
    volumes: str = "",
    diff: bool = False,
    full: bool = False,
    json: bool = False,
) -> int:
    """Show what each step would do to this project and prove that it does no more; change nothing."""
    from dashtam_tasks.migration.planning import plan

    made = plan.make(project_folder(context), choices(test_file, project, volumes))
    if json:
        console.data(plan.as_data(made))
    else:
        show(made, diff=diff, full=full)
    return 0 if plan.is_sound(made) else ExitCode.FOUND_PROBLEMS


def show(made: "Plan", *, diff: bool, full: bool) -> None:
    """Print a plan for people: what was found, then refusals, or each step with all that it does."""
    console.table(("found", "what"), found.rows(made.found))
    console.line()
    if made.refusals:
        console.findings(made.refusals)
        return
    console.table(
        ("step", "what", "risk", "priority", "does"),
        (
            (one.outline.number, one.outline.title, one.outline.risk, one.outline.priority, does)
            for one in made.steps
            for does in (one.operations or ("nothing",))
        ),
    )
    for step in made.steps:
        show_step(step, full=full)
    if diff:
        show_diffs(made)


def show_step(step: "Step", *, full: bool) -> None:
    """Print what a step changes on purpose, by rule, what is not proven, and what a person should know.

    `full` says that places are told one by one which are only counted else.
    """
    reasons = tuple(dict.fromkeys((one.rule, one.why) for one in step.declared))
    if reasons or step.remarks or step.unproven:
        console.line()
        console.line(f"{step.outline.number} {step.outline.title}")
    console.lines(f"  {rule}: {why}" for rule, why in reasons)
    console.lines(f"  note: {remark}" for remark in step.remarks)
    if full:
        console.lines(f"  place: {place}" for place in step.places)
    elif step.places:
        console.line("  note: migrate.plan --full lists all of these places, and so does MIGRATION_GUIDE.md.")
    console.lines(f"  not proven: {'.'.join(one.place)} would differ" for one in step.unproven)


def show_diffs(made: "Plan") -> None:
    """Print each operation as a diff."""
    from dashtam_tasks.migration import operations

    for step in made.steps:
        for one in step.operations:
            console.line()
            console.lines(operations.diff(one, made.found.folder).splitlines())


@task(help={**CHOICES, "database": "add a verified dump of each PostgreSQL volume"})
def backup(
    context: Context, test_file: str = "", project: str = "", volumes: str = "", database: bool = False
) -> None:
    """Take a backup of every file that the migration may touch (step 1.1)."""
    from dashtam_tasks.migration import undertaking

    folder, chosen = project_folder(context), choices(test_file, project, volumes)
    taken = undertaking.back_up(folder, chosen, database=database, notify=console.note)
    console.line(str(taken.folder))
    guidance.after(folder)


@task(help={"verify": "read every file again and compare it with the manifest", "json": "print JSON"})
def backups(context: Context, verify: bool = False, json: bool = False) -> int:
    """List the backups of this project."""
    from dashtam_tasks.migration import undertaking

    every = undertaking.backups(project_folder(context), verify=verify)
    if json:
        console.data([as_data(one) | {"findings": [*map(asdict, findings)]} for one, findings in every])
    else:
        console.table(("backup", "taken", "files", "dumps"), (row(one) for one, _ in every))
        wrong = [one for _, findings in every for one in findings]
        if wrong:
            console.findings(wrong)
        elif verify and every:
            console.note("Every file of these is as its manifest says.")
    return ExitCode.FOUND_PROBLEMS if any(findings for _, findings in every) else 0


def as_data(one: "Backup") -> dict[str, object]:
    """Return a backup as plain data."""
    return {
        "name": one.name,
        "taken": one.taken.isoformat(timespec="seconds"),
        "files": files(one),
        "dumps": [str(one.dump_file(dump)) for dump in one.dumps],
    }


def row(one: "Backup") -> tuple[object, ...]:
    """Return a backup as a table shows it."""
    return one.name, one.taken.isoformat(sep=" ", timespec="seconds"), len(files(one)), len(one.dumps)


def files(one: "Backup") -> list[str]:
    """Return the paths of the files and links that a backup has."""
    return sorted(path for path, entry in one.entries.items() if entry.kind in {"file", "link"})


TASKS = (show_plan, backup, backups)
