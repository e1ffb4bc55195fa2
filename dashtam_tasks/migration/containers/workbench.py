"""The workbench: a container of a volume's own image, in which its data are copied, compared and served.

It runs for as long as its standard input is open. The kernel closes that when we end, however we do, and the
engine removes the container then, with all that runs in it.
"""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dashtam_tasks import engine, processes
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.containers.executor import Executor, read_back

WORK_LABEL = "dashtam-tasks.volume"
SOURCE, TARGET = "/dashtam-tasks/source", "/dashtam-tasks/target"
# For sockets and logs; in memory, and gone with the container.
SCRATCH = "/dashtam-tasks/scratch"
READY = b"ready\n"
# Asked when it opens, since every command later costs tens of milliseconds: its `diff`, and the machine's memory.
ABOUT = "diff --version 2>&1 | cat; cat /proc/meminfo"
PATIENCE_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Workbench(Executor):
    """A container that waits for commands, which run as root unless a user is named, with no network.

    `about` is what ABOUT said in it.
    """

    about: bytes = b""


@contextmanager
def opened(
    image: str, *, subject: str, source: str = "", target: str = "", anonymous: bool = False
) -> Iterator[Workbench]:
    """Yield a workbench of an image with a volume to read as SOURCE and one to write as TARGET, if named.

    With `anonymous`, TARGET is an empty volume that goes with the container. `subject` is what `abandoned` finds it
    by. Nothing is pulled. Raises DashtamError: UNAVAILABLE when the engine does not start it, DATA when the image
    has no shell.
    """
    name = f"dashtam-tasks-volume-{secrets.token_hex(6)}"
    label = f"{WORK_LABEL}={subject}"
    every = (
        (source, f"source={source},target={SOURCE},readonly"),
        (target, f"source={target},target={TARGET}"),
        (anonymous, f"target={TARGET},volume-label={label}"),
    )
    wanted = [f"type=volume,volume-nocopy,{mount}" for is_wanted, mount in every if is_wanted]
    mounts = [part for mount in wanted for part in ("--mount", mount)]
    confined = ("--network", "none", "--user", "0:0", "--tmpfs", f"{SCRATCH}:mode=1777")
    marked = ("--name", name, "--label", label)
    run = ("docker", "run", "--rm", "--interactive", "--pull", "never", *confined, *marked, *mounts)
    argv = [*run, "--entrypoint", "sh", image, "-c", f"{ABOUT}; echo ready; exec cat"]
    with (
        tempfile.TemporaryFile() as stderr,
        processes.start(argv, stdin=processes.PIPE, stderr=stderr) as process,
    ):
        try:
            assert process.stdout is not None
            about = b""
            while (line := process.stdout.readline()) != READY:
                about += line
                if not line:
                    process.wait()
                    raise not_opened(image, process.returncode, read_back(stderr))
            yield Workbench(name=name, about=about)
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
    )


def abandoned(subject: str) -> tuple[str, ...]:
    """Return the ids of workbenches of a subject that an earlier run left."""
    return tuple(
        engine.docker(
            "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={WORK_LABEL}={subject}"
        ).split()
    )
