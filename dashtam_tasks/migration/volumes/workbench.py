"""The workbench: a container of a volume's own image, in which its data are copied, compared and served.

It runs for as long as its standard input is open. The kernel closes that when we end, however we do, and the
engine removes the container then, with all that runs in it.
"""

import os
import secrets
import selectors
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO

from dashtam_tasks import engine, processes
from dashtam_tasks.errors import DashtamError, ExitCode

WORK_LABEL = "dashtam-tasks.volume"
SOURCE, TARGET = "/dashtam-tasks/source", "/dashtam-tasks/target"
# For sockets and logs; in memory, and gone with the container.
SCRATCH = "/dashtam-tasks/scratch"
READY = b"ready\n"
CHUNK_BYTES = 1 << 20
PATIENCE_SECONDS = 20


def nothing_more() -> Iterable["Job"]:
    """Return that no job follows."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Job:
    """A command that runs beside others: `read` gets what it writes, `after` says what follows its end.

    `feed` is what it reads.
    """

    command: Sequence[str]
    feed: bytes = b""
    read: Callable[[bytes], None] = lambda _: None
    after: Callable[[], Iterable["Job"]] = nothing_more


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """A container that waits for commands; they run as root unless a user is named, with no network."""

    name: str

    def argv(self, *command: str, user: str = "", folder: str = "/") -> list[str]:
        """Return the command line that runs a command in the container."""
        chosen = ("--user", user) if user else ()
        return ["docker", "exec", "--interactive", "--workdir", folder, *chosen, self.name, *command]

    def output(self, *command: str, feed: bytes = b"", user: str = "", folder: str = "/") -> bytes:
        """Return what a command writes that reads `feed`.

        Raises DashtamError: IO with its words when it fails, UNAVAILABLE when the engine does.
        """
        argv = self.argv(*command, user=user, folder=folder)
        with processes.ending(processes.start(argv, stdin=processes.PIPE)) as process:
            stdout, stderr = process.communicate(feed)
        self.check(process.returncode, command, stderr)
        return stdout

    def read_from(self, file: IO[bytes], *command: str) -> bytes:
        """Return what a command writes that reads a file of ours; raise DashtamError as `output` does."""
        argv = self.argv(*command)
        with processes.ending(processes.start(argv, stdin=file)) as process:
            stdout, stderr = process.communicate()
        self.check(process.returncode, command, stderr)
        return stdout

    def write(self, *command: str, user: str, target: IO[bytes], report: Callable[[int], None]) -> None:
        """Put what a command writes into a file; raise DashtamError as `output` does."""
        with (
            tempfile.TemporaryFile() as stderr,
            processes.ending(processes.start(self.argv(*command, user=user), stderr=stderr)) as process,
        ):
            assert process.stdout is not None
            with process.stdout as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    target.write(chunk)
                    report(len(chunk))
            process.wait()
            self.check(process.returncode, command, read_back(stderr))

    def together(self, jobs: Iterable[Job]) -> None:
        """Run jobs side by side, each from when it is yielded, and those that follow them.

        Raises DashtamError as `output` does.
        """
        with selectors.DefaultSelector() as selector, ExitStack() as stack:
            self.begin(jobs, selector, stack)
            while selector.get_map():
                for key, _ in selector.select():
                    job, process, stderr = key.data
                    if chunk := os.read(key.fd, CHUNK_BYTES):
                        job.read(chunk)
                        continue
                    selector.unregister(key.fileobj)
                    self.check(process.wait(), job.command, read_back(stderr))
                    self.begin(job.after(), selector, stack)

    def begin(self, jobs: Iterable[Job], selector: selectors.BaseSelector, stack: ExitStack) -> None:
        """Start jobs; leaving the stack ends them."""
        for job in jobs:
            process, stderr = stack.enter_context(self.started(job))
            assert process.stdout is not None
            selector.register(process.stdout, selectors.EVENT_READ, (job, process, stderr))

    @contextmanager
    def started(self, job: Job) -> Iterator[tuple[processes.Process, IO[bytes]]]:
        """Yield the process of a job, and the file that has what it says to stderr."""
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
            stdin.write(job.feed)
            stdin.seek(0)
            process = processes.start(self.argv(*job.command), stdin=stdin, stderr=stderr)
            assert process.stdout is not None
            with processes.ending(process), process.stdout:
                yield process, stderr

    def check(self, returncode: int, command: Sequence[str], stderr: bytes) -> None:
        """Raise the error of a command that failed: UNAVAILABLE without its engine or container, else IO."""
        if not returncode:
            return
        engine.version()
        lives = processes.run(["docker", "container", "inspect", "--format", "{{.State.Running}}", self.name])
        if lives.stdout.strip() != "true":
            raise DashtamError(
                f"The container {self.name}, in which volumes are worked on, ended in the middle.",
                code=ExitCode.UNAVAILABLE,
                details=stderr.decode(errors="replace"),
                hint="Run the same command again: it starts over with what was not finished.",
            )
        raise DashtamError(
            f"{command[0]} failed with exit code {returncode} in a container of the volume's image.",
            code=ExitCode.IO,
            details=stderr.decode(errors="replace"),
        )


@contextmanager
def opened(image: str, *, subject: str, source: str = "", target: str = "") -> Iterator[Workbench]:
    """Yield a workbench of an image with a volume to read as SOURCE and one to write as TARGET, if named.

    `subject` is what `abandoned` finds it by. Nothing is pulled. Raises DashtamError: UNAVAILABLE when the engine
    does not start it, DATA when the image has no shell.
    """
    name = f"dashtam-tasks-volume-{secrets.token_hex(6)}"
    mounts = [
        part
        for volume, path, mode in ((source, SOURCE, ",readonly"), (target, TARGET, ""))
        if volume
        for part in ("--mount", f"type=volume,source={volume},target={path}{mode},volume-nocopy")
    ]
    confined = ("--network", "none", "--user", "0:0", "--tmpfs", f"{SCRATCH}:mode=1777")
    marked = ("--name", name, "--label", f"{WORK_LABEL}={subject}")
    run = ("docker", "run", "--rm", "--interactive", "--pull", "never", *confined, *marked, *mounts)
    argv = [*run, "--entrypoint", "sh", image, "-c", "echo ready; exec cat"]
    with (
        tempfile.TemporaryFile() as stderr,
        processes.start(argv, stdin=processes.PIPE, stderr=stderr) as process,
    ):
        try:
            assert process.stdout is not None
            if process.stdout.readline() != READY:
                process.wait()
                raise not_opened(image, process.returncode, read_back(stderr))
            yield Workbench(name=name)
        finally:
            close(name, process)


def close(name: str, process: processes.Process) -> None:
    """End a workbench, and all that still runs in it."""
    assert process.stdin is not None
    process.stdin.close()
    if any(processes.ends(process) for _ in range(PATIENCE_SECONDS)):
        return
    processes.run(["docker", "rm", "--force", "--volumes", name])
    with processes.ending(process):
        pass


def not_opened(image: str, returncode: int, stderr: bytes) -> DashtamError:
    """Return the error that a container of an image did not start."""
    engine.version()
    has_shell = returncode not in {126, 127}
    return DashtamError(
        f"A container of the image {image} could not be started to work on a volume."
        if has_shell
        else f"The image {image} has no shell, so that its volumes cannot be copied in it.",
        code=ExitCode.UNAVAILABLE if has_shell else ExitCode.DATA,
        details=stderr.decode(errors="replace"),
        hint="" if has_shell else "Let the new file use the old volume: --volumes=adopt",
    )


def read_back(file: IO[bytes]) -> bytes:
    """Return all that was written to a temporary file."""
    file.seek(0)
    return file.read()


def abandoned(subject: str) -> tuple[str, ...]:
    """Return the ids of workbenches of a subject that an earlier run left."""
    return tuple(
        engine.docker(
            "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={WORK_LABEL}={subject}"
        ).split()
    )
