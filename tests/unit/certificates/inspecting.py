"""Looking at certificates: what a folder of them holds, and whether clients trust it."""

import socket
import ssl
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from cryptography import x509

from dashtam_tasks import certificates
from dashtam_tasks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable


NOW = datetime.now(UTC).replace(microsecond=0)


FILES = ("ca.pem", "ca_key.pem", "callback_cert.pem", "callback_key.pem", "cert.pem", "key.pem")


KEYS = ("ca_key.pem", "callback_key.pem", "key.pem")


MADE = ["ca.pem", "cert.pem", "callback_cert.pem"]


KILLED_AT_REPLACE = """
import os, signal, sys
from pathlib import Path
from dashtam_tasks import certificates
from dashtam_tasks.ownership import container_user
from dashtam_tasks.settings import Settings

calls = []
real = Path.replace

def replace(path, target):
    calls.append(target)
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(path, target)

Path.replace = replace
folder = Path(sys.argv[1])
settings = Settings(project_dir=str(folder))
certificates.ensure(settings, user=container_user(folder), force=True)
"""


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def changed(settings: Settings, **values: object) -> Settings:
    rules = msgspec.structs.replace(settings.certificates, **values)
    return msgspec.structs.replace(settings, certificates=rules)


def names(made: tuple[certificates.Made, ...]) -> list[str]:
    return [one.path.name for one in made]


def state(folder: Path) -> dict[str, tuple[bytes, int, int, int]]:
    """Return what a run that changes nothing must leave as it is."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode, path.stat().st_uid)
        for path in folder.iterdir()
    }


def kinds(settings: Settings, now: datetime = NOW) -> set[tuple[str, str]]:
    return {(found.kind, Path(found.where).name) for found in certificates.check(settings, now=now)}


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def strict(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return a context that checks as Python 3.13 does by default."""
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def greet(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> bytes:
    """Return what a client that asks for `host` receives over real TLS. Raises ssl.SSLError."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            connection, _ = listener.accept()
            connection.settimeout(30)
            with closing(connection):
                try:
                    with server.wrap_socket(connection, server_side=True) as wrapped:
                        wrapped.sendall(b"hello")
                except ssl.SSLError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname(), timeout=30) as plain,
                client.wrap_socket(plain, server_hostname=host) as wrapped,
            ):
                return wrapped.recv(5)
        finally:
            thread.join(timeout=30)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def refuse(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make one file unreadable, as it is for another user; root could read it whatever its mode."""
    real: Callable[[Path], bytes] = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
