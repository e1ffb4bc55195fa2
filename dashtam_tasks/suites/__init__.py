"""Suites: named test commands, run in a one-off container beside healthy services, or on the host."""

from dashtam_tasks import readiness
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.settings import Suite
from dashtam_tasks.suites import container, host
from dashtam_tasks.suites.command_line import Options


def run(environment: Environment, name: str, options: Options, *, display: readiness.Display) -> int:
    """Run a suite and return its command's exit code, 130 after Ctrl-C.

    Services that it needs are started unless they are healthy, and left running. Raises DashtamError: USAGE for a
    suite that there is not and for options that it does not take, CONFIGURATION for one whose settings name a
    service that there is not, UNAVAILABLE for a command that could not be run, and as Environment.up does.
    """
    suite = suite_of(environment, name)
    options.require_fitting(name, suite)
    require_services(environment, name, suite)
    container.remove_stale(environment)
    provide_services(environment, suite, display=display)
    run_there = host.run if suite.where == "host" else container.run
    return run_there(environment, name, suite, options)


def suite_of(environment: Environment, name: str) -> Suite:
    """Return the settings of a suite.

    Raises DashtamError (USAGE) for one that there is not.
    """
    suites = environment.settings.suites
    if name not in suites:
        raise DashtamError(
            f"There is no suite {name}.", code=ExitCode.USAGE, hint=f"There is {', '.join(sorted(suites))}."
        )
    return suites[name]


def require_services(environment: Environment, name: str, suite: Suite) -> None:
    """Raise DashtamError (CONFIGURATION) when a suite's settings name a service that there is not."""
    services = environment.model.services
    named = (("service", suite.service), *(("needs", one) for one in suite.needs or ()))
    for key, service in named:
        if service and service not in services:
            raise DashtamError(
                f"dashtam.suites.{name}.{key} names {service}, and {environment.compose.file.name} has no such "
                "service.",
                code=ExitCode.CONFIGURATION,
                hint=f"Set it to one of {', '.join(sorted(services))}.",
            )


def provide_services(environment: Environment, suite: Suite, *, display: readiness.Display) -> None:
    """Start the services that a suite needs, unless they are healthy, and as their Compose file and sources say."""
    service = suite.service or environment.service_of("app")
    needs = environment.model.service(service).depends_on if suite.needs is None else suite.needs
    if not needs:
        return
    outdated = environment.outdated(needs)
    if outdated:
        environment.restart(services=outdated, display=display)
    if environment.is_ready(needs):
        environment.prepare_database()
    else:
        environment.up(services=needs, display=display)
