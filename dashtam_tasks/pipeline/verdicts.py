"""The verdict on a run: its job's exit code, or what kept the job from having one of its own."""

import signal
from collections.abc import Mapping, Sequence

from dashtam_tasks import readiness
from dashtam_tasks.engine import Container, Event
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.pipeline.course import Course

# A shell's way to tell that a signal ended a command. A command's own exit code may be as high.
SIGNALLED = 128
DEADLY = "SIGHUP SIGINT SIGQUIT SIGILL SIGABRT SIGBUS SIGFPE SIGKILL SIGSEGV SIGPIPE SIGALRM SIGTERM".split()
KILLED = {SIGNALLED + signal.Signals[name]: name for name in DEADLY}


def judge(environment: Environment, job: str, course: Course, containers: Sequence[Container]) -> int:
    """Return the job's exit code; `containers` are all of the run, and still there.

    Raises KeyboardInterrupt when Ctrl-C came. Raises DashtamError: with the job's exit code when it was killed, ran
    out of memory, or failed after losing a service that it needs; UNAVAILABLE when it was late, was not started or
    was removed, or has no exit code of its own although it lost one.
    """
    if course.interrupted:
        raise KeyboardInterrupt
    if course.late is not None:
        raise DashtamError(
            f"Time was up after {course.late:g} s, before the run was over, and it was ended.",
            code=ExitCode.UNAVAILABLE,
            hint=f"What its services said is kept: {environment.command('logs')}",
        )
    found = {one.service: one for one in containers}
    container = found.get(job)
    if container is None or not container.has_run:
        raise without_job(environment, job, course, [one for one in found.values() if one.service != job])
    code = container.state.exit_code
    if course.casualty:
        # Told to end, the job has no code of its own where it ended well, or by our signal.
        raise lost(course.casualty, found, job, code if 0 < code < SIGNALLED else ExitCode.UNAVAILABLE)
    if container.state.oom_killed:
        raise DashtamError(
            f"{named(container)} ran out of memory: exit code {code}.",
            code=code or ExitCode.UNAVAILABLE,
            hint=f"Give it more (mem_limit in {environment.compose.file}), or the machine.",
        )
    if code in KILLED:
        raise DashtamError(f"{named(container)} was killed by {KILLED[code]}: exit code {code}.", code=code)
    return code


def without_job(environment: Environment, job: str, course: Course, others: list[Container]) -> DashtamError:
    """Return the error that the job never ran, or was removed, with what the services that failed last said."""
    failed = [one for one in others if one.has_run and not one.ready and not one.is_complete]
    reasons = [] if course.begun else [readiness.condition(one) for one in failed]
    ended = f"`docker compose up` failed with exit code {course.returncode}; see above."
    end = f"Service {job} was {'removed before it was over' if course.begun else 'not started'}."
    return DashtamError(
        "\n".join((*(reasons or [ended]), end)),
        code=ExitCode.UNAVAILABLE,
        details="\n".join(map(readiness.diagnosis, failed)) if reasons else "",
        hint=f"Its log is kept: {environment.command('logs')}" if reasons else "",
    )


def lost(casualty: Event, found: Mapping[str, Container], job: str, code: int) -> DashtamError:
    """Return the error that a service died before the job was over; its container may have been removed since."""
    container = found.get(casualty.service)
    how = int(casualty.actor.attributes.get("exitCode", "0"))
    if container and container.state.oom_killed:
        words = "ran out of memory"
    else:
        words = f"was killed by {KILLED[how]}" if how in KILLED else "ended"
    name = named(container) if container else f"Service {casualty.service}"
    return DashtamError(
        f"{name} {words}, exit code {how}, before {job} was over: what {job} said is worth little.",
        code=code,
        details=readiness.diagnosis(container) if container else "",
    )


def named(container: Container) -> str:
    """Return a container as a person calls it."""
    return f"Service {container.service} ({container.name.removeprefix('/')})"
