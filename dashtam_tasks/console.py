"""Everything that a person reads: the only module that prints.

Results go to stdout, progress and errors to stderr, plain where there is no terminal or NO_COLOR is set
(https://no-color.org). Rich is imported late, since it is slow to import and most commands print little.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, TextIO

from dashtam_tasks.errors import DashtamError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from dashtam_tasks.findings import Finding
    from dashtam_tasks.readiness import Progress


# A column this wide is read at a glance, and is never made narrower to make room for others.
SHORT = 12
# Longer cells than this move only what is beside them, not every other row.
WIDEST = 60


def line(text: str = "") -> None:
    """Print one line of a result."""
    print(text)


def lines(texts: Iterable[str]) -> None:
    """Print each text as a line of a result, as it comes."""
    for text in texts:
        line(text)


def note(text: str) -> None:
    """Print one line of progress."""
    print(text, file=sys.stderr, flush=True)


def data(value: object) -> None:
    """Print `value` as JSON for a program to read."""
    print(json.dumps(value, indent=2, default=str))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings: on a terminal long cells wrap, elsewhere each row is one line."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        lines(padded([headings, *cells]))
        return
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        longest = max((len(row[index]) for row in cells), default=0)
        grid.add_column(heading, no_wrap=longest <= SHORT, overflow="fold")
    for row in cells:
        grid.add_row(*map(Text, row))
    terminal(sys.stdout).print(grid)


def padded(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as a line, its columns at least two spaces apart.

    A column is as wide as its longest cell of at most WIDEST characters.
    """
    flat = [[" ".join(cell.splitlines()) for cell in row] for row in rows]
    widths = [
        max((len(cell) for cell in column if len(cell) <= WIDEST), default=0)
        for column in zip(*flat, strict=True)
    ]
    for row in flat:
        yield "  ".join(map(str.ljust, row, widths)).rstrip()


def duration(seconds: float) -> str:
    """Return a duration in its largest whole unit, such as `3 h`."""
    units = (("d", 86400), ("h", 3600), ("min", 60))
    size, unit = next(((size, unit) for unit, size in units if seconds >= size), (1, "s"))
    return f"{seconds // size:.0f} {unit}"


@contextmanager
def progress() -> "Iterator[Callable[[Progress], None]]":
    """Yield what shows a service's progress: a live line each on a terminal, a line a change elsewhere."""
    if is_plain(sys.stderr):
        yield lambda one: note(f"{one.service} {one.state} {one.seconds:.1f} s")
        return
    from rich.live import Live

    latest: dict[str, Progress] = {}
    with Live(console=terminal(sys.stderr)) as live:

        def show(one: "Progress") -> None:
            latest[one.service] = one
            live.update(progress_table(latest.values()))

        yield show


def progress_table(latest: "Iterable[Progress]") -> "Table":
    """Return a table of each service's last progress, spinning while it is on its way."""
    from rich.spinner import Spinner
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for one in latest:
        mark = {"healthy": "✔", "unhealthy": "✘", "exited": "✘"}.get(one.state) or Spinner("dots")
        grid.add_row(mark, one.service, one.state, f"{one.seconds:.1f} s")
    return grid


@contextmanager
def transfer(title: str) -> Iterator[Callable[[int], None]]:
    """Yield what shows how many bytes were copied so far: live on a terminal, nothing elsewhere."""
    from rich.progress import DownloadColumn, Progress, SpinnerColumn, TextColumn, TransferSpeedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=terminal(sys.stderr), disable=is_plain(sys.stderr)) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done: shown.update(task, completed=done)


def findings(found: Iterable["Finding"]) -> None:
    """Print what a check found, one finding a row."""
    table(
        ("severity", "where", "what", "what to do"),
        ((one.severity, one.where, one.message, one.hint) for one in found),
    )


def error(failure: DashtamError) -> None:
    """Print what failed, what a program said about it, and what to do next."""
    from rich.text import Text

    out = terminal(sys.stderr)
    out.print(Text.assemble(("error: ", "bold red"), failure.reason), soft_wrap=True)
    if failure.details:
        out.print(Text(failure.details.rstrip()), soft_wrap=True)
    if failure.hint:
        out.print(Text.assemble(("hint: ", "bold"), failure.hint), soft_wrap=True)


def confirm(question: str) -> bool:
    """Ask a yes-or-no question on the terminal; without one the answer is no."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def terminal(stream: TextIO) -> "Console":
    """Return a rich console that writes to `stream` and interprets no markup."""
    from rich.console import Console

    # NO_COLOR alone would still let Rich print bold text.
    colors: Literal["auto"] | None = None if is_plain(stream) else "auto"
    return Console(file=stream, color_system=colors, markup=False, highlight=False, emoji=False)


def is_plain(stream: TextIO) -> bool:
    """Return whether `stream` gets text alone: no colours, nothing live."""
    return not stream.isatty() or bool(os.environ.get("NO_COLOR"))
