"""A suite in a container of its own, which is removed whatever happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashtam_tasks import engine, processes
from dashtam_tasks.environments import Environment
from dashtam_tasks.settings import Suite
from dashtam_tasks.suites import reports
from dashtam_tasks.suites.command_line import Options, command_line, judging

LABEL = "dashtam-tasks.suite"


def run(environment: Environment, name: str, suite: Suite, options: Options) -> int:
    """Run a suite's command in a new container and return its exit code, 130 after Ctrl-C."""
    service = suite.service or environment.service_of("app")
    environment.require_startable([service])
    environment.provide_images([service], build=False)
    with reports.writable(environment, service) as folder, judging(name, suite, folder) as judge:
        arguments = environment.run_arguments(
            command_line(name, suite, options, reports=Path(reports.TARGET)),
            service=service,
            options=tuple(run_options(name, suite, folder)),
            tty=options.debugger,
        )
        with removing(environment):
            stdin = None if options.debugger else processes.DEVNULL
            return judge(environment.compose.attach(*arguments, stdin=stdin))


def run_options(name: str, suite: Suite, folder: Path) -> Iterator[str]:
    """Yield the options of `docker compose run`."""
    yield from ("--label", f"{LABEL}={name}")
    yield from ("--volume", f"{folder}:{reports.TARGET}")
    for variable, value in suite.variables.items():
        yield from ("--env", f"{variable}={value}")


@contextmanager
def removing(environment: Environment) -> Iterator[None]:
    """Remove what Compose left of a suite's container, as it may after a second Ctrl-C."""
    try:
        yield
    finally:
        remove_stale(environment)


def remove_stale(environment: Environment) -> None:
    """Remove containers of suites whose task was killed; who holds the instance knows that none is at work."""
    engine.remove_containers(engine.one_off_containers(environment.model.name, LABEL))
