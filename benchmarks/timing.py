"""Time commands side by side: in turn, so that a busy machine slows all of them alike."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dashtam_tasks import processes
from dashtam_tasks.errors import DashtamError, ExitCode

PATIENCE_SECONDS = 600
COLUMNS = ("command", "ours", "base", "ratio", "difference", "limit", "")


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command line, the folder that it runs in, the variables that it gets, and what goes before it untimed."""

    argv: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    before: "Command | None" = None

    def run(self) -> float:
        """Run the command to its end and return the seconds that it took.

        Raises DashtamError (UNAVAILABLE) with its last words when it fails.
        """
        if self.before:
            self.before.run()
        began = time.perf_counter()
        done = processes.run(self.argv, environment=self.variables, cwd=self.folder, timeout=PATIENCE_SECONDS)
        seconds = time.perf_counter() - began
        if done.returncode:
            raise DashtamError(
                f"`{' '.join(self.argv)}` in {self.folder} failed with exit code {done.returncode}.",
                code=ExitCode.UNAVAILABLE,
                details=f"{done.stdout}{done.stderr}",
                hint="Run it by hand until it succeeds, then measure again.",
            )
        return seconds


@dataclass(frozen=True)
class Times:
    """How long each run of one command took, in seconds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of all runs, in seconds."""
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        low, _, high = statistics.quantiles(self.seconds, n=4, method="inclusive")
        return f"{milliseconds(self.median)} ({milliseconds(low)} to {milliseconds(high)})"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The most that a command may take: `factor` times the base's time and `seconds` on top."""

    factor: float = 1.0
    seconds: float = 0.0

    def __str__(self) -> str:
        times = "" if self.factor == 1 else f"{self.factor:g} x "
        return f"{times}base{f' + {self.seconds:g} s' if self.seconds else ''}"

    def holds(self, ours: Times, base: Times) -> bool:
        """Return whether our median is within the limit."""
        return ours.median <= self.factor * base.median + self.seconds

    def row(self, name: str, ours: Times, base: Times) -> tuple[str, ...]:
        """Return what COLUMNS head: both times, how they differ, and whether the limit holds."""
        return (
            name,
            str(ours),
            str(base),
            f"{ours.median / base.median:.2f}",
            milliseconds(ours.median - base.median),
            str(self),
            "within" if self.holds(ours, base) else "over",
        )


def milliseconds(seconds: float) -> str:
    """Return a duration in whole milliseconds, with its unit."""
    return f"{seconds * 1000:.0f} ms"


def in_turn(*commands: Command, rounds: int) -> tuple[Times, ...]:
    """Run all commands `rounds` times, each time one after the other, and return their times.

    One run of each goes before and does not count: it finds the files that later runs have in memory.
    """
    for command in commands:
        command.run()
    runs = [[command.run() for command in commands] for _ in range(rounds)]
    return tuple(Times(times) for times in zip(*runs, strict=True))
