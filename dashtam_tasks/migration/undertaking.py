"""Undertaking: a migration from its backup to its last check, each part in the order that keeps it safe."""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration import (
    applying,
    backup,
    guard,
    legacy,
    plan,
    rolling_back,
    saved_plan,
    site,
    snapshots,
    standing,
    stopping,
    verification,
    volumes,
)
from dashtam_tasks.migration.applying import Applied
from dashtam_tasks.migration.backup import Backup, dumps
from dashtam_tasks.migration.choices import Choices
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.plan import Plan
from dashtam_tasks.migration.rolling_back import RolledBack
from dashtam_tasks.migration.saved_plan import SavedPlan
from dashtam_tasks.migration.site import Notify
from dashtam_tasks.migration.standing import State

# Which of a plan's steps, by their numbers, a person wants.
Select = Callable[[Sequence[str]], Collection[str]]
# Asked with what is about to happen; it raises DashtamError for a no.
Consent = Callable[[Sequence[str]], None]

BACKUP = "1.1"


def back_up(project: Path, choices: Choices, *, database: bool, notify: Notify) -> Backup:
    """Take a backup (step 1.1) and return it; with `database`, a dump of each PostgreSQL volume is in it.

    The first one begins the migration, and completes what git and images leave out. A project whose migration is
    refused gets a backup, and nothing else. Raises DashtamError as `apply` does.
    """
    with guard.held(project, task="migrate.backup"):
        saved = saved_plan.load(project)
        if saved:
            taken = backup.take(project, site.backup_of(project, saved).entries, today=today())
        else:
            made = plan.make(project, choices)
            taken = take(project, made)
            if plan.is_sound(made):
                saved = keep(project, made, choices, taken)
                take_steps(project, saved, {BACKUP}, notify=notify)
        if database:
            taken = dumps.dump(taken, dumps.clusters(legacy.survey(project)), notify=notify)
    return taken


def take(project: Path, made: Plan) -> Backup:
    """Take a backup of all that a plan touches, and return it."""
    chosen = [one for step in made.steps for one in step.operations]
    return backup.take(project, backup.wanted(made.found, chosen), today=today())


def today() -> datetime:
    """Return the moment whose date, here, a backup is named after."""
    return datetime.now(UTC).astimezone()


def keep(project: Path, made: Plan, choices: Choices, taken: Backup) -> SavedPlan:
    """Keep a sound plan beside the project's files, with the backup that it starts from."""
    assert made.facts is not None
    return saved_plan.save(project, made.steps, made.facts, choices.as_data(), taken.name)


def apply(
    project: Path, choices: Choices, select: Select, *, consent: Consent, notify: Notify
) -> tuple[Applied, ...]:
    """Take steps of the migration, going on with the plan that is under way if one is, and return them.

    `consent` is asked before anything is changed. Raises DashtamError: BUSY while another migrates this project,
    USAGE for choices that differ from those under way, DATA when a step is refused or not proven or a file is in
    the way, UNAVAILABLE without an engine where volumes are copied, CANNOT_CREATE, IO.
    """
    with guard.held(project, task="migrate.apply"):
        saved = fresh_enough(project, choices, notify=notify)
        if saved is None:
            made = plan.make(project, choices)
            require_sound(made)
            require_copyable(made, notify=notify)
            consent(consequences(made))
            saved = keep(project, made, choices, take(project, made))
        return take_steps(project, saved, select([one.number for one in saved.steps]), notify=notify)


def pending(project: Path, choices: Choices, select: Select) -> Iterator[tuple[str, str]]:
    """Yield what the chosen steps would do, as a step's number and an operation; nothing is changed.

    Raises DashtamError as `apply` does.
    """
    saved = saved_plan.load(project)
    if saved:
        require_same(saved, choices)
        steps = {one.number: [str(each.operation) for each in one.operations] for one in saved.steps}
        verified = {one.number for one in standing.of(project).steps if one.state is State.VERIFIED}
    else:
        made = plan.make(project, choices)
        require_sound(made)
        steps = {one.outline.number: [str(each) for each in one.operations] for one in made.steps}
        verified = set()
    for number in select(list(steps)):
        yield from ((number, text) for text in steps[number] if number not in verified)


def fresh_enough(project: Path, choices: Choices, *, notify: Notify) -> SavedPlan | None:
    """Return the plan under way, None where a new one has to be made.

    Legacy files that a person changed since are told; while there is but a backup, the plan is made anew instead.
    """
    saved = saved_plan.load(project)
    if saved is None:
        return None
    require_same(saved, choices)
    changed = tuple(changed_since(project, saved))
    if changed and not begun_beyond(project, saved):
        notify(f"Planning anew: {', '.join(changed)} changed since the backup.")
        rolling_back.roll_back(project, saved, force=False, dry_run=False, notify=notify)
        return None
    for name in changed:
        notify(f"{name} changed since the plan was made: carry the change over to the new files yourself.")
    return saved


def require_same(saved: SavedPlan, choices: Choices) -> None:
    """Raise DashtamError (USAGE) for a choice that is not the one that the plan under way was made with."""
    defaults = Choices().as_data()
    for name, value in choices.as_data().items():
        if value not in {defaults[name], saved.choices.get(name)}:
            raise DashtamError(
                f"The migration under way was planned with --{name.replace('_', '-')}={saved.choices.get(name)}.",
                code=ExitCode.USAGE,
                hint="Go on without that option, or take it back with migrate.rollback and begin anew.",
            )


def changed_since(project: Path, saved: SavedPlan) -> Iterator[str]:
    """Yield the legacy Compose files that do not hold what they held when the plan was made."""
    entries = site.backup_of(project, saved).entries
    for name in dict.fromkeys(name for one in saved.facts.environments for name in one.legacy_files):
        now = snapshots.of(project / name)
        moved = now.kind is snapshots.Kind.ABSENT
        if name in entries and not moved and not now.same_contents(entries[name]):
            yield name


def begun_beyond(project: Path, saved: SavedPlan) -> bool:
    """Return whether any step after the backup was begun."""
    records = site.looked_at(project, saved, volumes=None, notify=lambda _: None).journal.records
    return any(one.step not in {"", BACKUP} for one in records)


def require_sound(made: Plan) -> None:
    """Raise DashtamError (DATA) for a plan that is refused, or of which a step is not proven."""
    refused = [f"{one.where}: {one.message} {one.hint}".rstrip() for one in made.refusals]
    unproven = [
        f"step {step.outline.number}: {one} is not on the list of changes"
        for step in made.steps
        for one in step.unproven
    ]
    if not plan.is_sound(made):
        raise DashtamError(
            "This project cannot be migrated as it is.",
            code=ExitCode.DATA,
            details="\n".join((*refused, *unproven)),
            hint="Nothing was changed. `migrate.plan` shows the same, with all that was found.",
        )


def require_copyable(made: Plan, *, notify: Notify) -> None:
    """Tell what there is to know of volumes; raise DashtamError (DATA) when one cannot be copied."""
    copies = tuple(copied(made))
    found = volumes.problems(copies, made.found) if copies else ()
    for one in found:
        notify(f"{one.where}: {one.message}")
    wrong = [one for one in found if one.severity is Severity.ERROR]
    if wrong:
        raise DashtamError(
            "\n".join(f"{one.where}: {one.message}" for one in wrong),
            code=ExitCode.DATA,
            hint=" ".join(dict.fromkeys(one.hint for one in wrong)),
        )


def copied(made: Plan) -> Iterator[CopyVolume]:
    """Yield the copies of volumes that a plan has."""
    return (one for step in made.steps for one in step.operations if isinstance(one, CopyVolume))


def consequences(made: Plan) -> tuple[str, ...]:
    """Return what a person agrees to, beyond files that are written and moved."""
    copies = tuple(copied(made))
    stopped = sorted(
        {holder.container for one in made.found.engine.volumes for holder in one.holders} if copies else ()
    )
    return (
        *(f"{one.source} is copied to {one.target}, and stays as it is" for one in copies),
        *(f"container {name} is stopped and removed" for name in stopped),
    )


def take_steps(
    project: Path, saved: SavedPlan, chosen: Collection[str], *, notify: Notify
) -> tuple[Applied, ...]:
    """Take steps of a plan, each followed by its verification, up to the first that is not verified."""
    verify = partial(verification.of_step, project=project, facts=saved.facts)
    return applying.apply(project, saved, steps=chosen, verify=verify, notify=notify)


def roll_back(project: Path, *, force: bool, dry_run: bool, consent: Consent, notify: Notify) -> RolledBack:
    """Take the migration back, or with `dry_run` say what that would mean, and return what it did.

    Raises DashtamError: USAGE where there is none, BUSY while another works on it, else as rolling_back.roll_back.
    """
    with guard.held(project, task="migrate.rollback"):
        saved = under_way(project)
        if not dry_run:
            consent((f"the project goes back to {saved.backup_name}",))
            stopping.stop(project, saved.facts, notify=notify)
        return rolling_back.roll_back(project, saved, force=force, dry_run=dry_run, notify=notify)


def under_way(project: Path) -> SavedPlan:
    """Return the plan under way; raise DashtamError (USAGE) where none is, DATA when it is damaged."""
    saved = saved_plan.load(project)
    if saved is None:
        raise DashtamError(
            f"No migration is under way in {project}.",
            code=ExitCode.USAGE,
            hint="migrate.plan shows what one would do, and migrate.apply begins it.",
        )
    return saved


def backups(project: Path, *, verify: bool) -> tuple[tuple[Backup, tuple[Finding, ...]], ...]:
    """Return the backups of a project, oldest first, each with what is wrong with it if it is verified."""
    return tuple((one, backup.verified(one) if verify else ()) for one in backup.existing(project))
