"""The tasks that every long-lived environment has: `up`, `down`, `logs` and their kin."""

import dataclasses
from typing import TYPE_CHECKING, Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import Task

from dashtam_tasks import console
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.namespaces.invoking import (
    INSTANCE,
    after_dashes,
    changing,
    environment,
    require_consent,
    seconds,
    starting,
    task,
)

if TYPE_CHECKING:
    from dashtam_tasks.status import ServiceStatus

SERVICE = "a service; give it again for more (default: all)"
ONE_SERVICE = "the service (default: the app)"
TIMEOUT = "seconds to wait until every service is ready"


def collection(name: str) -> Collection:
    """Return the tasks of the environment `name` as a namespace of that name."""
    return Collection(name, *lifecycle(name), *access(name))


def lifecycle(name: str) -> list[Task[Any]]:
    """Return the tasks that start, stop and build the environment `name`."""

    @task(
        iterable=["service"],
        help={
            "service": SERVICE,
            "build": "build images first",
            "timeout": TIMEOUT,
            "instance": INSTANCE,
        },
    )
    def up(
        context: Context, service: list[str], build: bool = False, timeout: str = "", instance: str = ""
    ) -> None:
        """Start the services and return when they are healthy."""
        with changing(context, name, instance, task=f"{name}.up") as opened:
            status = opened.up(
                services=service, build=build, timeout=seconds(timeout), display=console.progress
            )
        show_started(status)

    @task(
        help={
            "volumes": "remove the volumes too, and all data in them",
            "yes": "do not ask",
            "timeout": "seconds that a container gets to stop (default: Compose's)",
            "instance": INSTANCE,
        }
    )
    def down(
        context: Context, volumes: bool = False, yes: bool = False, timeout: str = "", instance: str = ""
    ) -> None:
        """Stop and remove the containers; volumes stay."""
        opened = environment(context, name, instance)
        if volumes:
            require_consent(f"Remove the volumes of {opened.label} and all data in them?", yes=yes)
        with changing(context, name, instance, task=f"{name}.down", starts=False) as opened:
            opened.down(volumes=volumes, timeout=seconds(timeout, least=0))

    @task(iterable=["service"], help={"service": SERVICE, "timeout": TIMEOUT, "instance": INSTANCE})
    def restart(context: Context, service: list[str], timeout: str = "", instance: str = "") -> None:
        """Restart the services and return when they are healthy."""
        with changing(context, name, instance, task=f"{name}.restart") as opened:
            status = opened.restart(services=service, timeout=seconds(timeout), display=console.progress)
        show_started(status)

    @task(
        iterable=["service"],
        help={"service": SERVICE, "no_cache": "build every layer anew", "instance": INSTANCE},
    )
    def build(context: Context, service: list[str], no_cache: bool = False, instance: str = "") -> None:
        """Build the images."""
        with changing(context, name, instance, task=f"{name}.build", starts=False) as opened:
            opened.build(services=service, no_cache=no_cache)

    @task(iterable=["service"], help={"service": SERVICE, "timeout": TIMEOUT, "instance": INSTANCE})
    def rebuild(context: Context, service: list[str], timeout: str = "", instance: str = "") -> None:
        """Build the images without cache and start new containers from them."""
        with changing(context, name, instance, task=f"{name}.rebuild") as opened:
            opened.build(services=service, no_cache=True)
            status = opened.up(
                services=service, recreate=True, timeout=seconds(timeout), display=console.progress
            )
        show_started(status)

    return [up, down, restart, build, rebuild]


def access(name: str) -> list[Task[Any]]:
    """Return the tasks that look into the environment `name` and run commands in it."""

    @task(
        iterable=["service"],
        help={
            "service": SERVICE,
            "follow": "keep showing what comes (the default), or stop at the end of the log",
            "tail": "only the last N lines of each service",
            "since": "only from a time or for a duration on, such as 10m",
            "instance": INSTANCE,
        },
    )
    def logs(
        context: Context,
        service: list[str],
        follow: bool = True,
        tail: str = "",
        since: str = "",
        instance: str = "",
    ) -> int:
        """Show the services' logs."""
        opened = environment(context, name, instance)
        return opened.logs(services=service, follow=follow, tail=tail, since=since)

    @task(help={"json": "print JSON", "instance": INSTANCE})
    def status(context: Context, json: bool = False, instance: str = "") -> None:
        """Show each service's state, health, address and image."""
        opened = environment(context, name, instance)
        show_status(opened.status(), as_json=json)

    @task(help={"service": ONE_SERVICE, "instance": INSTANCE})
    def shell(context: Context, service: str = "", instance: str = "") -> int:
        """Open a shell in a running container."""
        opened = environment(context, name, instance)
        return opened.execute(opened.settings.shell, service=service)

    @task(name="exec", help={"service": ONE_SERVICE, "user": "user name or id", "instance": INSTANCE})
    def execute(context: Context, service: str = "", user: str = "", instance: str = "") -> int:
        """Run the command after -- in a running container."""
        return environment(context, name, instance).execute(command(), service=service, user=user)

    @task(help={"service": ONE_SERVICE, "instance": INSTANCE})
    def run(context: Context, service: str = "", instance: str = "") -> int:
        """Run the command after -- in a new container, removed afterwards."""
        arguments = command()
        return starting(context, name, instance).run(arguments, service=service)

    @task(help={"instance": INSTANCE})
    def db_shell(context: Context, instance: str = "") -> int:
        """Open psql on the database; arguments after -- go to psql."""
        return environment(context, name, instance).database_shell(after_dashes())

    @task(help={"instance": INSTANCE})
    def redis_cli(context: Context, instance: str = "") -> int:
        """Open redis-cli; arguments after -- go to redis-cli."""
        return environment(context, name, instance).cache_shell(after_dashes())

    return [logs, status, shell, execute, run, db_shell, redis_cli]


def command() -> tuple[str, ...]:
    """Return the command after `--`.

    Raises DashtamError (USAGE) when there is none.
    """
    arguments = after_dashes()
    if not arguments:
        raise DashtamError(
            "There is no command after --.", code=ExitCode.USAGE, hint="For example: inv dev.exec -- env"
        )
    return arguments


def show_started(status: "tuple[ServiceStatus, ...]") -> None:
    """Print each service with its addresses and the time that it took."""
    console.table(
        ("service", "state", "ready after", "address"),
        (
            (
                one.service,
                one.health or one.state,
                f"{one.seconds:.1f} s" if one.seconds is not None else "",
                " ".join(one.endpoints),
            )
            for one in status
        ),
    )


def show_status(status: "tuple[ServiceStatus, ...]", *, as_json: bool) -> None:
    """Print each service's status as a table, or as JSON."""
    if as_json:
        console.data([dataclasses.asdict(one) for one in status])
        return
    console.table(
        ("service", "state", "health", "address", "container", "image", "origin"),
        (
            (
                one.service,
                one.state,
                one.health,
                " ".join(one.endpoints),
                one.container,
                one.image,
                one.origin,
            )
            for one in status
        ),
    )
