"""Freshness: whether a copy is still what its source is."""

from pathlib import Path

from dashtam_tasks.migration.containers import workbench
from dashtam_tasks.migration.containers.workbench import SOURCE, TARGET
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.postgresql import data_directory
from dashtam_tasks.migration.volumes import copying, inspection, manifest, records
from dashtam_tasks.migration.volumes.manifest import Listing
from dashtam_tasks.migration.volumes.records import Record


def is_outdated(operation: CopyVolume, *, project: Path) -> bool:
    """Return whether the source of a whole copy was written to since; false where either is not there.

    A server that is started on it writes, whatever it is asked. Raises DashtamError: UNAVAILABLE when no engine
    answers or the image is gone, DATA when the record of the copy is damaged.
    """
    record = records.read(project, operation.target)
    if record is None or not copying.is_whole(operation, record) or not inspection.volume(operation.source):
        return False
    return manifest.state(listing(operation)) != record.source_state


def is_same(operation: CopyVolume, record: Record) -> bool:
    """Return whether the source is the volume that was copied, whatever was written to it since, or holds the same.

    The engine knows when it was made, or the file system does, or PostgreSQL knows its own data; where none of them
    does, only what it holds can tell. Raises DashtamError (UNAVAILABLE) when no engine answers or the image is
    gone.
    """
    there = inspection.volume(operation.source)
    if there is None:
        return False
    if there.created_at and there.created_at == record.source_made:
        return True
    old, new = operation.source, operation.target
    with workbench.opened(operation.image, subject=new, source=old, target=new) as bench:
        found = manifest.listing(bench, SOURCE)
        identity = manifest.identity(found)
        if (identity and identity == record.source_identity) or manifest.state(found) == record.source_state:
            return True
        return operation.is_postgres and data_directory.is_same(bench, SOURCE, TARGET)


def listing(operation: CopyVolume) -> Listing:
    """Return what is in the source now."""
    with workbench.opened(operation.image, subject=operation.target, source=operation.source) as bench:
        return manifest.listing(bench, SOURCE)
