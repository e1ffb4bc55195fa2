"""Boxes of the plan's lists, as people read them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dashtam_tasks import console

if TYPE_CHECKING:
    from dashtam_tasks.migration.verification import Box


def show(boxes: "Iterable[Box]") -> None:
    """Print each box with its outcome, and why where it did not pass."""
    for one in boxes:
        show_one(one)


def show_one(one: "Box") -> None:
    """Print a box."""
    reason = f": {one.reason}" if one.reason else ""
    console.line(f"{one.step} {one.outcome.value:14} {one.text}{reason}")
