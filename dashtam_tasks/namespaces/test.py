"""Tests: the environment that they run beside, and a task for each suite of the settings."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task

from dashtam_tasks import console
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.namespaces import lifecycle
from dashtam_tasks.namespaces.invoking import INSTANCE, after_dashes, changing, task

if TYPE_CHECKING:
    from dashtam_tasks.environments import Environment
    from dashtam_tasks.suites.command_line import Options

NAME = "test"
DEFAULT_SUITE = "all"
HELP = {
    "path": "a file, folder or test instead of the suite's own; give it again for more",
    "k": "only tests whose names match this expression",
    "x": "stop at the first failure",
    "lf": "only tests that failed last time",
    "pdb": "start the debugger at a failure",
    "down": "remove the services afterwards",
    "instance": INSTANCE,
}


def collection(suite_names: Iterable[str]) -> Collection:
    """Return the namespace `test`, with a task for each suite.

    Raises DashtamError (CONFIGURATION) for a suite with the name of another task.
    """
    made = lifecycle.collection(NAME)
    made.add_task(coverage)
    for name in suite_names:
        # Invoke takes db_shell and db-shell for one name, and the later task would replace the earlier.
        if made.transform(name) in made.task_names:
            raise DashtamError(
                f"dashtam.suites.{name}: there is a task {NAME}.{name} already.",
                code=ExitCode.CONFIGURATION,
                hint="Give the suite another name.",
            )
        made.add_task(suite_task(name))
    return made


def suite_task(name: str) -> Task[Any]:
    """Return the task that runs the suite `name`."""

    @task(
        name=name,
        iterable=["path"],
        optional=["cov"],
        default=name == DEFAULT_SUITE,
        help={**HELP, "cov": "measure coverage, of the suite's sources or of those named"},
    )
    def run(  # noqa: PLR0913, PLR0917 - each is an option of the command line
        context: Context,
        path: list[str],
        k: str = "",
        x: bool = False,
        lf: bool = False,
        pdb: bool = False,
        cov: str | bool = False,
        down: bool = False,
        instance: str = "",
    ) -> int:
        from dashtam_tasks.suites.command_line import Options

        options = Options(
            paths=tuple(path),
            keyword=k,
            exit_first=x,
            last_failed=lf,
            debugger=pdb,
            coverage=measured(cov),
            arguments=after_dashes(),
        )
        with changing(context, NAME, instance, task=f"{NAME}.{name}") as opened:
            return run_suite(opened, name, options, down=down)

    run.__doc__ = f"Run the suite {name}; arguments after -- go to its command."
    return run


@task(iterable=["path"], help={name: HELP[name] for name in ("path", "k", "down", "instance")})
def coverage(context: Context, path: list[str], k: str = "", down: bool = False, instance: str = "") -> int:
    """Run all tests and report which lines they reach."""
    from dashtam_tasks.suites.command_line import Options

    options = Options(paths=tuple(path), keyword=k, coverage="", arguments=after_dashes())
    with changing(context, NAME, instance, task=f"{NAME}.coverage") as opened:
        return run_suite(opened, DEFAULT_SUITE, options, down=down)


def measured(cov: str | bool) -> str | None:
    """Return what to measure for the option `--cov`, with or without a value."""
    if isinstance(cov, str):
        return cov
    return "" if cov else None


def run_suite(opened: "Environment", name: str, options: "Options", *, down: bool) -> int:
    """Run a suite, and take the services down afterwards if told to; return its command's exit code."""
    from dashtam_tasks import suites

    try:
        return suites.run(opened, name, options, display=console.progress)
    finally:
        if down:
            opened.down()
