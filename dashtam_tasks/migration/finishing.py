"""Finishing: what comes after the files are in place. It is verified for real, tidied up, and checked once more."""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding
from dashtam_tasks.migration import aside, backup, committed, verification, volumes
from dashtam_tasks.migration.execution import applying, site
from dashtam_tasks.migration.execution.applying import Applied
from dashtam_tasks.migration.ledger import guard, standing
from dashtam_tasks.migration.ledger.saved_plan import SavedPlan
from dashtam_tasks.migration.ledger.standing import State
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.steps import Step, outline
from dashtam_tasks.migration.undertaking import Consent, take_steps, under_way
from dashtam_tasks.migration.verification import Box, Outcome, report
from dashtam_tasks.migration.verification.subject import Subject
from dashtam_tasks.migration.volumes import Removal
from dashtam_tasks.notifying import Notify

CLEANUP = "3.2"


def verify(project: Path, *, notify: Notify) -> Generator[Box, None, None]:
    """Verify a migrated project for real, yield each box as it is decided, and write the report.

    Whoever stops early closes the iterator; then there is no new report. Raises DashtamError: USAGE where no
    migration is under way, DATA when it is being taken back, BUSY while another works on it.
    """
    with guard.held(project, task="migrate.verify"):
        saved = going_forwards(project)
        boxes = list(of_files(project, saved))
        yield from (one for one in boxes if one.outcome is not Outcome.NOT_RUN)
        with closing(verification.sequences(project, saved.facts, notify=notify)) as run:
            for box in run:
                boxes.append(box)
                yield box
        subject = Subject(folder=project, facts=saved.facts)
        for box in verification.rehearse(subject, saved):
            boxes.append(box)
            yield box
        report.write(project, boxes)


def going_forwards(project: Path) -> SavedPlan:
    """Return the plan under way; raise DashtamError (USAGE) where none is, DATA when it is being taken back."""
    saved = under_way(project)
    applying.refuse_rollback(saved)
    return saved


def of_files(project: Path, saved: SavedPlan) -> Iterator[Box]:
    """Yield the boxes of every step of a plan that changes files, as the files are now."""
    for step in saved.steps:
        yield from verification.of_step(step.number, project, saved.facts)


def clean_up(project: Path, *, consent: Consent, notify: Notify) -> tuple[Applied, ...]:
    """Set the legacy files aside (step 3.2), and return the step; a rollback brings them back.

    Raises DashtamError: USAGE where no migration is under way, DATA when it is not verified or being taken back, or
    its backup is not sound, BUSY, CANNOT_CREATE, IO.
    """
    with guard.held(project, task="migrate.cleanup"):
        saved = going_forwards(project)
        require_sound_backup(project, saved)
        require_verified(project)
        step = Step(
            outline=outline(CLEANUP),
            operations=aside.operations(project, saved.facts),
            remarks=aside.remarks(project, saved.facts),
        )
        if step.operations:
            consent([str(one) for one in step.operations])
            saved = applying.extend(project, saved, step)
        for remark in step.remarks:
            notify(remark)
        return take_steps(project, saved, {CLEANUP} if saved.step(CLEANUP) else (), notify=notify)


def require_verified(project: Path) -> None:
    """Raise DashtamError (DATA) unless the last verification was of these very files, and nothing failed."""
    found = report.read(project)
    failed = [one for one in found.boxes if one.outcome is Outcome.FAILED] if found else []
    if found is None or not report.is_current(project, found) or failed:
        count = "1 box" if len(failed) == 1 else f"{len(failed)} boxes"
        about = f"{count} failed" if failed else "there is no verification of these very files"
        raise DashtamError(
            f"This migration is not verified: {about}.",
            code=ExitCode.DATA,
            hint="Run migrate.verify; its report is in reports/migration.",
        )


def require_sound_backup(project: Path, saved: SavedPlan) -> None:
    """Raise DashtamError (DATA) when the backup is not as it was taken."""
    wrong = backup.verified(site.backup_of(project, saved))
    if wrong:
        raise DashtamError(
            f"The backup {saved.backup_name} is not as it was taken.",
            code=ExitCode.DATA,
            details="\n".join(f"{one.where}: {one.message}" for one in wrong),
            hint="Nothing was changed. Bring the backup back as it was first.",
        )


def old_volumes(project: Path) -> tuple[Removal, ...]:
    """Return the legacy volumes that are still there beside their copies."""
    saved = under_way(project)
    copies = (one.operation for step in saved.steps for one in step.operations)
    return volumes.removal((one for one in copies if isinstance(one, CopyVolume)), project=project)


def remove_old_volumes(project: Path, *, consent: Consent, notify: Notify) -> None:
    """Remove the legacy volumes for good, after a verified migration.

    Raises DashtamError as `clean_up` does, and as volumes.remove_old does.
    """
    with guard.held(project, task="migrate.cleanup --volumes"):
        going_forwards(project)
        require_verified(project)
        found = old_volumes(project)
        if not found:
            notify("No old volume is there that this migration has copied.")
            return
        consent([str(one) for one in found])
        volumes.remove_old(found, project=project, notify=notify)


def validate(project: Path, *, signed_off_by: str) -> tuple[tuple[Box, ...], tuple[Finding, ...]]:
    """Return the final checklist (step 3.4), and the secrets that git has or would take.

    Raises DashtamError: USAGE where no migration is under way, DATA when it is being taken back, UNAVAILABLE when
    git refuses.
    """
    saved = going_forwards(project)
    stands = standing.of(project)
    completed = [one.number for one in stands.steps if one.state is State.VERIFIED]
    boxes = tuple(of_files(project, saved))
    checked = verification.checklist(project, saved.facts, completed, boxes, signed_off_by=signed_off_by)
    return checked, committed.findings(project, saved.facts)
