"""A relay to the engine that can go away, as an engine does that is killed."""

import contextlib
import json
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.integration.projects import docker

CHUNK_BYTES = 1 << 16


def engine_socket() -> str:
    """Return the path of the engine's own socket."""
    (context,) = json.loads(docker("context", "inspect"))
    address = str(context["Endpoints"]["docker"]["Host"])
    assert address.startswith("unix://")
    return address.removeprefix("unix://")


class Relay:
    """Passes on what comes to a socket at `path`, until it is cut; nobody listens there any more then."""

    def __init__(self, path: Path) -> None:
        self.path, self.engine = path, engine_socket()
        self.sockets: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self.lock, self.is_cut = threading.Lock(), False
        self.server = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Self:
        self.server.bind(str(self.path))
        self.server.listen()
        self.start(self.accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cut()
        for thread in self.threads:
            thread.join()
        self.server.close()
        for one in self.sockets:
            one.close()

    def start(self, work: object, *arguments: socket.socket) -> None:
        """Do some work beside all else."""
        assert callable(work)
        thread = threading.Thread(target=work, args=arguments)
        thread.start()
        self.threads.append(thread)

    def accept(self) -> None:
        """Connect whoever comes with the engine."""
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.server.accept()
                far = socket.socket(socket.AF_UNIX)
                with self.lock:
                    self.sockets += [near, far]
                    if self.is_cut:
                        near.shutdown(socket.SHUT_RDWR)
                        return
                far.connect(self.engine)
                self.start(self.copy, near, far)
                self.start(self.copy, far, near)

    def copy(self, source: socket.socket, target: socket.socket) -> None:
        """Pass on what one side says, and its end."""
        with contextlib.suppress(OSError):
            while chunk := source.recv(CHUNK_BYTES):
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """End all connections, and let nobody connect any more."""
        with self.lock:
            self.is_cut = True
            self.path.unlink(missing_ok=True)
            for one in (self.server, *self.sockets):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
