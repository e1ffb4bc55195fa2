"""The verdict on a run: its job's exit code, or what kept the job from having one of its own."""

import signal
from collections.abc import Mapping, Sequence

from dashtam_tasks import readiness
from dashtam_tasks.engine import Container, Event
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.pipeline.course import Course

# A shell's way to tell that a signal ended a command. A command's own exit code may be higher still.
SIGNALLED = 128
KILLED = range(SIGNALLED + 1, SIGNALLED + signal.NSIG)


def judge(environment: Environment, job: str, course: Course, containers: Sequence[Container]) -> int:
    """Return the job's exit code; `containers` are all of the run, and still there.

    Raises KeyboardInterrupt when Ctrl-C came. Raises DashtamError: with the job's exit code when it was killed, ran
    out of memory or lost a service that it needs; UNAVAILABLE when it was late, was not started, or ended well
    although it lost one.
    """
    if course.interrupted:
        raise KeyboardInterrupt
    if course.late:
        raise DashtamError(
            "Time was up before the run was over, and it was ended.", code=ExitCode.UNAVAILABLE
        )
    found = {one.service: one for one in containers}
    container = found.get(job)
    if container is None or not container.has_run:
        raise not_begun(environment, job, course, [one for one in found.values() if one.service != job])
    code = container.state.exit_code
    if course.casualty:
        raise lost(course.casualty, found, job, code or ExitCode.UNAVAILABLE)
    if container.state.oom_killed:
        raise DashtamError(
            f"{named(container)} ran out of memory: exit code {code}.",
            code=code or ExitCode.UNAVAILABLE,
            hint=f"Give it more (mem_limit in {environment.compose.file}), or the machine.",
        )
    if code in KILLED:
        raise DashtamError(
            f"{named(container)} was killed by {signal_name(code)}: exit code {code}.", code=code
        )
    return code


def not_begun(environment: Environment, job: str, course: Course, others: list[Container]) -> DashtamError:
    """Return the error that the job was never started, with what the services that failed last said."""
    failed = [one for one in others if not one.ready and not one.is_complete]
    reasons = [readiness.condition(one) for one in failed]
    ended = f"`docker compose up` failed with exit code {course.returncode}; see above."
    return DashtamError(
        "\n".join((*(reasons or [ended]), f"Service {job} was not started.")),
        code=ExitCode.UNAVAILABLE,
        details="\n".join(map(readiness.diagnosis, failed)),
        hint=f"Its log is kept: inv {environment.name}.logs" if failed else "",
    )


def lost(casualty: Event, found: Mapping[str, Container], job: str, code: int) -> DashtamError:
    """Return the error that a service died before the job was over; its container may have been removed since."""
    container = found.get(casualty.service)
    how = int(casualty.actor.attributes.get("exitCode", "0"))
    if container and container.state.oom_killed:
        words = "ran out of memory"
    else:
        words = f"was killed by {signal_name(how)}" if how in KILLED else "ended"
    name = named(container) if container else f"Service {casualty.service}"
    return DashtamError(
        f"{name} {words}, exit code {how}, before {job} was over: what {job} said is worth little.",
        code=code,
        details=readiness.diagnosis(container) if container else "",
    )


def named(container: Container) -> str:
    """Return a container as a person calls it."""
    return f"Service {container.service} ({container.name.removeprefix('/')})"


def signal_name(code: int) -> str:
    """Return the name of the signal that an exit code tells of, such as SIGKILL."""
    try:
        return signal.Signals(code - SIGNALLED).name
    except ValueError:
        return f"signal {code - SIGNALLED}"
