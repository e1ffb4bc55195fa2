"""What CI costs: `inv ci.run` beside raw Compose on the same file, and what the difference is made of.

Run from the project's folder: python -m benchmarks.pipeline, or ./bootstrap nox -s benchmark. It measures and
judges nothing: the exit code is 0 unless a command fails. It works on a copy of the project.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.project import ROOT, VARIABLES, compile_bytecode, describe_machine, load_settings, main
from benchmarks.timing import COLUMNS, Command, Limit, Times, in_turn, milliseconds
from dashtam_tasks import console
from dashtam_tasks.environments import Environment
from dashtam_tasks.instances.names import SUFFIX
from dashtam_tasks.opening import open_environment
from dashtam_tasks.pipeline import slots

ROUNDS = 5
OURS, RAW = "inv ci.run", "docker compose up"
LIMIT = Limit(factor=1.1, seconds=0.6)
TREES = ("compose", "example")
LEFT_OUT = ("__pycache__", ".env", "*.pem")
FILES = ("invoke.yaml", "tasks.py", "envs/.env.ci.example", "envs/.env.images")


def measure(rounds: int) -> None:
    """Print what was measured on, whether the limit holds, and what the difference is made of."""
    compile_bytecode()
    with tempfile.TemporaryDirectory() as folder, copied_project(Path(folder)) as environment:
        console.note("measuring ci.run")
        ways = commands(environment)
        times = dict(zip(ways, in_turn(*ways.values(), rounds=rounds), strict=True))
    describe_machine(rounds)
    ours, raw = times.pop(OURS), times.pop(RAW)
    console.table(COLUMNS, [LIMIT.row(f"{OURS}, beside {RAW}", ours, raw)])
    show_parts(ours.median - raw.median, times)


@contextmanager
def copied_project(folder: Path) -> Iterator[Environment]:
    """Yield CI's default instance in a copy of this project; what it made is removed afterwards.

    The default one, since it keeps its image: a named one makes it anew in every run. Not this project's own, since
    that may be at work, and taking down what raw Compose left would take it down.
    """
    copy_project(folder)
    settings = load_settings(folder)
    slots.provide_env_file(settings, notify=console.note)
    environment = open_environment(settings, slots.NAME, instance="")
    try:
        yield environment
    finally:
        in_folder(environment, "inv", "ci.clean").run()


def copy_project(folder: Path) -> None:
    """Copy what CI reads of this project, and give the copy names of its own."""
    for name in TREES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (folder / "envs").mkdir()
    for name in FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    with (folder / "envs/.env.ci.example").open("a", encoding="utf-8") as file:
        file.write(f"\n{SUFFIX}=-benchmark\n")


def in_folder(environment: Environment, *argv: str, before: Command | None = None) -> Command:
    """Return a command that runs in the folder of an environment's project, with the environment's variables."""
    variables = {**VARIABLES, **environment.compose.variables}
    return Command(argv=argv, folder=environment.settings.path(""), variables=variables, before=before)


def commands(environment: Environment) -> dict[str, Command]:
    """Return what is measured, by a name for people: ours, the raw run, and parts of ours by themselves.

    The order matters: `down` removes what the raw run left, so that each run makes its containers.
    """
    compose = environment.compose
    raw = ("up", "--abort-on-container-exit", "--exit-code-from", slots.job_of(environment))
    # ci.run lets the job's user write there; raw Compose leaves that to the caller.
    opened = in_folder(environment, "chmod", "--recursive", "a+rwX", "reports")
    return {
        OURS: in_folder(environment, "inv", "ci.run"),
        RAW: in_folder(environment, *compose.argv(*raw), before=opened),
        "docker compose build, all of it cached": in_folder(environment, *compose.argv("build")),
        "docker compose down --volumes --timeout 0": in_folder(
            environment, *compose.argv("down", "--volumes", "--timeout", "0")
        ),
        "inv --list": in_folder(environment, "inv", "--list"),
    }


def show_parts(difference: float, parts: dict[str, Times]) -> None:
    """Print how long the parts take that raw Compose leaves out, and what that leaves of the difference.

    That may be less than nothing: in one run the parts share what each of them does by itself.
    """
    rows = [(name, str(one)) for name, one in parts.items()]
    rest = difference - sum(one.median for one in parts.values())
    console.table(("of the difference", "time"), [*rows, ("the rest", milliseconds(rest))])


if __name__ == "__main__":
    sys.exit(main("benchmarks.pipeline", measure, rounds=ROUNDS))
