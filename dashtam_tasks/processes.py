"""Start processes: the only module that does.

Commands are lists, environments are built. A child never inherits the whole of the caller's environment, so
that a variable in a developer's shell cannot change what an environment runs.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO

from dashtam_tasks.errors import DashtamError, ExitCode

# docker stop gives a container as long.
GRACE_SECONDS = 10

# For the other modules, which hold processes but do not start them.
DEVNULL, PIPE, STDOUT = subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT
Process = subprocess.Popen[bytes]

INHERITED_NAMES = frozenset(
    "PATH HOME USER LOGNAME SHELL TERM COLORTERM NO_COLOR LANG LANGUAGE TZ TMPDIR COLUMNS LINES"
    " XDG_RUNTIME_DIR XDG_CONFIG_HOME SSH_AUTH_SOCK SSL_CERT_FILE SSL_CERT_DIR"
    " HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy"
    " CI GITHUB_ACTIONS GITLAB_CI BUILDKITE JENKINS_URL TF_BUILD".split()
)
INHERITED_PREFIXES = ("LC_", "DOCKER_", "BUILDKIT_", "BUILDX_", "COMPOSE_")

# These choose the project, its files or its profiles. Only settings do that.
REFUSED_NAMES = frozenset(
    "COMPOSE_FILE COMPOSE_PATH_SEPARATOR COMPOSE_PROJECT_NAME COMPOSE_PROFILES COMPOSE_ENV_FILES"
    " COMPOSE_DISABLE_ENV_FILE COMPOSE_REMOVE_ORPHANS COMPOSE_IGNORE_ORPHANS".split()
)


@dataclass(frozen=True, kw_only=True)
class Completed:
    """What a finished process left: its exit code and its two outputs, undecoded bytes as UTF-8 text."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str


def is_inherited(name: str) -> bool:
    """Return whether a child gets a variable of ours, since its tools go by that."""
    return name not in REFUSED_NAMES and (name in INHERITED_NAMES or name.startswith(INHERITED_PREFIXES))


def child_environment(declared: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child: what every tool needs, and `declared` on top."""
    inherited = {name: value for name, value in os.environ.items() if is_inherited(name)}
    return inherited | dict(declared or {})


@contextmanager
def starting(argv: Sequence[str]) -> Iterator[None]:
    """Turn the absence of a program into an error that names it.

    Raises DashtamError (UNAVAILABLE) when the program is not on PATH or may not be executed.
    """
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        if error.filename not in (argv[0], None):
            raise
        raise DashtamError(
            f"{argv[0]} could not be started: {os.strerror(error.errno or 0)}.",
            code=ExitCode.UNAVAILABLE,
            hint=f"Install {Path(argv[0]).name}, or run the same command through ./bootstrap.",
        ) from error


def run(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run a command to its end and return what it left; a non-zero exit code is not an error here.

    `timeout` is in seconds. Raises DashtamError (UNAVAILABLE) when the program is missing or takes longer.
    """
    with starting(argv):
        try:
            done = subprocess.run(
                argv,
                env=child_environment(environment),
                cwd=cwd,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=timeout,
                # Ctrl-C at a terminal is for us to answer, in one way.
                process_group=0,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DashtamError(
                f"{' '.join(argv)} did not end within {timeout:g} s.", code=ExitCode.UNAVAILABLE
            ) from error
    return Completed(argv=tuple(argv), returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)


def start(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: IO[bytes] | int = DEVNULL,
    stdout: IO[bytes] | int | None = PIPE,
    stderr: IO[bytes] | int | None = PIPE,
) -> Process:
    """Start a command whose output is read, or whose input is written, as bytes while it runs.

    None as an output means our own. It gets a process group of its own: Ctrl-C reaches us, and we end it in our own
    order, also one that comes meanwhile. Raises DashtamError (UNAVAILABLE) when the program is missing.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    received: list[int] = []
    with starting(argv), handling(lambda number, _frame: received.append(number), *answered()):
        process = subprocess.Popen(
            argv,
            env=child_environment(environment),
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            process_group=0,
        )
    try:
        # One that came while there was no child to end yet.
        for number in received:
            signal.raise_signal(number)
    except BaseException:
        # Its pipes are closed as well: nobody else knows of them.
        with process, ending(process):
            raise
    return process


def answered() -> tuple[int, ...]:
    """Return the signals that interrupt us here: a child ignores what we do, and threads get none."""
    if threading.current_thread() is not threading.main_thread():
        return ()
    return tuple(one for one in (signal.SIGINT, signal.SIGTERM) if callable(signal.getsignal(one)))


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM, and the SIGHUP of a closed terminal, count as Ctrl-C, so that what was made is taken down."""
    with handling(signal.default_int_handler, signal.SIGTERM, signal.SIGHUP):
        yield


@contextmanager
def unhurried() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP wait until what must not be left half done is done.

    Raises KeyboardInterrupt then, when one came.
    """
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with handling(lambda number, _frame: received.append(number), *numbers):
        yield
    if received:
        raise KeyboardInterrupt


@contextmanager
def handling(handler: Callable[[int, FrameType | None], object], *numbers: int) -> Iterator[None]:
    """Let `handler` have these signals, and give them back to who had them before.

    A SIGHUP that is ignored stays so: that is what nohup is for.
    """
    deaf = {signal.SIGHUP} if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else set()
    previous = {number: signal.signal(number, handler) for number in numbers if number not in deaf}
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)


@contextmanager
def ending(process: Process) -> Iterator[Process]:
    """Yield `process`; on leaving, end it if it still runs: asked first, and after a while without asking."""
    try:
        yield process
    finally:
        # Not SIGINT: who is started in the background by a shell ignores that, and so do its children.
        if process.poll() is None:
            process.terminate()
        if not ends(process):
            # docker passes no signal on before its plugin listens; then the whole group is asked again and again.
            for number in (*[signal.SIGTERM] * (GRACE_SECONDS - 1), signal.SIGKILL):
                # Who waits for it elsewhere may have seen its end before us.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                if ends(process):
                    break
            process.wait()


def ends(process: Process) -> bool:
    """Return whether a process ends within a second."""
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        return False
    return True


def attach(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: IO[bytes] | int | None = None,
    stdout: IO[str] | None = None,
    interrupt: Callable[[], bool] | None = None,
) -> int:
    """Run a command with our own standard streams and return its exit code, 128+N after signal N.

    `stdin` and `stdout` stand in for ours. A command that fails after Ctrl-C, whatever its own exit code says,
    was interrupted (130). At a terminal the child shares our process group, so the terminal itself signals it.
    Elsewhere it has a group of its own, which SIGINT and SIGTERM are passed on to, so that each arrives once.
    With `interrupt` it always has one, and the first SIGINT calls that instead, unless it returns False.
    Raises DashtamError (UNAVAILABLE) when the program is missing.
    """
    interactive = interrupt is None and sys.stdin is not None and sys.stdin.isatty()
    sys.stdout.flush()
    sys.stderr.flush()
    with waking() as woken, passing_signals(forward=not interactive, interrupt=interrupt) as passing:
        with starting(argv):
            process = subprocess.Popen(
                argv,
                env=child_environment(environment),
                cwd=cwd,
                stdin=stdin,
                stdout=stdout,
                process_group=None if interactive else 0,
            )
        passing.to(process)
        while (returncode := process.poll()) is None:
            woken()
    if returncode and signal.SIGINT in passing.received:
        return ExitCode.INTERRUPTED
    return returncode if returncode >= 0 else 128 - returncode


@contextmanager
def waking() -> Iterator[Callable[[], object]]:
    """Yield what waits until a child has ended or a signal has come since it was last called.

    A signal that comes just before waitpid(2), or to another thread, does not end that: its handler would only run
    after the child's end. A byte in a socket waits for whoever reads it.
    """
    with ExitStack() as stack:
        reader, writer = (stack.enter_context(end) for end in socket.socketpair())
        writer.settimeout(0)
        previous = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        stack.callback(signal.set_wakeup_fd, previous)
        stack.enter_context(handling(lambda _number, _frame: None, signal.SIGCHLD))
        yield partial(reader.recv, 4096)


@dataclass
class Passing:
    """What becomes of SIGINT and SIGTERM: they are the child's, also those that came before there was one."""

    forward: bool
    interrupt: Callable[[], bool] | None
    process: Process | None = None
    received: set[int] = field(default_factory=set)
    pending: list[int] = field(default_factory=list)

    def to(self, process: Process) -> None:
        """Let the child be this one."""
        self.process = process
        self.flush()

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal. This may come in the middle of anything, itself included."""
        self.pending.append(number)
        self.flush()

    def flush(self) -> None:
        """Pass on what is pending, each once."""
        while self.process and self.pending:
            self.pass_on(self.process, self.pending.pop(0))

    def pass_on(self, process: Process, number: int) -> None:
        """Let the child have a signal, in the way that attach describes."""
        first = number not in self.received
        self.received.add(number)
        if number == signal.SIGINT and first and self.interrupt and self.interrupt():
            return
        if self.forward and process.poll() is None:
            # As from a terminal: with one to write to, docker leaves it to that to signal its plugins.
            os.killpg(process.pid, number)
        elif number == signal.SIGTERM:
            process.send_signal(number)


@contextmanager
def passing_signals(*, forward: bool, interrupt: Callable[[], bool] | None) -> Iterator[Passing]:
    """Yield what passes SIGINT and SIGTERM to a child meanwhile; `interrupt` is that of attach."""
    passing = Passing(forward, interrupt)
    with handling(passing.handle, signal.SIGINT, signal.SIGTERM):
        yield passing
