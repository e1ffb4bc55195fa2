"""Backups of what a migration touches: whole or not at all, verified to the bit, put back as it was."""

from dashtam_tasks.migration.backup.checking import verified
from dashtam_tasks.migration.backup.choosing import wanted
from dashtam_tasks.migration.backup.keeping import add_dump, keep, kept
from dashtam_tasks.migration.backup.manifest import Dump
from dashtam_tasks.migration.backup.records import Backup, existing
from dashtam_tasks.migration.backup.restoring import put_back, put_back_times, temporary_of
from dashtam_tasks.migration.backup.taking import take

__all__ = [
    "Backup",
    "Dump",
    "add_dump",
    "existing",
    "keep",
    "kept",
    "put_back",
    "put_back_times",
    "take",
    "temporary_of",
    "verified",
    "wanted",
]
