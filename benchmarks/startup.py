"""What a start costs: `inv --list`, `inv dev.up` on a running environment, and `./bootstrap`, each beside its base.

Run from the project's folder: python -m benchmarks.startup, or ./bootstrap nox -s benchmark. It measures and
judges nothing: the exit code is 0 unless a command fails. Both sides run from bytecode, as after ./bootstrap:
Invoke forbids Python to write any, so the files are compiled before.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.project import VARIABLES, compile_bytecode, describe_machine, here, load_settings, main
from benchmarks.timing import COLUMNS, Command, Limit, in_turn
from dashtam_tasks import console
from dashtam_tasks.environments import Environment
from dashtam_tasks.opening import open_environment

ROUNDS = 15
EMPTY_TASK = '''\
from invoke import task


@task
def empty(context):
    """Do nothing."""
'''


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One of our commands, the base that it is measured against, and the limit."""

    name: str
    ours: Command
    base: Command
    limit: Limit

    def row(self, *, rounds: int) -> tuple[str, ...]:
        """Measure both commands and return the row that shows it."""
        console.note(f"measuring {self.name}")
        return self.limit.row(self.name, *in_turn(self.ours, self.base, rounds=rounds))


def measure(rounds: int) -> None:
    """Print what was measured on, and the table."""
    compile_bytecode()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(open_environment(load_settings(), "dev")) as environment,
    ):
        rows = [one.row(rounds=rounds) for one in comparisons(Path(folder), environment)]
    describe_machine(rounds)
    console.table(COLUMNS, rows)


@contextmanager
def running(environment: Environment) -> Iterator[Environment]:
    """Yield `environment` while it is up; it is taken down afterwards if nothing of it ran before."""
    was_down = all(one.state != "running" for one in environment.status())
    console.note("starting dev, unless it is up")
    try:
        here("inv", "dev.up").run()
        yield environment
    finally:
        if was_down:
            console.note("taking dev down again")
            here("inv", "dev.down").run()


def comparisons(folder: Path, environment: Environment) -> tuple[Comparison, ...]:
    """Return what is measured; `folder` is an empty one, for a bare Invoke."""
    (folder / "tasks.py").write_text(EMPTY_TASK, encoding="utf-8")
    return (
        Comparison(
            name="inv --list, beside Invoke with one empty task",
            ours=here("inv", "--list"),
            base=Command(argv=("inv", "--list"), folder=folder, variables=VARIABLES),
            limit=Limit(factor=1.5),
        ),
        Comparison(
            name="inv dev.up, beside docker compose up --detach --wait",
            ours=here("inv", "dev.up"),
            base=here(*environment.compose.argv("up", "--detach", "--wait")),
            limit=Limit(seconds=0.6),
        ),
        Comparison(
            name="./bootstrap true, beside true",
            ours=here("./bootstrap", "true"),
            base=here("true"),
            limit=Limit(seconds=0.5),
        ),
    )


if __name__ == "__main__":
    sys.exit(main("benchmarks.startup", measure, rounds=ROUNDS))
