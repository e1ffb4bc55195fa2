"""This project as it is measured: its settings, its commands, and the environment that they run in."""

import argparse
import os
import platform
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from invoke.config import Config

from benchmarks.timing import Command
from dashtam_tasks import console, engine, settings
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
FEWEST_ROUNDS = 2  # quartiles need as many

# This interpreter's own scripts come first. A benchmark that installs what is missing would measure that.
VARIABLES = {
    "PATH": os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath))),
    "XDG_STATE_HOME": os.environ.get("XDG_STATE_HOME", ""),
    "DASHTAM_NO_INSTALL": "1",
}


def main(program: str, measure: Callable[[int], None], *, rounds: int) -> int:
    """Measure as the command line of `program` says, by default for `rounds` rounds, and return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="runs of each command (default: %(default)s)"
    )
    chosen = parser.parse_args().rounds
    if chosen < FEWEST_ROUNDS:
        parser.error(f"--rounds must be at least {FEWEST_ROUNDS}")
    try:
        measure(chosen)
    except DashtamError as failure:
        console.error(failure)
        return failure.code
    return 0


def describe_machine(rounds: int) -> None:
    """Print what is measured on."""
    console.line(
        f"Docker Engine {engine.version()}, Compose {engine.compose_version()}, Python "
        f"{platform.python_version()}, {os.cpu_count()} processors; medians of {rounds} runs (and quartiles)"
    )


def load_settings(folder: Path = ROOT) -> Settings:
    """Return the settings of the project in `folder`, by default this one."""
    configuration = Config(defaults=settings.defaults(folder))
    configuration.set_project_location(folder)
    configuration.load_project()
    return settings.load(configuration)


def here(*argv: str) -> Command:
    """Return a command that runs in the project's folder."""
    return Command(argv=argv, folder=ROOT, variables=VARIABLES)


def compile_bytecode() -> None:
    """Compile this package and what is installed beside it, as ./bootstrap does."""
    folders = ("dashtam_tasks", sysconfig.get_path("purelib"))
    here(sys.executable, "-m", "compileall", "-q", *folders).run()
