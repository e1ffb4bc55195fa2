"""What a built image can do by itself: the runtime that it is built upon connects to a port, without curl."""

import re
from collections.abc import Mapping

from dashtam_tasks.migration.document import Flow
from dashtam_tasks.migration.rules.known_images import repository

# Whether it speaks TLS is not known, so what is asked for is a connection. Sources: the documentation of Python's
# socket, Node's net, Ruby's socket and PHP's fsockopen.
CONNECTIONS = {
    "python": ("python", "-c", "import socket; socket.create_connection(('127.0.0.1', {port}), 3)"),
    "node": (
        "node",
        "-e",
        "process.exitCode = 1; require('net').connect({port}, '127.0.0.1', () => process.exit(0))",
    ),
    "ruby": ("ruby", "-rsocket", "-e", "Socket.tcp('127.0.0.1', {port}, connect_timeout: 3).close"),
    "php": ("php", "-r", "exit(@fsockopen('127.0.0.1', {port}) ? 0 : 1);"),
}

# https://docs.docker.com/reference/dockerfile/#from and #arg
FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*", re.IGNORECASE)
ARG = re.compile(r"ARG\s+(?P<name>\w+)(?:=(?P<value>\S*))?\s*", re.IGNORECASE)
REFERENCE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}|(?P<bare>\w+))")


def connects(base: str, port: str) -> list[str] | None:
    """Return the check that connects to a port with the runtime of a base image, None where it has none."""
    words = CONNECTIONS.get(repository(base)[0])
    if not words or not port:
        return None
    return Flow(["CMD", *(word.replace("{port}", port) for word in words)])


def base_image(dockerfile: str, *, target: str = "", arguments: Mapping[str, str] | None = None) -> str:
    """Return the image that a stage of a Dockerfile is built upon in the end, the last stage's without `target`.

    `arguments` are the build's. It is empty for a stage that does not exist.
    """
    given = dict(arguments or {})
    stages: dict[str, str] = {}
    last = ""
    for line in map(str.strip, dockerfile.replace("\\\n", " ").splitlines()):
        if not stages and (argument := ARG.fullmatch(line)) and argument["value"] is not None:
            given.setdefault(argument["name"], argument["value"].strip("\"'"))
        if stage := FROM.fullmatch(line):
            image = expanded(stage["image"], given)
            last = (stage["name"] or str(len(stages))).lower()
            stages[last] = stages.get(image.lower(), image)
    return stages.get((target or last).lower(), "")


def expanded(text: str, arguments: Mapping[str, str]) -> str:
    """Return a text with build arguments in the place of their names."""
    return REFERENCE.sub(
        lambda found: arguments.get(found["braced"] or found["bare"]) or found["default"] or "", text
    )
