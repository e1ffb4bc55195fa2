"""What a built image can do by itself: the runtime that it is built upon asks a port, without curl."""

import re
from collections.abc import Iterator, Mapping

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

# Whose images of a runtime are called after it; official ones have no publisher, and images/ builds our own.
PUBLISHERS = frozenset({"", "bitnami", "bitnamilegacy", "bitnamisecure", "cimg", "dashtam-tasks"})

# For `python -ISc`, which reads no module of the application's: it starts in a blink and cannot be misled. What the
# application itself does not know, it answers all the same, so that only its own errors count as illness. The
# certificate needs no check by the one who shows it. Source: the documentation of Python's http.client.
REQUEST = """\
try:
    connection.request("GET", route)
    answer = connection.getresponse()
except (OSError, http.client.HTTPException) as error:
    sys.exit(f"port {port}: {error}")
if answer.status >= 500:
    sys.exit(f"{answer.status} {answer.read().decode()}")
"""
PLAIN = f"""\
import http.client, sys
port, route = int(sys.argv[1]), sys.argv[2]
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
{REQUEST}"""
BY_SWITCH = f"""\
import http.client, os, ssl, sys
port, route = int(sys.argv[1]), sys.argv[2]
if os.environ.get("SSL_ENABLED", "").lower() in {{"1", "true", "yes", "on"}}:
    own = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=own, timeout=4)
else:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
{REQUEST}"""

# https://docs.docker.com/reference/dockerfile/#from, #arg and #copy
FROM = re.compile(r"FROM\s+(?:--\S+\s+)*(?P<image>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*", re.IGNORECASE)
COPY = re.compile(r"(?:COPY|ADD)\s+(?:--\S+\s+)*(?P<paths>.+)", re.IGNORECASE)
# Of either form: COPY src /app/src, or COPY ["src", "/app/src"].
WORD = re.compile(r"[^\s\"\[\],]+")
ARG = re.compile(r"ARG\s+(?P<name>\w+)(?:=(?P<value>\S*))?\s*", re.IGNORECASE)
REFERENCE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}|(?P<bare>\w+))")


def runtime_of(base: str) -> str:
    """Return the runtime that a base image is there for, by its name; by its tag, where that is uv's.

    https://docs.astral.sh/uv/guides/integration/docker/#available-images
    """
    path, tag = repository(base)
    if path.endswith("astral-sh/uv"):
        return "python" if tag.startswith("python") else ""
    publisher, _, name = path.rpartition("/")
    return name if publisher in PUBLISHERS else ""


def connects(base: str, port: str) -> list[str] | None:
    """Return the check that connects to a port with the runtime of a base image, None where it has none."""
    words = CONNECTIONS.get(runtime_of(base))
    if not words or not port:
        return None
    return Flow(["CMD", *(word.replace("{port}", port) for word in words)])


def asks(base: str, port: str, route: str, *, switched: bool) -> list[str] | None:
    """Return the check that asks for a route with the runtime of a base image, None where it cannot.

    `switched` says that the service's own SSL_ENABLED tells whether it speaks HTTPS; else it does not.
    """
    if runtime_of(base) != "python" or not port or not route:
        return None
    return ["CMD", "python", "-ISc", BY_SWITCH if switched else PLAIN, port, route]


def lines_of(dockerfile: str) -> Iterator[str]:
    """Yield the instructions of a Dockerfile, each in one line."""
    yield from map(str.strip, dockerfile.replace("\\\n", " ").splitlines())


def stage_lines(dockerfile: str, *, target: str = "") -> tuple[str, ...]:
    """Return the instructions of a stage of a Dockerfile, by default the last, and before them those below it."""
    stages: dict[str, tuple[str, ...]] = {}
    last = ""
    for line in lines_of(dockerfile):
        if stage := FROM.fullmatch(line):
            last = (stage["name"] or str(len(stages))).lower()
            stages[last] = stages.get(stage["image"].lower(), ())
        elif last:
            stages[last] += (line,)
    return stages.get((target or last).lower(), ())


def copied(dockerfile: str, *, target: str = "") -> tuple[str, ...]:
    """Return what a stage of a Dockerfile, the last without `target`, and those below it copy from the context."""
    words: tuple[str, ...] = ()
    for line in stage_lines(dockerfile, target=target):
        if (copy := COPY.fullmatch(line)) and "--from=" not in line:
            words += tuple(WORD.findall(copy["paths"])[:-1])
    return words


def base_image(dockerfile: str, *, target: str = "", arguments: Mapping[str, str] | None = None) -> str:
    """Return the image that a stage of a Dockerfile is built upon in the end, the last stage's without `target`.

    `arguments` are the build's. It is empty for a stage that does not exist.
    """
    given = dict(arguments or {})
    stages: dict[str, str] = {}
    last = ""
    for line in lines_of(dockerfile):
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
