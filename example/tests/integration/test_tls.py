"""HTTPS against servers that listen: those that TLS_APP_URL and TLS_CALLBACK_URL name, or our own.

Our own have certificates of a CA made for the test; TLS_CA_FILE is the CA of the others.
"""

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from src.core.config import ROOT, Settings
from tests.integration.certificates import write_certificates

STOP_TIMEOUT = 5  # seconds
CONNECT_RETRIES = 8  # httpx waits 0, 0.5, 1, 2, 4, 8, 16 and 32 s before them

pytestmark = pytest.mark.ssl


@dataclass(frozen=True)
class Servers:
    """The app and the callback server, and a context that trusts their CA."""

    app: str
    callback: str
    trusting: ssl.SSLContext


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Servers]:
    """Return the servers that the environment names, else serve both."""
    if "TLS_APP_URL" in os.environ:
        trusting = ssl.create_default_context(cafile=os.environ["TLS_CA_FILE"])
        yield Servers(os.environ["TLS_APP_URL"], os.environ["TLS_CALLBACK_URL"], trusting)
    else:
        with _serving(tmp_path_factory.mktemp("certs"), settings) as own:
            yield own


@contextmanager
def _serving(folder: Path, settings: Settings) -> Iterator[Servers]:
    """Serve both over TLS on free ports of the loopback interface."""
    certs = write_certificates(folder)
    app_port, callback_port = _free_ports(2)
    app = f"https://localhost:{app_port}"
    environment = os.environ | {
        "SSL_ENABLED": "true",
        "SSL_CERTFILE": str(certs.certificate),
        "SSL_KEYFILE": str(certs.key),
        "MOCK_PROVIDERS": "true",
        "ENCRYPTION_KEY": settings.encryption_key.get_secret_value(),
        "CALLBACK_CERTFILE": str(certs.certificate),
        "CALLBACK_KEYFILE": str(certs.key),
        "CALLBACK_PORT": str(callback_port),
        "API_BASE_URL": app,
    }
    with (
        _running(["-m", "src.serve", "--host", "127.0.0.1", "--port", str(app_port)], environment),
        _running(["-m", "src.callback_server"], environment),
    ):
        context = ssl.create_default_context(cafile=certs.ca)
        yield Servers(app, f"https://localhost:{callback_port}", context)


@pytest.fixture
def trusting(servers: Servers) -> Iterator[httpx.Client]:
    """Return a client that trusts the CA of the test."""
    transport = httpx.HTTPTransport(verify=servers.trusting, retries=CONNECT_RETRIES)
    with httpx.Client(transport=transport, timeout=10) as client:
        yield client


def test_client_with_the_ca_is_served(servers: Servers, trusting: httpx.Client) -> None:
    health = trusting.get(f"{servers.app}/health")

    assert health.status_code == 200
    assert health.json() == {"status": "ok", "database": "connected", "redis": "connected"}
    assert trusting.get(f"{servers.callback}/health").json() == {"status": "ok"}


@pytest.mark.parametrize("server", ["app", "callback"])
def test_client_without_the_ca_is_refused(
    servers: Servers, trusting: httpx.Client, server: str
) -> None:
    url = f"{getattr(servers, server)}/health"
    assert trusting.get(url).status_code == 200

    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(url, verify=ssl.create_default_context())


def test_plain_http_is_not_answered(servers: Servers, trusting: httpx.Client) -> None:
    assert trusting.get(f"{servers.app}/health").status_code == 200

    with pytest.raises(httpx.TransportError):
        httpx.get(f"{servers.app.replace('https', 'http')}/health")


def test_oauth_flow(servers: Servers, trusting: httpx.Client) -> None:
    started = trusting.get(f"{servers.app}/auth/schwab/authorize").json()
    state = parse_qs(urlsplit(started["authorize_url"]).query)["state"][0]

    # Schwab would send the browser here.
    redirect = trusting.get(servers.callback, params={"code": "abc", "state": state})
    assert redirect.status_code == 302
    connected = trusting.get(redirect.headers["Location"])

    assert connected.status_code == 200
    assert connected.json()["provider"] == "schwab"
    path = f"/auth/schwab/connections/{connected.json()['id']}"
    assert trusting.delete(f"{servers.app}{path}").status_code == 204


@contextmanager
def _running(arguments: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment)  # noqa: S603 - our own argv
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        finally:
            process.kill()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports
