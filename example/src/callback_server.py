"""The OAuth redirect server on port 8182: takes code and state from the browser.

Hands them to the app where API_BASE_URL says where that is, else shows them.
Standard library only, so that its image needs nothing but Python.
"""

import html
import json
import logging
import os
import signal
import socket
import ssl
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

PORT = 8182
CLIENT_TIMEOUT = 10  # seconds
CERTS = Path(__file__).parents[1] / "certs"

logger = logging.getLogger("callback")


class CallbackServer(ThreadingHTTPServer):
    """Serves HTTP, or HTTPS with a context; `api_base_url` is the app as the browser sees it."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], *, context: ssl.SSLContext | None, api_base_url: str
    ) -> None:
        super().__init__(address, CallbackHandler)
        self.context = context
        self.api_base_url = api_base_url.rstrip("/")

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer in the connection's own thread, TLS handshake included, so that none waits."""
        request.settimeout(CLIENT_TIMEOUT)
        if self.context is None:
            super().finish_request(request, client_address)
            return
        with self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log a broken connection in one line."""
        logger.warning("%s: %s", client_address[0], sys.exception())


class CallbackHandler(BaseHTTPRequestHandler):
    """Answers `/health` and the provider's redirect."""

    server: CallbackServer
    connection: socket.socket

    def do_GET(self) -> None:
        """Answer one request."""
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if url.path == "/health":
            self._answer(HTTPStatus.OK, json.dumps({"status": "ok"}), "application/json")
        elif "error" in query:
            self._page(HTTPStatus.BAD_REQUEST, "Schwab refused", {"error": query["error"]})
        elif not {"code", "state"} <= query.keys():
            self._page(HTTPStatus.BAD_REQUEST, "Code or state is missing", {})
        elif self.server.api_base_url:
            self._forward({"code": query["code"], "state": query["state"]})
        else:
            shown = {"code": query["code"], "state": query["state"]}
            self._page(HTTPStatus.OK, "Schwab agreed", shown)

    def _forward(self, query: dict[str, str]) -> None:
        self.send_response(HTTPStatus.FOUND)
        target = f"{self.server.api_base_url}/auth/schwab/callback?{urlencode(query)}"
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _page(self, status: HTTPStatus, title: str, values: dict[str, str]) -> None:
        rows = "".join(f"<dt>{name}<dd>{html.escape(value)}" for name, value in values.items())
        page = f"<!doctype html><title>Dashtam</title><h1>{title}</h1><dl>{rows}</dl>\n"
        self._answer(status, page, "text/html; charset=utf-8")

    def _answer(self, status: HTTPStatus, body: str, content_type: str) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Log method, path and status; the query holds the code, which is a secret."""
        logger.info("%s %s", self.command, urlsplit(self.path).path)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a server context; exit naming the files when they cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise SystemExit(
            f"{certificate} and {key} cannot be used: {error}. Run 'make certs'."
        ) from None
    return context


def main() -> None:
    """Serve until a signal."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGINT, lambda *_: sys.exit())
    context = None
    if os.environ.get("SSL_ENABLED", "true").lower() in {"1", "true", "yes", "on"}:
        context = tls_context(
            Path(os.environ.get("CALLBACK_CERTFILE", CERTS / "callback_cert.pem")),
            Path(os.environ.get("CALLBACK_KEYFILE", CERTS / "callback_key.pem")),
        )
    address = ("0.0.0.0", int(os.environ.get("CALLBACK_PORT", PORT)))  # noqa: S104 - a container's own
    api_base_url = os.environ.get("API_BASE_URL", "")
    with CallbackServer(address, context=context, api_base_url=api_base_url) as server:
        logger.info("callback server on port %d", address[1])
        server.serve_forever()


if __name__ == "__main__":
    main()
