"""Notifying: how work that takes its time tells a person, line by line, what it is at."""

from collections.abc import Callable

# Gets each line; who reads it, and where, is not the work's business.
Notify = Callable[[str], None]
