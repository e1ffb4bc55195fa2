import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar, Self

import pytest
import trustme

from dashtam_tasks import endpoints
from dashtam_tasks.errors import DashtamError, ExitCode

STATUSES = {"/broken": 503, "/missing": 404, "/empty": 204}


class Handler(BaseHTTPRequestHandler):
    """Answers each path in its own way and remembers what was asked."""

    asked: ClassVar[list[str]]

    def do_GET(self) -> None:
        is_first = self.path not in self.asked
        self.asked.append(self.path)
        status = 503 if self.path == "/broken-at-first" and is_first else STATUSES.get(self.path, 200)
        body = b"the database is away" if status == 503 else b"" if status == 204 else b"{}"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Stay silent."""


class Server:
    """A local server, over TLS with its own certificate authority or plain."""

    def __init__(self, ca: trustme.CA, *, scheme: str = "https", number: int = 0) -> None:
        class Recorder(Handler):
            asked: ClassVar[list[str]] = []

        self.asked = Recorder.asked
        self.server = HTTPServer(("127.0.0.1", number), Recorder)
        if scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{scheme}://localhost:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


Start = Callable[..., Server]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def start(authority: trustme.CA) -> Iterator[Start]:
    """Return what starts a server that is stopped after the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Server(authority, **options))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "PATIENCE_SECONDS", 0.3)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number: int = probe.getsockname()[1]
    return number


def failure(url: str, ca: Path) -> str:
    """Return why `url` does not answer as it should, with all that a message about it must have."""
    with pytest.raises(DashtamError) as raised:
        endpoints.require_answers([url], ca)
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert "inv doctor" in raised.value.hint
    beginning = f"{url} does not answer as it should: "
    assert raised.value.reason.startswith(beginning)
    return raised.value.reason.removeprefix(beginning)


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("path", ["/health", "/empty"])
def test_a_2xx_answer_is_enough(start: Start, ca: Path, scheme: str, path: str) -> None:
    server = start(scheme=scheme)
    endpoints.require_answers([f"{server.url}{path}"], ca)
    assert server.asked == [path]


def test_each_url_is_asked_once_with_path_and_query(start: Start, ca: Path) -> None:
    server = start()
    endpoints.require_answers([f"{server.url}/health?deep=1", server.url], ca)
    assert server.asked == ["/health?deep=1", "/"]


def test_no_proxy_stands_between_us_and_our_own_services(
    start: Start, ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{free_port()}")
    server = start()
    endpoints.require_answers([f"{server.url}/health"], ca)
    assert server.asked == ["/health"]


def test_another_certificate_authority_is_not_trusted(start: Start, ca: Path) -> None:
    trustme.CA(key_type=trustme.KeyType.ECDSA).cert_pem.write_to_path(ca)
    server = start()
    assert "unable to get local issuer certificate" in failure(f"{server.url}/health", ca)
    assert server.asked == []


def test_a_certificate_for_another_name_is_not_trusted(
    authority: trustme.CA, ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = authority.issue_cert
    monkeypatch.setattr(authority, "issue_cert", lambda *_: issue("elsewhere.test"))
    with Server(authority) as server:
        assert "Hostname mismatch" in failure(f"{server.url}/health", ca)


@pytest.mark.usefixtures("impatient")
def test_an_error_that_stays_is_shown_with_what_the_service_says(start: Start, ca: Path) -> None:
    server = start()
    problem = failure(f"{server.url}/broken", ca)
    assert problem == "503 Service Unavailable: the database is away"
    assert len(server.asked) > 1


def test_an_error_that_passes_is_none(start: Start, ca: Path) -> None:
    server = start()
    endpoints.require_answers([f"{server.url}/broken-at-first"], ca)
    assert server.asked == ["/broken-at-first"] * 2


def test_what_is_not_there_is_not_asked_for_twice(start: Start, ca: Path) -> None:
    server = start()
    assert failure(f"{server.url}/missing", ca).startswith("404 Not Found: ")
    assert server.asked == ["/missing"]


@pytest.mark.usefixtures("impatient")
def test_a_port_where_nothing_listens(ca: Path) -> None:
    assert "Connection refused" in failure(f"https://localhost:{free_port()}/health", ca)


@pytest.mark.usefixtures("impatient")
def test_a_port_that_does_not_speak_tls(start: Start, ca: Path) -> None:
    server = start(scheme="http")
    problem = failure(f"{server.url.replace('http', 'https')}/health", ca)
    assert "SSL" in problem
    assert server.asked == []


@pytest.mark.usefixtures("impatient")
def test_a_server_that_accepts_and_says_nothing(ca: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://localhost:{server.getsockname()[1]}/health"
        assert failure(url, ca) == "timed out"


def test_a_server_that_comes_up_a_moment_later(
    start: Start, ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = free_port()
    servers: list[Server] = []
    real = endpoints.ask

    def ask(url: str, ca: Path) -> tuple[str, bool]:
        said = real(url, ca)
        if not servers:
            servers.append(start(number=number))
        return said

    monkeypatch.setattr(endpoints, "ask", ask)
    endpoints.require_answers([f"https://localhost:{number}/health"], ca)
    (server,) = servers
    assert server.asked == ["/health"]


@pytest.mark.usefixtures("impatient")
def test_the_first_that_does_not_answer_is_named(start: Start, ca: Path) -> None:
    good, bad = start(), start()
    with pytest.raises(DashtamError, match=f"^{bad.url}/broken does not answer"):
        endpoints.require_answers([f"{good.url}/health", f"{bad.url}/broken", f"{good.url}/late"], ca)
    assert good.asked == ["/health"]
