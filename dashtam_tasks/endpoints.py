"""Endpoints: whether a published address answers, with a certificate that we trust."""

import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from dashtam_tasks.errors import DashtamError, ExitCode

# A server under reload is away for a moment although its last health check passed, and may say so by a 5xx status.
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.1


def require_answers(urls: Iterable[str], ca: Path) -> None:
    """Return once every URL answered with a 2xx status.

    Raises DashtamError (UNAVAILABLE) for the first that does not within a few seconds, with what it said.
    """
    for url in urls:
        problem = patiently(url, ca)
        if problem:
            raise DashtamError(
                f"{url} does not answer as it should: {problem}",
                code=ExitCode.UNAVAILABLE,
                hint="Its service is healthy. After new certificates it needs `inv dev.restart`; `inv doctor` "
                "looks at certificates and ports.",
            )


def patiently(url: str, ca: Path) -> str:
    """Ask `url` until it answers or patience ends; return what is wrong then, empty when nothing is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while True:
        problem, is_final = ask(url, ca)
        if is_final or time.monotonic() > deadline:
            return problem
        pause.wait(PAUSE_SECONDS)


def ask(url: str, ca: Path) -> tuple[str, bool]:
    """Send one GET request; return what is wrong, empty for a 2xx answer, and whether asking again is no use."""
    try:
        with answer(url, lambda: trusting(ca), timeout=PATIENCE_SECONDS) as found:
            if found.status // 100 == HTTPStatus.OK // 100:
                return "", True
            said = f"{found.status} {found.reason}: {found.read(500).decode(errors='replace')}"
            return said, found.status < HTTPStatus.INTERNAL_SERVER_ERROR
    except ssl.SSLCertVerificationError as error:
        return error.verify_message, True
    except OSError as error:
        return str(error), False
    except http.client.HTTPException as error:
        return repr(error), False


@contextmanager
def answer(
    url: str, context: Callable[[], ssl.SSLContext], *, timeout: float
) -> Iterator[http.client.HTTPResponse]:
    """Yield the answer to one GET request, whatever its status; `context` is for https alone.

    `timeout` is in seconds. Raises OSError and http.client.HTTPException.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "localhost", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=timeout, context=context())
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=timeout)
    )
    with closing(connection):
        connection.request("GET", urlunsplit(("", "", parts.path or "/", parts.query, "")))
        yield connection.getresponse()


def trusting(ca: Path) -> ssl.SSLContext:
    """Return a client's TLS context that trusts the authority in `ca` alone.

    Raises DashtamError (CONFIGURATION) when the file is missing or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise DashtamError(
            f"{ca} cannot be used as a certificate authority: {error}",
            code=ExitCode.CONFIGURATION,
            hint="`inv certs` makes it.",
        ) from error
