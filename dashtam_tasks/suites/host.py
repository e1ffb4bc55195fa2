"""A suite on the host, against the published ports of the environment's services."""

from dashtam_tasks import env_files, processes, reports
from dashtam_tasks.environments import Environment
from dashtam_tasks.settings import Suite
from dashtam_tasks.suites import addresses
from dashtam_tasks.suites.command_line import Options, command_line, judging


def run(environment: Environment, name: str, suite: Suite, options: Options) -> int:
    """Run a suite's command on this machine and return its exit code, 130 after Ctrl-C."""
    folder = reports.made(reports.folder_of(environment))
    with judging(name, suite, options, folder) as judge:
        return judge(
            processes.attach(
                command_line(name, suite, options, reports=folder),
                environment=variables(environment, suite),
                cwd=environment.settings.path(suite.folder),
            )
        )


def variables(environment: Environment, suite: Suite) -> dict[str, str]:
    """Return the suite's own variables, those that its service has, and what the env file sets beside these.

    The addresses of services are as the host reaches them.
    """
    service = suite.service or environment.service_of("app")
    inside = environment.model.service(service).environment
    declared = {name: value for name, value in inside.items() if value is not None}
    seen = {
        **env_files.read(environment.env_file),
        **environment.compose.variables,
        **declared,
        **suite.variables,
    }
    return addresses.seen_from_host(seen, environment.model)
