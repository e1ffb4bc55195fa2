"""Put single paths back as they were, or aside; each may be repeated after a crash in its middle."""

import itertools
import os
from pathlib import Path

from dashtam_tasks import files
from dashtam_tasks.migration import ledger
from dashtam_tasks.migration.execution import durable, origins
from dashtam_tasks.migration.execution.site import Site
from dashtam_tasks.migration.execution.undoing import Act, Action
from dashtam_tasks.migration.ledger import Key
from dashtam_tasks.migration.ledger.journal import Event
from dashtam_tasks.migration.snapshots import Kind, Snapshot, unquoted


def take(site: Site, key: Key, action: Action) -> None:
    """Do what an action says.

    Raises DashtamError: DATA for contents that are nowhere, and when something appeared in the way, CANNOT_CREATE.
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
                remove(path)
            case Act.SET_ASIDE:
                set_aside(site, action.path)


def restore(site: Site, key: Key, action: Action) -> None:
    """Put a file or a link back: itself if it was kept, else one that is the same; raise DashtamError, OSError."""
    path, snapshot = site.project / action.path, action.snapshot
    make_parents(site, path)
    replacing = site.look(action.path).kind is not Kind.ABSENT
    original = origins.original(site.ledger, key)
    if durable.look_at(original).same_contents(snapshot):
        durable.name(original, path, replacing=replacing)
        durable.settle(path, durable.look_of(snapshot))
    else:
        durable.name(made_again(site, action.path, snapshot), path, replacing=replacing)


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
    root = site.backup.folder / ledger.SET_ASIDE
    ledger.make_private(root, owner=ledger.owner_of(site.backup.folder))
    wanted = root / name
    with durable.naming(site.project / name):
        wanted.parent.mkdir(mode=ledger.PRIVATE_FOLDER, parents=True, exist_ok=True)
        numbered = (wanted.with_name(f"{wanted.name}.{number}") for number in itertools.count(2))
        target = next(one for one in itertools.chain([wanted], numbered) if not os.path.lexists(one))
        site.journal.append(Event.SET_ASIDE, path=name, target=str(target.relative_to(site.project)))
        (site.project / name).rename(target)
        for folder in (target.parent, (site.project / name).parent):
            files.sync_folder(folder)
    return target
