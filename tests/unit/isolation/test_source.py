from collections.abc import Callable
from pathlib import Path

import pytest

from dashtam_tasks.compose import PublishedPort
from dashtam_tasks.isolation.source import SourceFile

Line = Callable[[Path, str], str]

TEXT = """\
name: shop

x-base: &base
  container_name: base-name
  ports: &ports
    - "127.0.0.1:8000:8000"
x-other: &other
  container_name: other-name
  networks: [back]
x-check: &check
  test: ["CMD", "true"]

services:
  own:
    <<: *base
    container_name: own-name
    healthcheck: *check
  merged:
    <<: [*base, *other]
  aliased:
    image: shop
    ports: *ports
  reset:
    ports: !override
      - "5000:5000"
  app:
    ports:
      - "127.0.0.1:${APP_PORT:-8000}:8000"
      - "127.0.0.1:${METRICS_PORT:?is needed}:9000/tcp"
      - "53:53/udp"
      - "53:53"
      - "[::1]:${A:-${B:-90}}:${TARGET:-91}"
      - "8100-8110:8100-8110"
      - "7000"
      - { target: 7001, published: "17001", host_ip: 127.0.0.1 }
      - target: ${LONG:-7002}
        published: "17002"
      - "10.0.0.1:8443:443"
      - "127.0.0.1:8444:443"
    volumes:
      - data:/var/lib/data
      - ${SRC:-../src}:/app/src:ro
      - /anonymous/
      - type: bind
        source: ../certs
        target: /app/certs
      - { type: tmpfs, target: "${TMP:-/app/tmp}" }
networks:
  back: { name: shop-back }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "compose.yml"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (["name"], "name: shop\n"),
        (["services", "own", "container_name"], "own-name"),
        (["services", "own", "ports"], "  ports: &ports"),
        (["services", "own", "healthcheck"], "healthcheck: *check"),
        (["services", "own", "healthcheck", "test"], '["CMD", "true"]'),
        (["services", "merged", "container_name"], "base-name"),
        (["services", "merged", "networks"], "networks: [back]"),
        (["services", "aliased", "ports"], "ports: *ports"),
        (["services", "aliased", "command"], "  aliased:"),
        (["services", "absent", "command"], "services:"),
        (["networks", "back", "name"], "shop-back"),
        (["volumes", "data"], "name: shop\n"),
    ],
)
def test_a_line_is_that_of_the_deepest_key_that_there_is(
    file: Path, keys: list[str], text: str, line: Line
) -> None:
    if text.endswith("\n"):
        assert SourceFile(file).line_of(*keys) == f"{file}:1"
    else:
        assert SourceFile(file).line_of(*keys) == line(file, text)


@pytest.mark.parametrize(
    ("port", "text"),
    [
        (PublishedPort(8000, "49152", "127.0.0.1"), "APP_PORT"),
        (PublishedPort(9000, "49153", "127.0.0.1"), "METRICS_PORT"),
        (PublishedPort(53, "53", protocol="udp"), '"53:53/udp"'),
        (PublishedPort(53, "53"), '"53:53"'),
        (PublishedPort(91, "90", "::1"), "[::1]"),
        (PublishedPort(8105, "8105"), "8100-8110"),
        (PublishedPort(7000), '- "7000"'),
        (PublishedPort(7001, "17001", "127.0.0.1"), "target: 7001"),
        (PublishedPort(7002, "17002"), "target: ${LONG"),
        (PublishedPort(443, "8443", "10.0.0.1"), "10.0.0.1"),
        (PublishedPort(443, "8444", "127.0.0.1"), "127.0.0.1:8444"),
    ],
)
def test_a_port_is_found_in_short_and_long_syntax(
    file: Path, port: PublishedPort, text: str, line: Line
) -> None:
    assert SourceFile(file).line_of_port("app", port) == line(file, text)


def test_a_port_that_no_item_shows_is_at_the_list(file: Path) -> None:
    unseen = PublishedPort(1234, "1234")
    number = TEXT.splitlines().index("  app:") + 2
    assert SourceFile(file).line_of_port("app", unseen) == f"{file}:{number}"


def test_ports_are_found_behind_aliases_merges_and_tags(file: Path, line: Line) -> None:
    source = SourceFile(file)
    port = PublishedPort(8000, "8000", "127.0.0.1")
    for service in ("own", "merged", "aliased"):
        assert source.line_of_port(service, port) == line(file, '"127.0.0.1:8000:8000"')
    assert source.line_of_port("reset", PublishedPort(5000, "5000")) == line(file, "5000:5000")


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/var/lib/data", "data:/var/lib"),
        ("/app/src", "${SRC"),
        ("/anonymous", "/anonymous/"),
        ("/app/certs", "- type: bind"),
        ("/app/tmp", "${TMP"),
        ("/absent", "    volumes:"),
    ],
)
def test_a_mount_is_found_in_short_and_long_syntax(file: Path, target: str, text: str, line: Line) -> None:
    assert SourceFile(file).line_of_mount("app", target) == line(file, text)


@pytest.mark.parametrize("content", [b"services: [", b"\xff\xfe\x00", b"", None])
def test_a_file_without_yaml_is_named_without_a_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "compose.yml"
    if content is not None:
        file.write_bytes(content)
    source = SourceFile(file)
    assert source.line_of("services", "app") == str(file)
    assert source.line_of_mount("app", "/data") == str(file)


def test_a_file_is_read_once(file: Path, line: Line) -> None:
    source = SourceFile(file)
    expected = line(file, "own-name")
    assert source.line_of("services", "own", "container_name") == expected
    file.unlink()
    assert source.line_of("services", "own", "container_name") == expected
