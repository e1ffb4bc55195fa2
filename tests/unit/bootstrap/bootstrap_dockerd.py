"""Stand in for dockerd: answer `/_ping`, and for each image named in a file beside the socket."""

import os
import signal
import socketserver
import sys
from pathlib import Path

SOCKET = Path(os.environ["DOCKERD_SOCKET"])
PID_FILE = SOCKET.with_suffix(".pid")
IMAGES = SOCKET.with_suffix(".images")


class Handler(socketserver.StreamRequestHandler):
    """Answer one request with a status line."""

    def handle(self) -> None:
        """Read the request line; the rest does not matter."""
        resource = self.rfile.readline().decode().split()[1]
        known = {f"/images/{image}/json" for image in IMAGES.read_text().split()}
        status = "200 OK" if resource in known | {"/_ping"} else "404 Not Found"
        self.wfile.write(f"HTTP/1.0 {status}\r\n\r\n".encode())


if PID_FILE.exists():
    sys.exit(f"pid file found, ensure docker is not running or delete {PID_FILE}")
PID_FILE.write_text(str(os.getpid()))
SOCKET.unlink(missing_ok=True)
IMAGES.touch()
signal.alarm(300)  # in case a test is killed before it ends this process
with socketserver.UnixStreamServer(str(SOCKET), Handler) as server:
    sys.stderr.write(f"API listen on {SOCKET}\n")
    server.serve_forever()
