"""Verification: every box of the migration plan's lists, ticked by looking and not by believing."""

from dashtam_tasks.migration.boxes import Box, Evidence, Outcome
from dashtam_tasks.migration.verification import report
from dashtam_tasks.migration.verification.courses import sequences
from dashtam_tasks.migration.verification.final import checklist
from dashtam_tasks.migration.verification.rehearsal import rehearse
from dashtam_tasks.migration.verification.steps import of_step

__all__ = ["Box", "Evidence", "Outcome", "checklist", "of_step", "rehearse", "report", "sequences"]
