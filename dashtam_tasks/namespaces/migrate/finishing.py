"""Where a migration stands, whether it works, and the end of it."""

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec
from invoke.context import Context

from dashtam_tasks import console
from dashtam_tasks.errors import ExitCode
from dashtam_tasks.findings import Severity
from dashtam_tasks.namespaces.invoking import task
from dashtam_tasks.namespaces.migrate import boxes, guidance
from dashtam_tasks.namespaces.migrate.arguments import YES, consenting, project_folder
from dashtam_tasks.namespaces.migrate.taking import show_applied

if TYPE_CHECKING:
    from dashtam_tasks.migration.ledger.standing import Standing, StepStanding


@task(help={"json": "print JSON"})
def status(context: Context, json: bool = False) -> None:
    """Show where the migration stands, step by step, and where a crash stopped it."""
    from dashtam_tasks.migration.ledger import standing

    stands = standing.of(project_folder(context))
    if json:
        console.data(msgspec.to_builtins(stands))
        return
    if stands.course is standing.Course.NONE:
        console.line("No migration is under way: migrate.plan shows what one would do.")
    else:
        show(stands)
    if stands.holder:
        console.line(f"{stands.holder} works on it.")


def show(stands: "Standing") -> None:
    """Print where a migration stands, and what to do where nobody goes on with it."""
    since = f" {stands.since}" if stands.since else ""
    console.line(f"{stands.course.value}; the migration began{since} with the backup {stands.backup}")
    console.table(
        ("step", "what", "state", "operations"),
        ((one.number, one.title, one.state.value, operations(one)) for one in stands.steps),
    )
    if stands.stopped:
        console.line(f"Stopped at {stands.stopped}")
    if not stands.holder and stands.course in guidance.NEXT:
        console.line(guidance.NEXT[stands.course])


def operations(one: "StepStanding") -> str:
    """Return how many of a step's operations are done, and taken back."""
    return f"{one.done} of {one.operations}" + (f", {one.undone} taken back" if one.undone else "")


@task()
def verify(context: Context) -> int:
    """Run development, tests, both at once and CI for real, and write what held to reports/migration."""
    from dashtam_tasks.migration import finishing
    from dashtam_tasks.migration.verification import Outcome

    code = 0
    with closing(finishing.verify(project_folder(context), notify=console.note)) as run:
        for one in run:
            boxes.show_one(one)
            code = ExitCode.FOUND_PROBLEMS if one.outcome is Outcome.FAILED else code
    console.note("The evidence is in reports/migration." + ("" if code else " Next: migrate.cleanup."))
    return code


@task(help={"volumes": "remove the old volumes too, for good", "yes": YES})
def cleanup(context: Context, volumes: bool = False, yes: bool = False) -> int:
    """Set the old files aside after a verified migration; a rollback brings them back."""
    from dashtam_tasks.migration import finishing

    folder = project_folder(context)
    consent = consenting("Set the old files aside?", yes=yes)
    code = show_applied(finishing.clean_up(folder, consent=consent, notify=console.note))
    if volumes and not code:
        gone = consenting("Remove the old volumes for good?", yes=yes)
        finishing.remove_old_volumes(folder, consent=gone, notify=console.note)
    return code


@task(help={"signed_off_by": "who vouches for the team", "json": "print JSON"})
def validate(context: Context, signed_off_by: str = "", json: bool = False) -> int:
    """Check the final list; exit code 0 only if all of it holds."""
    from dashtam_tasks.migration import finishing
    from dashtam_tasks.migration.verification import Outcome

    checked, secrets = finishing.validate(project_folder(context), signed_off_by=signed_off_by)
    if json:
        console.data({"boxes": msgspec.to_builtins(checked), "findings": [*map(asdict, secrets)]})
    else:
        boxes.show(checked)
        if secrets:
            console.findings(secrets)
    failed = any(one.outcome is Outcome.FAILED for one in checked)
    exposed = any(one.severity is Severity.ERROR for one in secrets)
    return ExitCode.FOUND_PROBLEMS if failed or exposed else 0


TASKS = (status, verify, cleanup, validate)
