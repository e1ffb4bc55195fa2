"""What a start costs: `inv --list`, `inv dev.up` on a running environment, and `./bootstrap`, each beside its base.

Run from the project's folder: python -m benchmarks.startup, or ./bootstrap nox -s benchmark. It measures and
judges nothing: the exit code is 0 unless a command fails. Both sides run from bytecode, as after ./bootstrap:
Invoke forbids Python to write any, so the files are compiled before.
"""

import argparse
import os
import platform
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from invoke.config import Config

from benchmarks.timing import Command, Times, in_turn, milliseconds
from dashtam_tasks import console, engine, settings
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.opening import open_environment

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 15
FEWEST_ROUNDS = 2  # quartiles need as many

# This interpreter's own scripts come first. A benchmark that installs what is missing would measure that.
VARIABLES = {
    "PATH": os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath))),
    "DASHTAM_NO_INSTALL": "1",
}
EMPTY_TASK = '''\
from invoke import task


@task
def empty(context):
    """Do nothing."""
'''


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The most that ours may take: `factor` times the base's time and `seconds` on top."""

    factor: float = 1.0
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"base + {self.seconds:g} s" if self.seconds else f"{self.factor:g} x base"

    def holds(self, ours: Times, base: Times) -> bool:
        """Return whether our median is within the limit."""
        return ours.median <= self.factor * base.median + self.seconds


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
        ours, base = in_turn(self.ours, self.base, rounds=rounds)
        return (
            self.name,
            str(ours),
            str(base),
            f"{ours.median / base.median:.2f}",
            milliseconds(ours.median - base.median),
            str(self.limit),
            "within" if self.limit.holds(ours, base) else "over",
        )


def main() -> int:
    """Measure, print the table and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help="runs of each command (default: %(default)s)"
    )
    rounds = parser.parse_args().rounds
    if rounds < FEWEST_ROUNDS:
        parser.error(f"--rounds must be at least {FEWEST_ROUNDS}")
    try:
        measure(rounds)
    except DashtamError as failure:
        console.error(failure)
        return failure.code
    return 0


def measure(rounds: int) -> None:
    """Print what was measured on, and the table."""
    engine_version, compose_version = engine.version(), engine.compose_version()
    compile_bytecode()
    with tempfile.TemporaryDirectory() as folder, running(development()) as environment:
        found = comparisons(Path(folder), environment)
        rows = [one.row(rounds=rounds) for one in found]
    console.line(
        f"Docker Engine {engine_version}, Compose {compose_version}, Python {platform.python_version()}, "
        f"{os.cpu_count()} processors; medians of {rounds} runs (and quartiles)"
    )
    console.table(("command", "ours", "base", "ratio", "difference", "limit", ""), rows)


def compile_bytecode() -> None:
    """Compile this package and what is installed beside it."""
    folders = ("dashtam_tasks", sysconfig.get_path("purelib"))
    here((sys.executable, "-m", "compileall", "-q", *folders)).run()


def development() -> Environment:
    """Return the development environment of this project."""
    configuration = Config(defaults=settings.defaults(ROOT))
    configuration.set_project_location(ROOT)
    configuration.load_project()
    return open_environment(settings.load(configuration), "dev")


@contextmanager
def running(environment: Environment) -> Iterator[Environment]:
    """Yield `environment` while it is up; it is taken down afterwards if nothing of it ran before."""
    was_down = all(one.state != "running" for one in environment.status())
    console.note("starting dev, unless it is up")
    try:
        here(("inv", "dev.up")).run()
        yield environment
    finally:
        if was_down:
            console.note("taking dev down again")
            here(("inv", "dev.down")).run()


def comparisons(folder: Path, environment: Environment) -> tuple[Comparison, ...]:
    """Return what is measured; `folder` is an empty one, for a bare Invoke."""
    (folder / "tasks.py").write_text(EMPTY_TASK, encoding="utf-8")
    raw_up = environment.compose.argv("up", "--detach", "--wait")
    return (
        Comparison(
            name="inv --list, beside Invoke with one empty task",
            ours=here(("inv", "--list")),
            base=Command(argv=("inv", "--list"), folder=folder, variables=VARIABLES),
            limit=Limit(factor=1.5),
        ),
        Comparison(
            name="inv dev.up, beside docker compose up --detach --wait",
            ours=here(("inv", "dev.up")),
            base=here(tuple(raw_up)),
            limit=Limit(seconds=0.6),
        ),
        Comparison(
            name="./bootstrap true, beside true",
            ours=here(("./bootstrap", "true")),
            base=here(("true",)),
            limit=Limit(seconds=0.5),
        ),
    )


def here(argv: tuple[str, ...]) -> Command:
    """Return a command that runs in the project's folder."""
    return Command(argv=argv, folder=ROOT, variables=VARIABLES)


if __name__ == "__main__":
    sys.exit(main())
