import socket
import subprocess
import sys

import pytest

from dashtam_tasks.migration.rules.runtimes import base_image, connects

DOCKERFILE = """\
ARG VERSION=3.13
ARG IMAGE=node:22
# FROM nothing
FROM --platform=linux/amd64 python:${VERSION}-slim AS Base
FROM base AS development
FROM $IMAGE AS assets
FROM \\
  golang:${GO:-1.23}
"""

STAGES = {
    "": "golang:1.23",
    "development": "python:3.13-slim",
    "BASE": "python:3.13-slim",
    "assets": "ruby:3",
    "none": "",
}


@pytest.mark.parametrize(("target", "image"), STAGES.items())
def test_a_stage_is_built_upon_an_image_in_the_end(target: str, image: str) -> None:
    assert base_image(DOCKERFILE, target=target, arguments={"IMAGE": "ruby:3"}) == image


@pytest.mark.parametrize("base", ["golang:1.23", "scratch", "acme/python:3", "ghcr.io/astral-sh/uv:0.9", ""])
def test_without_a_runtime_nothing_connects(base: str) -> None:
    assert connects(base, "8000") is None


@pytest.mark.parametrize(
    "base",
    [
        "python:3.13-slim",
        "mirror.example/library/node:22",
        "ruby:3",
        "php:8.3-apache",
        "bitnami/node:22",
        "ghcr.io/astral-sh/uv:python3.13-bookworm-slim",
    ],
)
def test_without_a_port_nothing_connects(base: str) -> None:
    assert connects(base, "") is None
    assert (connects(base, "${PORT:-8000}") or [])[0] == "CMD"


def test_python_s_check_passes_while_something_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        argv = [sys.executable, *(connects("python:3.13", port) or [])[2:]]
        listening = subprocess.run(argv, timeout=30, check=False)
    closed = subprocess.run(argv, timeout=30, check=False, capture_output=True)
    assert (listening.returncode, closed.returncode) == (0, 1)
