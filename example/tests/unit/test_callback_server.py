"""The callback server takes what the provider sends back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from src.callback_server import CallbackServer


@contextmanager
def callback_client(api_base_url: str = "") -> Iterator[httpx.Client]:
    """Serve on a free port of the loopback interface."""
    with CallbackServer(("127.0.0.1", 0), context=None, api_base_url=api_base_url) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}") as client:
                yield client
        finally:
            server.shutdown()
            thread.join(timeout=5)


def test_health() -> None:
    with callback_client() as client:
        response = client.get("/health")
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


def test_code_and_state_are_shown_escaped() -> None:
    with callback_client() as client:
        response = client.get("/", params={"code": "<b>c</b>", "state": "s-1"})
    assert response.status_code == 200
    assert "&lt;b&gt;c&lt;/b&gt;" in response.text
    assert "<b>" not in response.text
    assert "s-1" in response.text


def test_code_and_state_are_forwarded() -> None:
    with callback_client("https://localhost:8000/") as client:
        response = client.get("/", params={"code": "c&d", "state": "s", "session": "x"})
    assert response.status_code == 302
    assert response.headers["Location"] == (
        "https://localhost:8000/auth/schwab/callback?code=c%26d&state=s"
    )


def test_missing_code_and_refusal_are_errors() -> None:
    with callback_client("https://localhost:8000") as client:
        missing = client.get("/", params={"state": "s"})
        refused = client.get("/", params={"error": "access_denied", "state": "s"})
    assert missing.status_code == refused.status_code == 400
    assert "access_denied" in refused.text
