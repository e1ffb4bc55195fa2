"""Verification: every box of the migration plan's lists, ticked by looking and not by believing."""
