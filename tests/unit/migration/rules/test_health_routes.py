"""Health routes are found in an application's own sources, and what is made of them asks a real server."""

import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dashtam_tasks.migration.rules.health_routes import MOST_BYTES, route_in
from dashtam_tasks.migration.rules.runtimes import BY_SWITCH, PLAIN, copied

FOUND = {
    '@router.get("/health")': "/health",
    "app.add_url_rule('/api/v1/healthz', view)": "/api/v1/healthz",
    'path = "/health/"': "/health/",
    '"/health-check"': "/health-check",
    '"/healthy-food"': "",
    '"https://example.com/health"': "",
    "# /health": "",
}


@pytest.mark.parametrize(("text", "route"), FOUND.items(), ids=FOUND)
def test_a_route_is_a_text_of_its_own(tmp_path: Path, text: str, route: str) -> None:
    (tmp_path / "app.py").write_text(text)
    assert route_in([tmp_path]) == route
    assert route_in([tmp_path / "app.py"]) == route


def test_the_shortest_route_counts_and_only_the_applications_own_code_is_read(tmp_path: Path) -> None:
    texts = {
        "src/api/status.py": '"/api/health"',
        "src/status.py": '"/health"',
        "tests/test_status.py": '"/livez"',
        "node_modules/x.py": '"/livez"',
        ".venv/x.py": '"/livez"',
        "readme.md": '"/livez"',
        "large.py": '"/livez"' + " " * MOST_BYTES,
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert route_in([tmp_path]) == "/health"
    assert route_in([tmp_path / "src/api"]) == "/api/health"
    assert route_in([tmp_path / "missing"]) == ""


DOCKERFILE = """\
FROM python:3.13 AS base
COPY pyproject.toml ./
FROM base AS callback
COPY --chown=1:1 src/callback.py \\
     src/
FROM base
COPY --from=callback /x /y
ADD ["src", "tests", "/app/"]
"""


def test_what_a_stage_copies_from_the_context_is_that_of_those_below_it_too() -> None:
    assert copied(DOCKERFILE, target="callback") == ("pyproject.toml", "src/callback.py")
    assert copied(DOCKERFILE) == ("pyproject.toml", "src", "tests")
    assert copied(DOCKERFILE, target="missing") == ()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = {"/well": 200, "/ill": 503}.get(self.path, 404)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"database down" if status == 503 else b"")

    def log_request(self, code: object = "-", size: object = "-") -> None: ...


@contextmanager
def serving(certificate: Path | None) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield str(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def check(script: str, port: str, route: str, **variables: str) -> tuple[int, str]:
    argv = [sys.executable, "-ISc", script, port, route]
    done = subprocess.run(argv, env=variables, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode, done.stderr.strip()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("certs") / "cert.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=elsewhere"]
    files = ["-keyout", str(path.with_name("key.pem")), "-out", str(path)]
    subprocess.run([*argv, *files], check=True, capture_output=True, timeout=60)
    return path


@pytest.mark.parametrize("secured", [False, True], ids=["http", "https"])
def test_the_check_passes_on_what_answers_and_says_what_is_wrong(certificate: Path, secured: bool) -> None:
    with serving(certificate if secured else None) as port:
        said = {"SSL_ENABLED": "True" if secured else "false"}
        assert check(BY_SWITCH, port, "/well", **said) == (0, "")
        assert check(BY_SWITCH, port, "/elsewhere", **said) == (0, "")
        assert check(BY_SWITCH, port, "/ill", **said) == (1, "503 database down")
        other = {"SSL_ENABLED": "false" if secured else "true"}
        code, words = check(BY_SWITCH, port, "/well", **other)
        assert (code, words.partition(":")[0]) == (1, f"port {port}")
        assert check(PLAIN, port, "/well")[0] == (1 if secured else 0)
    code, words = check(PLAIN, port, "/well")
    assert (code, words.partition(":")[0]) == (1, f"port {port}")
