"""The course of a rollback: each operation undone, the last first, and what was made for them."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration.execution import undoing
from dashtam_tasks.migration.execution.putting_back import take
from dashtam_tasks.migration.execution.site import Site, TakenBack
from dashtam_tasks.migration.execution.undoing import Act, Action, Effect
from dashtam_tasks.migration.ledger import Key, coding, saved_plan
from dashtam_tasks.migration.ledger.changes import Planned, after
from dashtam_tasks.migration.ledger.journal import Event
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.snapshots import ABSENT, Kind, Snapshot, shown


@dataclass(frozen=True, kw_only=True)
class RolledBack:
    """What a rollback did, or would do: paths that are as before, that are gone, that stay, that were set aside.

    `told` is what there is to say about volumes, such as where a dump of new rows is.
    """

    restored: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[Finding, ...] = ()
    set_aside: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


@dataclass
class Course:
    """A rollback under way; `thought` is what would be at a path, where nothing is to be changed."""

    site: Site
    force: bool
    dry_run: bool
    thought: dict[str, Snapshot] = field(default_factory=dict)
    result: RolledBack = field(default_factory=RolledBack)

    @cached_property
    def firsts(self) -> dict[str, tuple[Key, Snapshot]]:
        """The first operation on each path, and what was there before it."""
        found: dict[str, tuple[Key, Snapshot]] = {}
        for key, planned in self.site.saved.keyed():
            if not isinstance(planned.operation, CopyVolume):
                before = effect_of(self, key, planned).before
                found |= {path: (key, one) for path, one in before.items() if path not in found}
        return found

    def look(self, path: str) -> Snapshot:
        """Return what is at a path, or would be by now."""
        return self.thought[path] if path in self.thought else self.site.look(path)

    def act(self, key: Key, action: Action) -> None:
        """Do a thing, or think it; raise DashtamError."""
        if self.dry_run:
            self.thought[action.path] = action.snapshot
            if action.source:
                self.thought[action.source] = ABSENT
        else:
            take(self.site, key, action)
        self.tell(action)

    def tell(self, action: Action) -> None:
        """Note for the result what was done."""
        result, path = self.result, action.path
        match action.act:
            case Act.REMOVE:
                self.result = replace(result, removed=(*result.removed, path))
            case Act.SET_ASIDE:
                self.result = replace(result, set_aside=(*result.set_aside, path))
            case Act.RESTORE | Act.MOVE_BACK:
                self.result = replace(result, restored=(*result.restored, path))

    def keep(self, finding: Finding) -> None:
        """Note that something of the person's stays."""
        if finding not in self.result.kept:
            self.result = replace(self.result, kept=(*self.result.kept, finding))


def in_the_end(result: RolledBack) -> RolledBack:
    """Return a result without what was restored only to be removed in its turn, each path once."""
    restored = dict.fromkeys(path for path in result.restored if path not in result.removed)
    return replace(result, restored=tuple(restored))


def undo_all(course: Course) -> None:
    """Undo every operation, the last first, and what was made for them; raise DashtamError."""
    for key, planned in reversed(course.site.saved.keyed()):
        # Once undone, what is there is the person's again.
        if not course.site.journal.has(Event.UNDONE, key):
            undo(course, key, planned)
    for folder in saved_plan.new_folders(course.site.saved):
        clear(course, folder)


def undo(course: Course, key: Key, planned: Planned) -> None:
    """Undo an operation; raise DashtamError."""
    operation = planned.operation
    if isinstance(operation, CopyVolume):
        undo_volume(course, key, operation)
        return
    effect = effect_of(course, key, planned)
    if is_original(course, key, effect):
        return
    judged = undoing.judge(effect, course.look, force=course.force)
    for path in judged.persons:
        course.keep(undoing.kept(path))
    if judged.actions and not course.dry_run:
        course.site.journal.intend(Event.UNDO_INTENT, key, before=effect.after, after=effect.before, old={})
    for action in judged.actions:
        course.act(key, action)
    if judged.actions and not judged.persons and not course.dry_run:
        course.site.journal.finish(Event.UNDONE, key)


def is_original(course: Course, key: Key, effect: Effect) -> bool:
    """Return whether an earlier operation was undone already, which its own record in the journal would say."""
    paths = (effect.operation.made, *effect.before)
    firsts = [course.firsts[path] for path in paths]
    return all(
        first != key and course.look(path).same_contents(before)
        for path, (first, before) in zip(paths, firsts, strict=True)
    )


def effect_of(course: Course, key: Key, planned: Planned) -> Effect:
    """Return what an operation changed: as the journal says, or as it was planned where records may be lost."""
    operation = planned.operation
    assert not isinstance(operation, CopyVolume)
    intent = course.site.journal.latest(Event.INTENT, key)
    if intent:
        before, result = coding.named(intent.before), coding.named(intent.after)
        return Effect(operation=operation, before=before, after=result, is_recorded=True)
    return Effect(
        operation=operation, before=planned.before, after=after(operation, planned.before), is_recorded=False
    )


def undo_volume(course: Course, key: Key, operation: CopyVolume) -> None:
    """Take a copied volume back; raise what that raises."""
    here = course.site
    if not was_copied(here, key, operation):
        return
    if course.dry_run:
        course.result = replace(course.result, removed=(*course.result.removed, f"volume {operation.target}"))
        return
    here.journal.append(Event.UNDO_INTENT, step=key[0], operation=key[1])
    taken = here.volumes.take_back(
        operation, project=here.project, backup_folder=here.backup.folder, notify=here.notify
    )
    course.result = with_volume(course.result, operation, taken, here.backup.dumps_folder)
    here.journal.finish(Event.UNDONE, key)


def with_volume(result: RolledBack, operation: CopyVolume, taken: TakenBack, dumps: Path) -> RolledBack:
    """Return a result with what became of a volume, whose dumps are in the folder `dumps`."""
    name = f"volume {operation.target}"
    told = (*result.told, *taken.changes, *(f"{name} was dumped: {dumps / dump}" for dump in taken.dumps))
    if taken.is_removed:
        return replace(result, removed=(*result.removed, name), told=told)
    stays = Finding(
        kind="volume-kept",
        where=name,
        message=f"It stays: {taken.problem}",
        hint="Nothing of it is lost. Remove it yourself when nobody needs it: docker volume rm",
        severity=Severity.WARNING,
    )
    return replace(result, kept=(*result.kept, stays), told=told)


def was_copied(here: Site, key: Key, operation: CopyVolume) -> bool:
    """Return whether a volume's copy was begun, or is whole though its record is lost."""
    return here.journal.has(Event.INTENT, key) or here.volumes.is_complete(operation, project=here.project)


def clear(course: Course, folder: str) -> None:
    """Remove a folder that is there only since the migration, or set it aside with what is in it.

    One that the migration is known to fill (facts.folders), such as that of reports, is set aside; one in which
    the person has files, and one in which a file stays, stays.
    """
    here = course.site
    path = here.project / folder
    if course.look(folder).kind is not Kind.FOLDER:
        return
    left = (course.look(f"{folder}/{one.name}") for one in path.iterdir())
    if all(one.kind is Kind.ABSENT for one in left):
        course.act(("", 0), Action(act=Act.REMOVE, path=folder))
    elif folder in here.saved.facts.folders and not holds_kept(course, folder):
        course.act(("", 0), Action(act=Act.SET_ASIDE, path=folder))
    else:
        course.keep(filled(folder))


def holds_kept(course: Course, folder: str) -> bool:
    """Return whether a file that stays is in a folder."""
    return any(PurePosixPath(one.where).is_relative_to(shown(folder)) for one in course.result.kept)


def filled(folder: str) -> Finding:
    """Return that a folder stays, since it holds more than the migration made."""
    return Finding(
        kind="folder-in-use",
        where=shown(folder),
        message="It holds files that are not the migration's, and stays.",
        severity=Severity.WARNING,
    )
