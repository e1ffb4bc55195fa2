"""Cases: how many a test went through that stands for many. A run says at its end what was counted."""

from collections.abc import Callable

CASES = "cases"

CountCases = Callable[[object], None]
