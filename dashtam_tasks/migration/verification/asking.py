"""Asking what runs over its published ports, as a person does with `curl -k`."""

import http.client
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dashtam_tasks import endpoints
from dashtam_tasks.migration.boxes import Evidence
from dashtam_tasks.migration.verification.evidence import Watch
from dashtam_tasks.migration.verification.running import Stand

# A server under reload is away for a moment, on a busy machine for a long one.
PATIENCE_SECONDS = 15.0
PAUSE_SECONDS = 0.2
ANSWER_SECONDS = 5.0
SERVER_ERRORS = 500


def urls(stand: Stand, service: str) -> tuple[str, ...]:
    """Return where a service is to answer: its probes' URLs, else its first published port by both schemes."""
    probed = stand.opened.probe_urls([service])
    numbers = [
        number for name, _, number, protocol in stand.published() if name == service and protocol == "tcp"
    ]
    return probed or tuple(
        f"{scheme}://localhost:{one}/" for one in numbers[:1] for scheme in ("https", "http")
    )


def answered(stand: Stand, chosen: Iterable[str]) -> tuple[bool, Evidence]:
    """Return whether one of some URLs answers within a few seconds, and what it said.

    Certificates are not judged.
    """
    wanted = tuple(chosen)
    watch = Watch(subject=stand.subject, command=f"curl -k {' || curl -k '.join(wanted)}")
    good, said = patiently(wanted)
    return good, watch.saw("\n".join(said))


def patiently(wanted: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
    """Ask URLs until one answers or patience ends; return whether one did, and what it or all of them said."""
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, threading.Event()
    while True:
        said = {url: status(url) for url in wanted}
        good = {url: code for url, code in said.items() if is_answer(code)}
        if good or time.monotonic() > deadline:
            return bool(good), tuple(f"{url}: {code}" for url, code in (good or said).items())
        pause.wait(PAUSE_SECONDS)


def is_answer(said: int | str) -> bool:
    """Return whether a server answered, and not that it failed."""
    return isinstance(said, int) and said < SERVER_ERRORS


def status(url: str) -> int | str:
    """Return the status of the answer to one GET request, or why there is none."""
    try:
        with endpoints.answer(url, unjudging, timeout=ANSWER_SECONDS) as found:
            return found.status
    except (OSError, http.client.HTTPException) as error:
        return str(error) or repr(error)


def unjudging() -> ssl.SSLContext:
    """Return a client's TLS context that takes any certificate, as `curl -k` does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass
class Requests:
    """What a client met that asked again and again: how many answers, and what it got when it lost patience."""

    answers: int = 0
    silences: list[str] = field(default_factory=list)


@contextmanager
def asking(chosen: Iterable[str]) -> Iterator[Requests]:
    """Ask URLs in turn, again and again, while the block runs; what they said is there afterwards.

    A busy machine lets a server miss a moment, and a person's edit lets it start anew: only one that is away for
    longer counts.
    """
    wanted, seen, stop = tuple(chosen), Requests(), threading.Event()

    def ask() -> None:
        while wanted and not stop.wait(PAUSE_SECONDS):
            good, said = patiently(wanted)
            if good:
                seen.answers += 1
            else:
                seen.silences.append(", ".join(said))

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield seen
    finally:
        stop.set()
        client.join()
