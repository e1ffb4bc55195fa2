"""What tests cost: a suite cold and warm, beside the legacy flow and raw Compose; and many instances at once.

Run from the project's folder: python -m benchmarks.suites, or ./bootstrap nox -s benchmark. It measures and judges
nothing: the exit code is 0 unless a command fails. It works on instances of its own.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.legacy import legacy_project, make
from benchmarks.project import ROOT, VARIABLES, compile_bytecode, describe_machine, here, load_settings, main
from benchmarks.timing import Command, Limit, Times, in_turn
from dashtam_tasks import console, engine, processes
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import open_environment

ROUNDS = 5
INSTANCE = "benchmark"
TOGETHER = (1, 2, 4, 8)
SUITES = ("unit", "integration")
MIB = 2**20


def measure(rounds: int) -> None:
    """Print what was measured on, and the three tables."""
    compile_bytecode()
    with (
        tempfile.TemporaryDirectory() as folder,
        legacy_project(Path(folder)) as legacy,
        warm_instance() as environment,
    ):
        times = measure_suites(environment, legacy, rounds=rounds)
    counts = [measure_together(count) for count in TOGETHER]
    describe_machine(rounds)
    show_times(times)
    show_limits(times)
    console.table(
        ("instances", "all healthy after", "memory of all", "of one", "of which"),
        counts,
    )


@contextmanager
def warm_instance() -> Iterator[Environment]:
    """Yield an instance of the test environment that is up; it is removed afterwards."""
    console.note("starting an instance of the test environment")
    with ExitStack() as stack:
        stack.callback(inv("test.down", INSTANCE).run)
        inv("test.up", INSTANCE).run()
        yield open_environment(load_settings(), "test", instance=INSTANCE)


def inv(task: str, instance: str) -> Command:
    """Return the command that runs one of our tasks on an instance."""
    return here("inv", task, "--instance", instance)


def measure_suites(environment: Environment, legacy: Path, *, rounds: int) -> dict[str, Times]:
    """Return how long each way to run each suite takes, by a name for people."""
    found: dict[str, Times] = {}
    for suite in SUITES:
        console.note(f"measuring {suite} tests")
        ways = commands(environment, legacy, suite)
        found |= dict(zip(ways, in_turn(*ways.values(), rounds=rounds), strict=True))
    return found


def commands(environment: Environment, legacy: Path, suite: str) -> dict[str, Command]:
    """Return every way to run a suite. Cold ones start with nothing up; the order leaves all up for the raw one."""
    task, target = f"test.{suite}", f"test-{suite}"
    pytest = environment.settings.suites[suite]
    raw = environment.compose.argv("run", "--rm", "--no-TTY", "app", *pytest.command, *pytest.paths)
    warm = inv("test.up", INSTANCE)
    variables = {**VARIABLES, **environment.compose.variables}
    return {
        f"{suite}, legacy, cold": make(legacy, target, before=make(legacy, "test-clean")),
        f"{suite}, legacy, warm": make(legacy, target),
        f"{suite}, ours, cold": Command(
            argv=inv(task, INSTANCE).argv, folder=ROOT, variables=VARIABLES, before=stopped(environment)
        ),
        f"{suite}, ours, warm": Command(
            argv=inv(task, INSTANCE).argv, folder=ROOT, variables=VARIABLES, before=warm
        ),
        f"{suite}, raw": Command(argv=tuple(raw), folder=ROOT, variables=variables),
    }


def stopped(environment: Environment) -> Command:
    """Return the command that removes what runs and keeps the images, unlike test.down of a named instance."""
    argv = environment.compose.argv("--profile", "*", "down")
    return Command(argv=tuple(argv), folder=ROOT, variables=environment.compose.variables)


def show_times(times: dict[str, Times]) -> None:
    """Print how long each way takes, and how often the raw one fits into it."""
    console.table(
        ("tests", "time", "of raw"),
        ((name, str(one), f"{one.median / raw_of(name, times).median:.2f}") for name, one in times.items()),
    )


def raw_of(name: str, times: dict[str, Times]) -> Times:
    """Return the times of raw Compose for the suite of a name such as `unit, ours, cold`."""
    return times[f"{name.partition(',')[0]}, raw"]


def show_limits(times: dict[str, Times]) -> None:
    """Print whether the unit tests take no longer than they may."""
    limits = (
        ("unit, ours, warm", "unit, raw", Limit(factor=1.15, seconds=0.4)),
        ("unit, ours, cold", "unit, raw", Limit(seconds=3)),
        ("unit, ours, cold", "unit, legacy, cold", Limit(factor=0.25)),
    )
    console.table(
        ("ours", "base", "limit", ""),
        (
            (ours, base, str(limit), "within" if limit.holds(times[ours], times[base]) else "over")
            for ours, base, limit in limits
        ),
    )


def measure_together(count: int) -> tuple[str, ...]:
    """Start so many instances at the same time and return the row that shows their time and memory."""
    console.note(f"starting {count} together")
    names = [f"{INSTANCE}{number}" for number in range(count)]
    with ExitStack() as stack:
        for name in names:
            stack.callback(inv("test.down", name).run)
        seconds = run_together([inv("test.up", name) for name in names])
        used = [memory(name) for name in names]
    services = sorted(used[0])
    typical = {service: statistics.median(one[service] for one in used) for service in services}
    return (
        str(count),
        f"{seconds:.1f} s",
        mebibytes(sum(sum(one.values()) for one in used)),
        mebibytes(sum(typical.values())),
        ", ".join(f"{service} {mebibytes(typical[service])}" for service in services),
    )


def run_together(commands: list[Command]) -> float:
    """Run commands at the same time and return the seconds until the last has ended.

    Raises DashtamError (UNAVAILABLE) with the last words of one that fails.
    """
    began = time.perf_counter()
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                processes.ending(processes.start(one.argv, environment=one.variables, cwd=one.folder))
            )
            for one in commands
        ]
        outputs = [process.communicate() for process in started]
    for process, (_, errors) in zip(started, outputs, strict=True):
        if process.returncode:
            raise DashtamError(
                f"An instance failed with exit code {process.returncode}.",
                code=ExitCode.UNAVAILABLE,
                details=errors.decode(errors="replace"),
            )
    return time.perf_counter() - began


def memory(name: str) -> dict[str, int]:
    """Return the bytes of memory that each service of an instance uses."""
    environment = open_environment(load_settings(), "test", instance=name)
    found = engine.project_containers(environment.model.name)
    used = {
        one.container_id: one.memory_used
        for one in engine.client().stats(containers=[one.id for one in found])
    }
    return {one.service: used[one.id] for one in found}


def mebibytes(size: float) -> str:
    """Return a size in whole MiB, with its unit."""
    return f"{size / MIB:.0f} MiB"


if __name__ == "__main__":
    sys.exit(main("benchmarks.suites", measure, rounds=ROUNDS))
