"""The one error that a person may see, and the exit codes it carries."""

import enum


class ExitCode(enum.IntEnum):
    """Exit codes of our own failures, as sysexits.h numbers them.

    They stay clear of a test runner's own codes (pytest uses 0 to 5), which pass through untouched.
    130 is the shell's convention for a command that Ctrl-C ended.
    """

    FOUND_PROBLEMS = 1
    USAGE = 64
    DATA = 65
    UNAVAILABLE = 69
    CANNOT_CREATE = 73
    IO = 74
    BUSY = 75
    CONFIGURATION = 78
    INTERRUPTED = 130


class DashtamError(Exception):
    """A failure that ends a task with one message: what failed, where, and what to do next.

    `reason` is one or more full lines, `hint` the next thing to do, `details` what a program said about it
    (its last lines, unchanged), `code` the exit code of the task: one of ours, or that of a program that failed.
    """

    def __init__(self, reason: str, *, code: int, hint: str = "", details: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.hint = hint
        self.details = details
