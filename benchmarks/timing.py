"""Time two commands side by side: in turn, so that a busy machine slows both alike."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dashtam_tasks import processes
from dashtam_tasks.errors import DashtamError, ExitCode

PATIENCE_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command line, the folder that it runs in, and the variables that it gets."""

    argv: tuple[str, ...]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> float:
        """Run the command to its end and return the seconds that it took.

        Raises DashtamError (UNAVAILABLE) with its last words when it fails.
        """
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


def milliseconds(seconds: float) -> str:
    """Return a duration in whole milliseconds, with its unit."""
    return f"{seconds * 1000:.0f} ms"


def in_turn(first: Command, second: Command, *, rounds: int) -> tuple[Times, Times]:
    """Run both commands `rounds` times, each time one after the other, and return their times.

    One run of each goes before and does not count: it finds the files that later runs have in memory.
    """
    first.run()
    second.run()
    pairs = [(first.run(), second.run()) for _ in range(rounds)]
    return Times(tuple(pair[0] for pair in pairs)), Times(tuple(pair[1] for pair in pairs))
