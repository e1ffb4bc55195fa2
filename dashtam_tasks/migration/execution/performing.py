"""Perform one operation: it is done or not, whenever the machine stops, and doing it again does no harm.

What is there decides: as before the operation, it is done; as after it, it was done; anything else is the person's,
and is named and left alone.
"""

import os
from collections.abc import Mapping
from errno import EMLINK, EOPNOTSUPP, EPERM, EXDEV
from pathlib import Path

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import durable, ledger, operations
from dashtam_tasks.migration.durable import Look, Owner
from dashtam_tasks.migration.execution import origins
from dashtam_tasks.migration.execution.site import Site
from dashtam_tasks.migration.ledger import Key, coding
from dashtam_tasks.migration.ledger.changes import Planned, after, with_look_of
from dashtam_tasks.migration.ledger.journal import Event
from dashtam_tasks.migration.operations import Copy, CopyVolume, FileOperation, Move, Write
from dashtam_tasks.migration.snapshots import ABSENT, Kind, Snapshot, shown
from dashtam_tasks.ownership import container_user, owner_for

# Why a filesystem gives no second name to a file.
NO_SECOND_NAME = {EMLINK, EOPNOTSUPP, EPERM, EXDEV}

Found = Mapping[str, Snapshot]


def perform(site: Site, key: Key, planned: Planned) -> None:
    """Do an operation, journaled and on the disk; when it was done already, see that it is complete.

    Raises DashtamError: DATA, naming the file, when a person's change is in the way, CANNOT_CREATE, IO, and what
    copying a volume raises.
    """
    operation = planned.operation
    site.notify(f"{key[0]}: {operation}")
    if isinstance(operation, CopyVolume):
        if not site.journal.has(Event.INTENT, key):
            site.journal.intend(Event.INTENT, key, before={}, after={}, old={})
        copied = site.volumes.copy(operation, project=site.project, notify=site.notify)
        for remark in copied.remarks:
            site.notify(remark)
    else:
        found = {path: site.look(path) for path in operations.touched(operation)}
        if is_superseded(site, key, operation, found):
            # Only where records were lost is a later operation done before this one.
            found = {**found, **after(operation, planned.before)}
        before = before_of(site, key, planned, found)
        intend(site, key, operation, before)
        with durable.naming(site.project / operation.made):
            carry_out(site, key, operation, found)
            complete(site, operation)
    site.journal.finish(Event.DONE, key)


def is_done(operation: FileOperation, found: Found) -> bool:
    """Return whether what is there is what the operation leaves."""
    match operation:
        case Write():
            return found[operation.path].same_contents(after(operation, found)[operation.path])
        case Copy():
            source, target = found[operation.source], found[operation.target]
            return target.kind is Kind.FILE and target.same_contents(source)
        case Move():
            there = found[operation.target].kind in {Kind.FILE, Kind.LINK}
            return there and found[operation.source].kind is Kind.ABSENT


def is_superseded(site: Site, key: Key, operation: FileOperation, found: Found) -> bool:
    """Return whether a later operation on the same path was done already."""
    keyed = site.saved.keyed()
    later = (one for one in keyed[[one for one, _ in keyed].index(key) + 1 :])
    return any(
        isinstance(one.operation, Write)
        and one.operation.path == operation.made
        and is_done(one.operation, {one.operation.path: found[operation.made]})
        for _, one in later
    )


def before_of(site: Site, key: Key, planned: Planned, found: Found) -> Found:
    """Return what was there before an operation.

    Raises DashtamError (DATA) when that is neither what was planned for nor what the operation leaves.
    """
    operation = planned.operation
    assert not isinstance(operation, CopyVolume)
    intent = site.journal.latest(Event.INTENT, key)
    known = coding.named(intent.before) if intent else {}
    if is_done(operation, found):
        return known or as_if_before(operation, planned, found)
    if isinstance(operation, Write):
        require_planned(site, operation, planned.before[operation.path], found[operation.path])
    else:
        require_source(site, operation, found)
    half_way = isinstance(operation, Move) and found[operation.target].kind is not Kind.ABSENT
    return {**found, operation.made: ABSENT} if half_way else found


def as_if_before(operation: FileOperation, planned: Planned, found: Found) -> Found:
    """Return what was there before an operation that was done and whose record was lost."""
    if isinstance(operation, Copy):
        return {**planned.before, operation.source: found[operation.source]}
    if isinstance(operation, Write):
        return planned.before
    # Whatever was edited before it was moved: the contents are those that are at the target now.
    old, moved = planned.before[operation.source], found[operation.target]
    before = old if old.same_contents(moved) else with_look_of(moved, old)
    return {operation.source: before, operation.target: ABSENT}


def require_planned(site: Site, operation: Write, planned: Snapshot, found: Snapshot) -> None:
    """Raise DashtamError (DATA) when a file is no longer what the plan was made for."""
    if found.same_contents(planned) and (operation.rewrites or found.kind is Kind.ABSENT):
        return
    path = site.project / operation.path
    if planned.kind is Kind.ABSENT or not operation.rewrites:
        raise durable.in_the_way(path)
    gone = found.kind is Kind.ABSENT
    raise DashtamError(
        f"{shown(str(path))} {'is gone' if gone else 'was changed'} since the migration was planned.",
        code=ExitCode.DATA,
        hint=f"Put it back as it was (a copy is in {ledger.BACKUPS}/{site.backup.name}/) and run migrate.apply "
        "again; or take all back with migrate.rollback.",
    )


def require_source(site: Site, operation: Copy | Move, found: Found) -> None:
    """Raise DashtamError (DATA) when there is no file to move or copy, or another one where it shall go."""
    kinds = {Kind.FILE} if isinstance(operation, Copy) else {Kind.FILE, Kind.LINK}
    source, target = site.project / operation.source, site.project / operation.target
    if found[operation.source].kind not in kinds:
        there = found[operation.source].kind
        raise DashtamError(
            f"{shown(str(source))} is {there}, and should be a file.",
            code=ExitCode.DATA,
            hint=f"Put the file there (a copy is in {ledger.BACKUPS}/{site.backup.name}/), and try again.",
        )
    half_way = isinstance(operation, Move) and durable.is_same(source, target)
    if found[operation.target].kind is not Kind.ABSENT and not half_way:
        raise durable.in_the_way(target)


def intend(site: Site, key: Key, operation: FileOperation, before: Found) -> None:
    """Write down what an operation is about to change, and see that what it takes away is kept."""
    result = after(operation, before)
    old = origins.secured(site, operation, before)
    intent = site.journal.latest(Event.INTENT, key)
    if intent is None or (coding.named(intent.before), coding.named(intent.after)) != (dict(before), result):
        site.journal.intend(Event.INTENT, key, before=before, after=result, old=old)


def carry_out(site: Site, key: Key, operation: FileOperation, found: Found) -> None:
    """Do what is not done yet; raise FileExistsError when something appeared in the way, OSError."""
    if is_done(operation, found):
        return
    target = site.project / operation.made
    durable.make_folders(site.project, target.parent, owner=ledger.owner_of(site.project))
    match operation:
        case Write():
            write(site, key, operation, found[operation.path])
        case Copy():
            data = (site.project / operation.source).read_bytes()
            look = Look(mode=operation.mode, owner=owner_of(site, operation.mode))
            durable.place(data, target, scratch=site.ledger.scratch, look=look, replacing=False)
        case Move():
            durable.move(site.project / operation.source, target)


def write(site: Site, key: Key, operation: Write, found: Snapshot) -> None:
    """Put new contents at a path; what was there keeps a second name, so that it can come back itself."""
    target = site.project / operation.path
    if found.kind is not Kind.ABSENT:
        keep_original(target, origins.original(site.ledger, key))
    if found.kind is Kind.ABSENT or is_private(operation.mode):
        # What is secret from now on does not stay readable for others.
        look = Look(mode=operation.mode, owner=owner_of(site, operation.mode))
    else:
        plain = found.kind is Kind.FILE
        look = Look(mode=found.mode if plain else operation.mode, owner=(found.uid, found.gid))
    replacing = found.kind is not Kind.ABSENT
    temporary = durable.completed(operation.data, scratch=site.ledger.scratch, look=look)
    if replacing and site.look(operation.path) != found:
        raise durable.changing(target)
    durable.name(temporary, target, replacing=replacing)


def keep_original(path: Path, original: Path) -> None:
    """Give a file a second name in the ledger, where the filesystem can; its bytes are in the backup anyway."""
    original.unlink(missing_ok=True)
    try:
        os.link(path, original, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_SECOND_NAME:
            raise
    files.sync_folder(original.parent)


def complete(site: Site, operation: FileOperation) -> None:
    """Put the rest of an operation onto the disk: mode, owner and names, which a crash may have left out."""
    if isinstance(operation, Move):
        files.sync_folder((site.project / operation.source).parent)
        owner = owner_of(site, operation.mode) if is_private(operation.mode) else None
        look = Look(mode=operation.mode, owner=owner)
    else:
        # Such a file is complete before it has its name, and one that was there already keeps its look.
        look = Look()
    durable.settle(site.project / operation.made, look)


def owner_of(site: Site, mode: int) -> Owner | None:
    """Return who gets a new file of root's: a private one the app's user, any other the project's owner."""
    return owner_for(container_user(site.project)) if is_private(mode) else ledger.owner_of(site.project)


def is_private(mode: int) -> bool:
    """Return whether a mode leaves a file to its owner alone."""
    return not mode & ~files.PRIVATE
