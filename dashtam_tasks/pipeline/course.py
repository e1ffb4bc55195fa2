"""The course of a run: what happens between the start of its containers and the end of its job."""

import math
import queue
import time
from dataclasses import dataclass, field, replace

from dashtam_tasks import engine
from dashtam_tasks.compose import Model
from dashtam_tasks.engine import Container, Event
from dashtam_tasks.environments import Environment
from dashtam_tasks.happenings import Ended, Happenings, following

# What a job gets to end in good order once it was told to: pytest tears its fixtures down and writes its reports.
GRACE_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a run went.

    `returncode` is Compose's, None if it had to be ended. `begun` says that the job was started, `casualty` is the
    death of another service before it was over. `interrupted` says that Ctrl-C came, `late` after how many
    seconds time was up.
    """

    returncode: int | None = None
    begun: bool = False
    casualty: Event | None = None
    interrupted: bool = False
    late: float | None = None


def follow(environment: Environment, job: str, *, timeout: float | None) -> Course:
    """Run the job beside the other services until it ends, showing what it writes, and return how that went.

    It is told to end after `timeout` seconds, when a service that it needs dies, and on Ctrl-C. Raises
    KeyboardInterrupt when that comes again, or before the job runs.
    """
    # With a menu, Compose would read the terminal.
    variables = {**environment.compose.variables, "COMPOSE_MENU": "false"}
    compose = replace(environment.compose, variables=variables)
    arguments = ("up", "--build", "--abort-on-container-exit", "--exit-code-from", job)
    # What is stopped is removed next, so it needs no time to stop.
    options = ("--attach", job, "--no-log-prefix", "--timeout", "0")
    project = environment.model.name
    attendant = Attendant(model=environment.model, job=job, timeout=timeout)
    with following(compose, project, (*arguments, *options), stdout=None, stderr=None) as happenings:
        return attendant.attend(happenings)


@dataclass(kw_only=True)
class Attendant:
    """Follows a run, and tells its job to end when that is due."""

    model: Model
    job: str
    timeout: float | None
    deadline: float = math.inf
    told: bool = False
    over: bool = False
    course: Course = field(default_factory=Course)

    def attend(self, happenings: Happenings) -> Course:
        """Return how the run went, once Compose ended or has to be ended."""
        self.deadline = time.monotonic() + (math.inf if self.timeout is None else self.timeout)
        while True:
            try:
                happening = happenings.get(timeout=self.patience())
            except queue.Empty:
                if not self.told:
                    self.course = replace(self.course, late=self.timeout)
                if not self.tell():
                    self.give_up()
                    return self.course
            except KeyboardInterrupt:
                if not self.tell():
                    self.give_up()
                    raise
                self.course = replace(self.course, interrupted=True)
            else:
                if isinstance(happening, Ended):
                    return replace(self.course, returncode=happening.returncode)
                self.note(happening)

    def patience(self) -> float | None:
        """Return the seconds until the deadline, None if there is none."""
        return None if self.deadline == math.inf else max(0.0, self.deadline - time.monotonic())

    def note(self, event: Event) -> None:
        """Note an event, and tell the job to end if it needs what has died."""
        if event.service == self.job:
            self.over = self.over or event.action == "die"
            if event.action == "start":
                self.course = replace(self.course, begun=True)
                if self.course.casualty:
                    self.tell()
        elif event.action == "die" and not self.over and not self.course.casualty and self.matters(event):
            self.course = replace(self.course, casualty=event)
            self.tell()

    def matters(self, event: Event) -> bool:
        """Return whether the death of another service spoils the run; some are meant to end, and well."""
        failed = event.actor.attributes.get("exitCode") != "0"
        return bool(event.service) and (
            failed or event.service in self.model.selection([self.job]) - self.model.jobs
        )

    def tell(self) -> bool:
        """Tell the job to end and return True; return False if it was told before, or does not run."""
        if self.told:
            return False
        self.told = engine.interrupt([one.id for one in self.running() if one.service == self.job])
        if self.told:
            self.deadline = time.monotonic() + GRACE_SECONDS
        return self.told

    def give_up(self) -> None:
        """Kill what runs; Compose would wait ten seconds for a service that is not healthy yet."""
        engine.kill([one.id for one in self.running()])

    def running(self) -> list[Container]:
        """Return the containers of the run that run."""
        return [one for one in engine.project_containers(self.model.name) if one.is_running]
