"""An image reference: whether the engine has it, whether a registry answers for it, and its pull."""

import re
import select
from typing import TYPE_CHECKING

from dashtam_tasks import engine, processes
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.processes import DEVNULL, PIPE

if TYPE_CHECKING:
    from python_on_whales import Image

REQUEST = "GET /distribution/{reference}/json HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"
STATUS_LINE = re.compile(rb"HTTP/\d\.\d (\d{3}) ")
FIRST_SERVER_ERROR = 500


def find(reference: str) -> "Image | None":
    """Return the image that the engine has under `reference`, None when it has none.

    Raises DashtamError (UNAVAILABLE) when no engine answers.
    """
    from python_on_whales import ClientNotFoundError, DockerException

    try:
        return engine.client().image.inspect(reference)
    except (ClientNotFoundError, DockerException):
        # The exit code alone does not tell a missing image from a missing engine.
        engine.version()
        return None


def labels(image: "Image") -> dict[str, str]:
    """Return the labels of an image."""
    return image.config.labels or {}


def registry_answers(reference: str, *, timeout: float) -> bool:
    """Return whether a registry answers for `reference` within `timeout` seconds, be it with a refusal.

    The engine asks it, over its own proxies and mirrors, and says in a status from 500 on that it had no answer:
    https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Distribution. `dial-stdio` is how the
    docker command itself reaches the API of a context on another machine.
    """
    argv = ["docker", "system", "dial-stdio"]
    with processes.start(argv, stdin=PIPE, stderr=DEVNULL) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            # It stays open: the engine drops a request whose sender has hung up.
            process.stdin.write(REQUEST.format(reference=reference).encode())
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], timeout)
            status = STATUS_LINE.match(process.stdout.readline()) if ready else None
        finally:
            # It only relays, and would wait for the engine's answer before it heeds SIGTERM.
            process.kill()
    return status is not None and int(status[1]) < FIRST_SERVER_ERROR


def pull(reference: str) -> None:
    """Pull `reference`, however long that takes.

    Raises DashtamError (UNAVAILABLE) with the registry's words when it refuses.
    """
    done = processes.run(["docker", "pull", "--quiet", reference])
    if done.returncode:
        raise DashtamError(
            f"{reference} could not be pulled, though a registry answered.",
            code=ExitCode.UNAVAILABLE,
            details=done.stderr,
            hint="Look at its name and at `docker login`, or build it: inv images.build",
        )
