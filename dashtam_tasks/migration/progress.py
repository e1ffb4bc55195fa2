"""Progress: how much of the bytes is done, how quickly it goes and how long it still takes, once a second."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from dashtam_tasks.notifying import Notify

INTERVAL_SECONDS = 1.0
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
STEP = 1024
# Of the whole: the first files may be tiny ones, of which an estimate would be in years.
ENOUGH = 0.01
TWO_DIGITS = 10


@dataclass(kw_only=True)
class Progress:
    """Tells `notify` of a work on `total` bytes; without a total, how many there were."""

    subject: str
    total: int
    notify: Notify
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    began: float = field(init=False)
    told: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.told = self.clock()

    def add(self, count: int) -> None:
        """Count bytes as done, and say so if the last word was a while ago."""
        self.done += count
        now = self.clock()
        if now - self.told >= INTERVAL_SECONDS:
            self.told = now
            self.notify(f"{self.subject}: {self.words(now - self.began)}")

    def words(self, seconds: float) -> str:
        """Return how far it is after so many seconds, with an estimate when there is enough to make one from."""
        rate = self.done / seconds
        if not self.total:
            return f"{amount(self.done)}, {amount(rate)}/s"
        so_far = f"{amount(self.done)} of {amount(self.total)}, {amount(rate)}/s"
        if self.done < ENOUGH * self.total:
            return so_far
        return f"{so_far}, {duration(max(self.total - self.done, 0) / rate)} left"


def amount(count: float) -> str:
    """Return a number of bytes for people: `512 MiB`."""
    for unit in UNITS:
        if count < STEP or unit == UNITS[-1]:
            return f"{count:.0f} {unit}" if count >= TWO_DIGITS or unit == UNITS[0] else f"{count:.1f} {unit}"
        count /= STEP
    raise AssertionError(count)


def duration(seconds: float) -> str:
    """Return a time for people: `40 s`, `3 min 20 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
