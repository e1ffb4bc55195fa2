"""Migration: what it takes to give a legacy project standalone environments."""

from pathlib import Path
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context

from dashtam_tasks import console, settings
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.namespaces.invoking import task

if TYPE_CHECKING:
    from dashtam_tasks.migration.plan import Choices, Plan, Step


@task(
    name="plan",
    help={
        "test_file": "what the test file is, overlay or standalone, where its uses do not tell",
        "project": "what names shall begin with (default: as they do now)",
        "diff": "show what each file would be",
        "json": "print JSON",
    },
)
def show_plan(
    context: Context, test_file: str = "", project: str = "", diff: bool = False, json: bool = False
) -> int:
    """Show what each step would do to this project and prove that it does no more; change nothing."""
    from dashtam_tasks.migration import plan

    chosen = choices(test_file, project)
    made = plan.make(legacy_folder(context), chosen)
    if json:
        console.data(plan.as_data(made))
    else:
        show(made, diff=diff)
    return 0 if plan.is_sound(made) else ExitCode.FOUND_PROBLEMS


def legacy_folder(context: Context) -> Path:
    """Return where a person stands if a Compose file is there, else the project's folder.

    A legacy project has nothing else that tells its folder from those above it, such as the repository's.
    """
    from dashtam_tasks.migration.legacy.compose_files import BASE_NAMES

    here = Path.cwd()
    is_project = any((here / name).is_file() for name in BASE_NAMES)
    return here if is_project else Path(settings.load(context.config).project_dir)


def choices(test_file: str, project: str) -> "Choices":
    """Return what a person decided on the command line.

    Raises DashtamError (USAGE) for what a test file cannot be, and for what no name can begin with.
    """
    from dashtam_tasks.migration.legacy import Role
    from dashtam_tasks.migration.plan import Choices

    roles = {"": None, "overlay": Role.OVERLAY, "standalone": Role.STANDALONE}
    if test_file not in roles:
        raise DashtamError(
            f"--test-file is {test_file!r}.", code=ExitCode.USAGE, hint="It is overlay or standalone."
        )
    if project and not settings.is_name(project):
        raise DashtamError(
            f"No name can begin with {project!r}.",
            code=ExitCode.USAGE,
            hint="Use lower-case letters, digits, - and _, with a letter or a digit first.",
        )
    return Choices(project=project, test_file=roles[test_file])


def show(made: "Plan", *, diff: bool) -> None:
    """Print a plan for people: refusals, or each step with its operations, its changes and its remarks."""
    if made.refusals:
        console.findings(made.refusals)
        return
    console.table(
        ("step", "what", "risk", "priority", "does"),
        (
            (one.outline.number, one.outline.title, one.outline.risk, one.outline.priority, operation)
            for one in made.steps
            for operation in one.operations
        ),
    )
    for step in made.steps:
        show_step(step)
    if diff:
        show_diffs(made)


def show_step(step: "Step") -> None:
    """Print what a step changes on purpose, by rule, what is not proven, and what a person should know."""
    reasons = tuple(dict.fromkeys((one.rule, one.why) for one in step.declared))
    if reasons or step.remarks or step.unproven:
        console.line()
        console.line(f"{step.outline.number} {step.outline.title}")
    console.lines(f"  {rule}: {why}" for rule, why in reasons)
    console.lines(f"  note: {remark}" for remark in step.remarks)
    console.lines(f"  not proven: {'.'.join(one.place)} would differ" for one in step.unproven)


def show_diffs(made: "Plan") -> None:
    """Print each operation as a diff."""
    from dashtam_tasks.migration import operations

    for step in made.steps:
        for one in step.operations:
            console.line()
            console.lines(operations.diff(one, made.found.folder).splitlines())


def collection() -> Collection:
    """Return the namespace `migrate`."""
    return Collection("migrate", show_plan)
