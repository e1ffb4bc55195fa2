"""Restoring: the old volume again, where somebody has removed it since it was copied."""

from dataclasses import replace
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.volumes import copying, freshness, inspection, records
from dashtam_tasks.migration.volumes.records import Record


def due(operation: CopyVolume, record: Record, *, project: Path) -> CopyVolume | None:
    """Return the copy that makes the old volume of a whole copy again, None where it is there.

    Raises DashtamError: CANNOT_CREATE when another volume may have its name, UNAVAILABLE when no engine answers or
    the image is gone, DATA when the record of what was made again is damaged.
    """
    back = replace(operation, source=operation.target, target=operation.source, labels=record.source_labels)
    there, begun = inspection.volume(back.target), records.read(project, back.target)
    if begun and copying.is_ours(there, begun):
        return None if begun.is_complete else back
    if freshness.is_same(operation, record):
        return None
    if there:
        raise DashtamError(
            f"{back.target} may not be the volume that it was copied from, so that no other may have its data.",
            code=ExitCode.CANNOT_CREATE,
        )
    return back
