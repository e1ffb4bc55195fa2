"""Executor: commands run in a container that runs, one by one or side by side."""

import os
import selectors
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO

from dashtam_tasks import engine, processes
from dashtam_tasks.errors import DashtamError, ExitCode

CHUNK_BYTES = 1 << 20


def nothing_more(_: int) -> Iterable["Job"]:
    """Return that no job follows."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Job:
    """A command that runs beside others: `read` gets what it writes, `after` says what follows its exit code.

    `feed` is what it reads, `answers` are the exit codes that are no failures.
    """

    command: Sequence[str]
    feed: bytes = b""
    answers: Sequence[int] = (0,)
    read: Callable[[bytes], None] = lambda _: None
    after: Callable[[int], Iterable["Job"]] = nothing_more


@dataclass(frozen=True, kw_only=True)
class Executor:
    """A container that runs, by its name, and the command that each other is an argument of, if any."""

    name: str
    prefix: Sequence[str] = ()

    def argv(self, *command: str, user: str = "", folder: str = "/") -> list[str]:
        """Return the command line that runs a command in the container, as its own user unless one is named."""
        chosen = ("--user", user) if user else ()
        options = ("--interactive", "--workdir", folder, *chosen)
        return ["docker", "exec", *options, self.name, *self.prefix, *command]

    def output(
        self, *command: str, feed: bytes | IO[bytes] = b"", user: str = "", folder: str = "/"
    ) -> bytes:
        """Return what a command writes that reads `feed`, bytes or a file of ours.

        Raises DashtamError: IO with its words when it fails, UNAVAILABLE when the engine does.
        """
        argv = self.argv(*command, user=user, folder=folder)
        given = feed if isinstance(feed, bytes) else None
        stdin = processes.PIPE if isinstance(feed, bytes) else feed
        with processes.ending(processes.start(argv, stdin=stdin)) as process:
            stdout, stderr = process.communicate(given)
        self.check(process.returncode, command, stderr)
        return stdout

    def write(self, *command: str, user: str, target: IO[bytes], report: Callable[[int], None]) -> None:
        """Put what a command writes into a file; raise DashtamError as `output` does."""
        returncode, stderr = written(self.argv(*command, user=user), target, report)
        self.check(returncode, command, stderr)

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
                    code = process.wait()
                    if code not in job.answers:
                        self.check(code, job.command, read_back(stderr))
                    self.begin(job.after(code), selector, stack)

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
                f"The container {self.name} ended in the middle of {command[0]}.",
                code=ExitCode.UNAVAILABLE,
                details=stderr.decode(errors="replace"),
                hint="Run the same command again: it starts over with what was not finished.",
            )
        raise DashtamError(
            f"{command[0]} failed with exit code {returncode} in the container {self.name}.",
            code=ExitCode.IO,
            details=stderr.decode(errors="replace"),
        )


def written(argv: Sequence[str], target: IO[bytes], report: Callable[[int], None]) -> tuple[int, bytes]:
    """Put what a command of ours writes into a file, and return its exit code and what it says to stderr.

    `report` gets the bytes of each piece.
    """
    with (
        tempfile.TemporaryFile() as stderr,
        processes.ending(processes.start(argv, stderr=stderr)) as process,
    ):
        assert process.stdout is not None
        with process.stdout as stream:
            while chunk := stream.read(CHUNK_BYTES):
                target.write(chunk)
                report(len(chunk))
        return process.wait(), read_back(stderr)


def read_back(file: IO[bytes]) -> bytes:
    """Return all that was written to a temporary file."""
    file.seek(0)
    return file.read()
