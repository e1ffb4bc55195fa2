"""A suite in a container of its own, which is removed whatever happens."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from dashtam_tasks import engine, reports
from dashtam_tasks.environments import Environment
from dashtam_tasks.settings import Suite
from dashtam_tasks.suites.command_line import Options, command_line, judging

LABEL = "dashtam-tasks.suite"


def run(environment: Environment, name: str, suite: Suite, options: Options) -> int:
    """Run a suite's command in a new container and return its exit code, 130 after Ctrl-C."""
    service = suite.service or environment.service_of("app")
    environment.require_startable([service])
    environment.provide_images([service], build=False)
    folder = reports.made(reports.folder_of(environment))
    with reports.writable(environment, service, folder), judging(name, suite, options, folder) as judge:
        arguments = environment.run_arguments(
            command_line(name, suite, options, reports=Path(reports.TARGET)),
            service=service,
            options=tuple(run_options(name, suite, folder)),
            tty=options.debugger,
        )
        with removing(environment):
            # With the debugger the container has the terminal, and gets Ctrl-C from there.
            run_it = (
                environment.compose.attach if options.debugger else partial(detached, environment, service)
            )
            return judge(run_it(*arguments))


def detached(environment: Environment, service: str, *arguments: str) -> int:
    """Run `docker compose ARGUMENTS` for a container that has no terminal, and return its exit code.

    On Ctrl-C Compose would kill it; so we send the signal ourselves, and pytest ends its tests in good order. The
    service's health check would fail again and again meanwhile, and cost the tests a part of a processor.
    """

    def interrupt() -> bool:
        return engine.interrupt(engine.one_off_containers(environment.model.name, LABEL))

    with tempfile.TemporaryFile() as overlay:
        overlay.write(msgspec.json.encode({"services": {service: {"healthcheck": {"disable": True}}}}))
        overlay.seek(0)
        compose = replace(environment.compose, overlay=True)
        return compose.attach(*arguments, stdin=overlay, interrupt=interrupt)


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
