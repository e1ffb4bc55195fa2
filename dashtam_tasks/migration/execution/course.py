"""The course of a rollback: each operation undone, the last first."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration.execution import undoing
from dashtam_tasks.migration.execution.putting_back import take, unlike
from dashtam_tasks.migration.execution.site import Site, TakenBack
from dashtam_tasks.migration.execution.undoing import Act, Action, Effect
from dashtam_tasks.migration.ledger import Key, coding
from dashtam_tasks.migration.ledger.changes import Planned, after
from dashtam_tasks.migration.ledger.journal import Event
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.snapshots import ABSENT, Kind, Snapshot


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
        """Do a thing, or think it, and note what the system did not permit of it; raise DashtamError."""
        if self.dry_run:
            self.thought[action.path] = action.snapshot
            if action.source:
                self.thought[action.source] = ABSENT
        else:
            take(self.site, key, action)
            if action.snapshot.kind is not Kind.ABSENT:
                self.note_look(action.path, action.snapshot)
        self.tell(action)

    def note_look(self, path: str, wanted: Snapshot) -> None:
        """Note for the result what a path's look still lacks; raise DashtamError (IO)."""
        finding = unlike(path, self.look(path), wanted)
        if finding:
            self.keep(finding)

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
    """Undo every operation, the last first; raise DashtamError."""
    for key, planned in reversed(course.site.saved.keyed()):
        # Once undone, what is there is the person's again.
        if not course.site.journal.has(Event.UNDONE, key):
            undo(course, key, planned)


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
        is_whole = here.volumes.is_complete(operation, project=here.project)
        course.result = foreseen(course.result, operation, is_whole=is_whole)
        return
    here.journal.append(Event.UNDO_INTENT, step=key[0], operation=key[1])
    taken = here.volumes.take_back(
        operation, project=here.project, backup_folder=here.backup.folder, notify=here.notify
    )
    course.result = with_volume(course.result, operation, taken, here.backup.dumps_folder)
    here.journal.finish(Event.UNDONE, key)


def foreseen(result: RolledBack, operation: CopyVolume, *, is_whole: bool) -> RolledBack:
    """Return a result with what would become of a volume, of which a whole copy is there or not."""
    name = f"volume {operation.target}"
    if is_whole:
        first = f"{name}: what was written to it since it was copied is dumped into the backup first"
        return replace(result, removed=(*result.removed, name), told=(*result.told, first))
    nothing = (
        f"{name}: no whole copy is there; nothing would be dumped, and what was cut off would be removed"
    )
    return replace(result, told=(*result.told, nothing))


def with_volume(result: RolledBack, operation: CopyVolume, taken: TakenBack, dumps: Path) -> RolledBack:
    """Return a result with what became of a volume, whose dumps are in the folder `dumps`."""
    name = f"volume {operation.target}"
    told = (*result.told, *taken.changes, *(was_dumped(operation.target, dumps / one) for one in taken.dumps))
    if taken.is_removed:
        return replace(result, removed=(*result.removed, name), told=told)
    stays = Finding(
        kind="volume-kept",
        where=name,
        message=taken.problem,
        hint=taken.hint,
        severity=Severity.WARNING,
    )
    return replace(result, kept=(*result.kept, stays), told=told)


def was_dumped(volume: str, dump: Path) -> str:
    """Return that a volume was dumped, and where to."""
    return f"volume {volume} was dumped: {dump}"


def was_copied(here: Site, key: Key, operation: CopyVolume) -> bool:
    """Return whether a volume's copy was begun, or is whole though its record is lost."""
    return here.journal.has(Event.INTENT, key) or here.volumes.is_complete(operation, project=here.project)
