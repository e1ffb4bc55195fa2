"""Evidence: what was run or looked at, with what came of it; bounded, and without a secret."""

import os
import re
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from dashtam_tasks import processes
from dashtam_tasks.migration.boxes import Box, Evidence
from dashtam_tasks.migration.verification.secrecy import masked
from dashtam_tasks.migration.verification.subject import Subject

# What moves the cursor, clears lines and sets colours: ECMA-48, section 5.4.
CODES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
# What is kept of an output: its beginning, and its end, where the reasons are.
HEAD, TAIL = 1_000, 3_000
# What a task gets to take down what it began, once it was told to end.
GRACE_SECONDS = 60
# A task of ours finds its records by these, as a person's own call does.
OWN_VARIABLES = ("XDG_STATE_HOME", "DASHTAM_INSTANCE")


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that ended: its exit code, its output, and the evidence of both; `late` if it had to be ended.

    `errors` is what it wrote to its other output, where that was not one with the first.
    """

    code: int
    output: str
    evidence: Evidence
    errors: str = ""
    late: bool = False

    @property
    def everything(self) -> str:
        """Both outputs, secrets included."""
        return f"{self.output}{self.errors}"

    @property
    def problem(self) -> str:
        """Why it did not succeed, as a sentence; empty if it did."""
        if self.late:
            return f"`{self.evidence.command}` did not end in time."
        return f"`{self.evidence.command}` ended with exit code {self.code}." if self.code else ""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Takes the time of what is looked at; `command` is what a person would type to see the same."""

    subject: Subject
    command: str
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)

    def saw(self, output: object = "") -> Evidence:
        """Return the evidence of what came of it."""
        return Evidence(
            command=presentable(self.subject, self.command),
            started=self.started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - self.began, 3),
            output=bounded(presentable(self.subject, str(output).strip())),
        )


def presentable(subject: Subject, text: str) -> str:
    """Return a text without secrets and a terminal's codes, its paths written from the project's folder on."""
    return masked(CODES.sub("", text).replace(f"{subject.folder}/", ""), subject.secrets)


def presented(subject: Subject, boxes: Iterable[Box]) -> Iterator[Box]:
    """Yield boxes whose reasons can be shown: what Compose says may hold a value of an env file."""
    for one in boxes:
        yield msgspec.structs.replace(one, reason=bounded(presentable(subject, one.reason)))


def looked(subject: Subject, command: str, output: object = "") -> Evidence:
    """Return the evidence of what took no time worth telling."""
    return Watch(subject=subject, command=command).saw(output)


def bounded(text: str) -> str:
    """Return a text, without its middle where it is long."""
    left_out = len(text) - HEAD - TAIL
    return text if left_out <= 0 else f"{text[:HEAD]}\n[… {left_out} characters …]\n{text[-TAIL:]}"


def ran(
    subject: Subject,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
    shown: str = "",
    timeout: float = 120,
) -> Done:
    """Run a command in the project's folder to its end, at most `timeout` seconds.

    `shown` stands for it where its own words would not tell what it does. Raises DashtamError (UNAVAILABLE) when
    its program is missing or takes longer.
    """
    watch = Watch(subject=subject, command=shown or shlex.join(argv))
    done = processes.run(argv, cwd=subject.folder, environment=environment, stdin=stdin, timeout=timeout)
    both = watch.saw(f"{done.stdout}{done.stderr}")
    return Done(code=done.returncode, output=done.stdout, errors=done.stderr, evidence=both)


def typed(subject: Subject, *arguments: str, timeout: float) -> Done:
    """Run a task as a person types it in the project's folder, at most `timeout` seconds.

    On Ctrl-C it gets one as well, and the time to take down what it began. Raises DashtamError (UNAVAILABLE) when
    our programs are not installed beside this Python.
    """
    program = task_runner(subject.folder)
    watch = Watch(subject=subject, command=shlex.join([program.name, *arguments]))
    with tempfile.TemporaryFile() as output:
        process = processes.start(
            [str(program), *arguments],
            cwd=subject.folder,
            environment=dict(own_variables()),
            stdout=output,
            stderr=processes.STDOUT,
        )
        with processes.ending(process):
            finished = ended_in_time(process, timeout)
        output.seek(0)
        text = output.read().decode(errors="replace")
    return Done(code=process.returncode, output=text, evidence=watch.saw(text), late=not finished)


def ended_in_time(process: processes.Process, timeout: float) -> bool:
    """Return whether a process ended by itself; one that has to is told by SIGINT, and waited for."""
    try:
        if within(process, timeout):
            return True
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        within(process, GRACE_SECONDS)
        raise
    process.send_signal(signal.SIGINT)
    within(process, GRACE_SECONDS)
    return False


def within(process: processes.Process, seconds: float) -> bool:
    """Return whether a process ends within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if processes.ends(process):
            return True
    return False


def task_runner(folder: Path) -> Path:
    """Return the program that runs our tasks: `inv` where the project has a tasks.py, else `dashtam-tasks`."""
    name = "inv" if (folder / "tasks.py").is_file() else "dashtam-tasks"
    return Path(sys.executable).with_name(name)


def own_variables() -> Iterator[tuple[str, str]]:
    """Yield those of our variables by which tasks find what they know of an instance."""
    yield from ((name, os.environ[name]) for name in OWN_VARIABLES if name in os.environ)
