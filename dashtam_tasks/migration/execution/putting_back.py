"""Put single paths back as they were, or aside; each may be repeated after a crash in its middle."""

import itertools
import os
import shlex
from pathlib import Path

from dashtam_tasks import files
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration import durable, ledger
from dashtam_tasks.migration.execution import origins
from dashtam_tasks.migration.execution.site import Site
from dashtam_tasks.migration.execution.undoing import Act, Action
from dashtam_tasks.migration.ledger import Key
from dashtam_tasks.migration.ledger.journal import Event
from dashtam_tasks.migration.snapshots import Kind, Snapshot, shown, unquoted


def take(site: Site, key: Key, action: Action) -> None:
    """Do what an action says.

    Raises DashtamError: DATA for contents that are nowhere, and when something appeared in the way, BUSY for what
    changes meanwhile, CANNOT_CREATE.
    """
    path = site.project / action.path
    with durable.naming(path):
        match action.act:
            case Act.RESTORE:
                restore(site, key, action)
            case Act.MOVE_BACK:
                make_parents(site, path)
                durable.move(site.project / action.source, path)
                durable.settle(path, durable.look_of(action.snapshot))
            case Act.DESCRIBE:
                durable.settle(path, durable.look_of(action.snapshot))
            case Act.REMOVE:
                require_found(site, action)
                remove(path)
            case Act.SET_ASIDE:
                set_aside(site, action.path)


def restore(site: Site, key: Key, action: Action) -> None:
    """Put a file or a link back: itself if it was kept, else one that is the same; raise DashtamError, OSError."""
    path, snapshot = site.project / action.path, action.snapshot
    make_parents(site, path)
    original = origins.original(site.ledger, key)
    is_kept = durable.look_at(original).same_contents(snapshot)
    complete = original if is_kept else made_again(site, action.path, snapshot)
    require_found(site, action)
    durable.name(complete, path, replacing=action.found.kind is not Kind.ABSENT)
    durable.settle(path, durable.look_of(snapshot))


def require_found(site: Site, action: Action) -> None:
    """Raise DashtamError (BUSY) when what an action takes away is not what it was judged by."""
    if not site.look(action.path).same_contents(action.found):
        raise durable.changing(site.project / action.path)


def made_again(site: Site, path: str, snapshot: Snapshot) -> Path:
    """Return a file or a link in the scratch folder that is as a snapshot says; raise DashtamError, OSError."""
    look, scratch = durable.look_of(snapshot), site.ledger.scratch
    if snapshot.kind is Kind.LINK:
        return durable.completed_link(unquoted(snapshot.target), scratch=scratch, look=look)
    return durable.completed(origins.contents(site, path, snapshot), scratch=scratch, look=look)


def make_parents(site: Site, path: Path) -> None:
    """Make the folders above a path again where the person has removed them; raise DashtamError."""
    durable.make_folders(site.project, path.parent, owner=ledger.owner_of(site.project))


def remove(path: Path) -> None:
    """Remove a file, or an empty folder; raise OSError."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
        files.sync_folder(path.parent)
    else:
        durable.remove(path)


def set_aside(site: Site, name: str) -> Path:
    """Move what is at a path into the backup, where nothing is replaced, and return where it is now.

    Raises DashtamError (CANNOT_CREATE).
    """
    wanted = site.backup.folder / ledger.SET_ASIDE / name
    for folder in reversed(wanted.relative_to(site.backup.folder).parents[:-1]):
        ledger.make_private(site.backup.folder / folder, owner=ledger.owner_of(site.backup.folder))
    with durable.naming(site.project / name):
        numbered = (wanted.with_name(f"{wanted.name}.{number}") for number in itertools.count(2))
        target = next(one for one in itertools.chain([wanted], numbered) if not os.path.lexists(one))
        site.journal.append(Event.SET_ASIDE, path=name, target=str(target.relative_to(site.project)))
        (site.project / name).rename(target)
        for folder in (target.parent, (site.project / name).parent):
            files.sync_folder(folder)
    return target


def unlike(path: str, found: Snapshot, wanted: Snapshot) -> Finding | None:
    """Return what a path's owner, mode and time still lack, None for nothing."""
    name = shlex.quote(shown(path))
    seconds, rest = divmod(wanted.mtime, 10**9)
    is_link = wanted.kind is Kind.LINK
    commands = {
        "owner": (found.uid, found.gid) != (wanted.uid, wanted.gid)
        and f"chown --no-dereference {wanted.uid}:{wanted.gid} {name}",
        "mode": not is_link and found.mode != wanted.mode and f"chmod {wanted.mode:04o} {name}",
        "time": found.mtime != wanted.mtime and f"touch --no-dereference --date=@{seconds}.{rest:09} {name}",
    }
    missing = {word: command for word, command in commands.items() if command}
    if wanted.is_foreseen or not missing:
        return None
    return Finding(
        kind="look-differs",
        where=shown(path),
        message=f"All but its {' and '.join(missing)} is as before: that is for its owner or root to set.",
        hint=f"As root: {' && '.join(missing.values())}",
        severity=Severity.WARNING,
    )
