"""Readiness: bring services up, follow the engine's events, and stop at the first service that fails.

Ready means that Compose's own `--wait` is content and that each configured endpoint answers over its published
port. Compose alone waits for ever on a service that keeps dying under a restart policy; the events tell.
"""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from dashtam_tasks import engine, processes
from dashtam_tasks.compose import Compose
from dashtam_tasks.engine import Event
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.happenings import Ended, following

STATES = {
    "create": "created",
    "start": "started",
    "health_status: healthy": "healthy",
    "health_status: unhealthy": "unhealthy",
    "die": "exited",
}


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A service reached a state, so many seconds after the beginning."""

    service: str
    state: str
    seconds: float


# Opens what shows progress, for as long as there is some: a terminal's live display ends before others write to it.
Display = Callable[[], AbstractContextManager[Callable[[Progress], None]]]


@dataclass
class Watch:
    """Reads events and remembers what is needed to tell a failure from an ordered stop."""

    report: Callable[[Progress], None]
    began: float = field(default_factory=time.monotonic)
    stopping: set[str] = field(default_factory=set)

    def failed(self, event: Event) -> bool:
        """Report the event's state and return whether it means that its service failed.

        Compose replaces a container by a `kill` and then its death; a death without one is a crash.
        """
        attributes, container = event.actor.attributes, event.actor.id
        if event.action == "kill":
            self.stopping.add(container)
        state = STATES.get(event.action)
        if state is None or container in self.stopping or not event.service:
            return False
        self.report(Progress(service=event.service, state=state, seconds=time.monotonic() - self.began))
        return state == "unhealthy" or (state == "exited" and attributes.get("exitCode") != "0")


def bring_up(
    compose: Compose,
    *,
    project: str,
    arguments: tuple[str, ...],
    timeout: float,
    report: Callable[[Progress], None],
) -> None:
    """Run `docker compose ARGUMENTS` to its end while reporting each service's progress.

    `arguments` is an `up --wait`; `timeout` is in seconds. Raises DashtamError (UNAVAILABLE) as soon as a
    service dies or turns unhealthy, or when time is up, with its last log lines and its health check's output.
    """
    watch = Watch(report=report)
    arguments = (*arguments, "--wait-timeout", str(math.ceil(timeout)))
    with following(compose, project, arguments, stdout=processes.DEVNULL) as happenings:
        while True:
            happening = happenings.get()
            if isinstance(happening, Ended):
                if happening.returncode:
                    late = time.monotonic() - watch.began >= timeout
                    raise not_ready(project, stderr=happening.stderr, waited=timeout if late else None)
                return
            if watch.failed(happening):
                raise not_ready(project, failure=happening)


def not_ready(
    project: str, *, stderr: str = "", failure: Event | None = None, waited: float | None = None
) -> DashtamError:
    """Return the error that names the services that are not ready, with what they and Compose last said.

    `waited` is the number of seconds after which patience ended, if that is what happened.
    """
    engine.version()
    found = engine.project_containers(project)
    failed = [one for one in found if failure and one.id == failure.actor.id]
    failed = failed or [one for one in found if not one.ready]
    reasons = [condition(one, failure) for one in failed] or [f"Compose could not start {project}."]
    if waited is not None:
        reasons.insert(0, f"Not everything was ready after {waited:g} s.")
    return DashtamError(
        "\n".join(reasons),
        code=ExitCode.UNAVAILABLE,
        details="\n".join((*map(diagnosis, failed), stderr)).strip(),
        hint="What started was left running, to be looked at; `down` stops it." if found else "",
    )


def condition(container: engine.Container, failure: Event | None = None) -> str:
    """Return one line that says how a container is not ready."""
    state, name = container.state, f"Service {container.service} ({container.name.removeprefix('/')})"
    if failure and failure.action == "die":
        return f"{name} exited with code {failure.actor.attributes.get('exitCode')}."
    if state.status == "running" and state.health:
        return f"{name} is {state.health.status}."
    return f"{name} is {state.status}, exit code {state.exit_code}."


def diagnosis(container: engine.Container) -> str:
    """Return a container's last log lines, and its health check's last output if that failed."""
    parts = [f"--- the last lines of {container.service}'s log", engine.log_tail(container.id).rstrip()]
    probes = container.state.health.log or () if container.state.health else ()
    if probes and probes[-1].exit_code:
        parts += [f"--- health check of {container.service}, exit code {probes[-1].exit_code}"]
        parts += [probes[-1].output.rstrip()]
    return "\n".join(parts)
