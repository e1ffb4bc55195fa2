"""Undertaking: a migration from its backup to its last check, each part in the order that keeps it safe."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding
from dashtam_tasks.migration import backup, conditions, snapshots, stopping, verification
from dashtam_tasks.migration.backup import Backup, dumps
from dashtam_tasks.migration.execution import applying, rolling_back, site
from dashtam_tasks.migration.execution.applying import Applied
from dashtam_tasks.migration.execution.rolling_back import RolledBack
from dashtam_tasks.migration.ledger import guard, saved_plan, standing
from dashtam_tasks.migration.ledger.guard import Hold
from dashtam_tasks.migration.ledger.saved_plan import SavedPlan
from dashtam_tasks.migration.ledger.standing import State
from dashtam_tasks.migration.planning import plan
from dashtam_tasks.migration.planning.choices import Choices
from dashtam_tasks.migration.planning.plan import Plan
from dashtam_tasks.notifying import Notify

# Which of a plan's steps, by their numbers, a person wants.
Select = Callable[[Sequence[str]], Collection[str]]
# Asked with what is about to happen; it raises DashtamError for a no.
Consent = Callable[[Sequence[str]], None]

BACKUP = "1.1"
# What tells one plan from another: certificates are made anew for each, and documents speak of step 1.1, too.
TELLING = ("1.2", "1.3", "1.4", "1.5", "2.2", "2.3", "2.5")


def back_up(project: Path, choices: Choices, *, database: bool, notify: Notify) -> Backup:
    """Take a backup (step 1.1) and return it; with `database`, a dump of each PostgreSQL volume is in it.

    The first one begins the migration, and completes what git and images leave out. A project whose migration is
    refused, or whose data nobody could be asked for, gets a backup and nothing else. Raises DashtamError as `apply`
    does, and UNAVAILABLE for `database` without an engine.
    """
    with guard.held(project, task="migrate.backup"):
        clusters = conditions.databases(project, notify=notify) if database else ()
        saved = under_way_with(project, choices)
        if saved:
            taken = backup.take(project, site.backup_of(project, saved).entries, today=today())
        else:
            made = plan.make(project, choices)
            if not made.found.compose_files:
                conditions.require_sound(made)
            taken = take(project, made)
            if plan.is_sound(made) and conditions.are_volumes_known(made, choices):
                saved = keep(project, made, choices, taken)
                take_steps(project, saved, {BACKUP}, notify=notify)
        return dumps.dump(taken, clusters, notify=notify) if clusters else taken


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
    USAGE for choices that differ from those under way and for steps that cannot be taken yet, DATA when a step is
    refused or not proven or a file is in the way, UNAVAILABLE when it is not known what data there are,
    CANNOT_CREATE, IO.
    """
    with guard.held(project, task="migrate.apply") as hold:
        saved = under_way_with(project, choices)
        if saved and begun_beyond(project, saved):
            go_on(project, saved, select, consent=consent, notify=notify)
        else:
            saved = begin(hold, saved, choices, select, consent=consent, notify=notify)
        return take_steps(project, saved, select([one.number for one in saved.steps]), notify=notify)


def under_way_with(project: Path, choices: Choices) -> SavedPlan | None:
    """Return the plan under way, None where none is.

    Raises DashtamError: USAGE when it was made with other choices, DATA when it is being taken back.
    """
    saved = saved_plan.load(project)
    if saved:
        applying.refuse_rollback(saved)
        conditions.require_same(saved, choices)
    return saved


def begun_beyond(project: Path, saved: SavedPlan) -> bool:
    """Return whether any step after the backup was begun."""
    records = site.looked_at(project, saved, volumes=None, notify=lambda _: None).journal.records
    return any(one.step not in {"", BACKUP} for one in records)


def go_on(project: Path, saved: SavedPlan, select: Select, *, consent: Consent, notify: Notify) -> None:
    """Ask before a migration goes on, and tell what a person changed of the files that it was planned from.

    Nothing is asked where nothing is left to do. Raises DashtamError (USAGE) for steps that cannot be taken yet.
    """
    steps = standing.of(project).steps
    left = {one.number: one.state is not State.VERIFIED for one in steps}
    chosen = select(list(left))
    applying.refuse_gaps({one.number: left[one.number] and one.operations > 0 for one in steps}, chosen)
    for name in changed_since(project, saved):
        notify(f"{name} changed since the plan was made: carry the change over to the new files yourself.")
    if any(left[number] for number in chosen):
        conditions.require_copies_current(project, saved)
        consent(())


def changed_since(project: Path, saved: SavedPlan) -> Iterator[str]:
    """Yield the legacy Compose files that do not hold what they held when the plan was made."""
    entries = site.backup_of(project, saved).entries
    for name in dict.fromkeys(name for one in saved.facts.environments for name in one.legacy_files):
        now = snapshots.of(project / name)
        moved = now.kind is snapshots.Kind.ABSENT
        if name in entries and not moved and not now.same_contents(entries[name]):
            yield name


def begin(
    hold: Hold,
    saved: SavedPlan | None,
    choices: Choices,
    select: Select,
    *,
    consent: Consent,
    notify: Notify,
) -> SavedPlan:
    """Return the plan to begin with: `saved`, that of the backup, unless it would be another one now.

    Raises DashtamError as `apply` does, before anything is changed.
    """
    project = hold.project
    choices = Choices.of(saved.choices) if saved else choices
    made = possible(project, choices)
    due = {one.outline.number: bool(one.operations) for one in made.steps}
    applying.refuse_gaps(due, select(list(due)))
    conditions.require_copyable(made, notify=notify)
    consent(conditions.consequences(made.steps))
    changed = [number for number in TELLING if saved and is_other(saved, made, number)]
    if saved and not changed:
        return saved
    if saved:
        notify(f"Planned anew, since this changed after the backup: step {', '.join(changed)}.")
        rolling_back.roll_back(project, saved, force=False, dry_run=False, notify=notify)
        hold.renew()
        made = possible(project, choices)
    return keep(project, made, choices, take(project, made))


def possible(project: Path, choices: Choices) -> Plan:
    """Return the plan for a project, every step of it proven.

    Raises DashtamError: DATA when it is refused, UNAVAILABLE when it is not known what data there are.
    """
    made = plan.make(project, choices)
    conditions.require_sound(made)
    conditions.require_known_volumes(made, choices)
    return made


def is_other(saved: SavedPlan, made: Plan, number: str) -> bool:
    """Return whether a step of a saved plan is not what it would be if it was planned now."""
    before = saved.step(number)
    now = next((one.operations for one in made.steps if one.outline.number == number), ())
    return now != tuple(one.operation for one in (before.operations if before else ()))


def pending(project: Path, choices: Choices, select: Select) -> Iterator[tuple[str, str]]:
    """Yield what the chosen steps would do, as a step's number and an operation; nothing is changed.

    Raises DashtamError as `apply` does.
    """
    saved = under_way_with(project, choices)
    if saved and begun_beyond(project, saved):
        verified = {one.number for one in standing.of(project).steps if one.state is State.VERIFIED}
        steps = {one.number: [str(each.operation) for each in one.operations] for one in saved.steps}
    else:
        made = possible(project, Choices.of(saved.choices) if saved else choices)
        verified = set[str]()
        steps = {one.outline.number: [str(each) for each in one.operations] for one in made.steps}
    chosen = select(list(steps))
    applying.refuse_gaps({name: bool(does) and name not in verified for name, does in steps.items()}, chosen)
    yield from ((name, text) for name in chosen if name not in verified for text in steps[name])


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
            rolling_back.refuse_damaged(site.backup_of(project, saved))
            consent((f"the project goes back to {saved.backup_name}",))
            stopping.stop(project, saved.facts, notify=notify)
        done = rolling_back.roll_back(project, saved, force=force, dry_run=dry_run, notify=notify)
        stopped = stopping.foreseen(project, saved.facts, notify=notify) if dry_run else ()
        return replace(done, told=(*stopped, *done.told))


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
