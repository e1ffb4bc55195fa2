import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks.compose import Compose, Model, PublishedPort, Service
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.instances import allocation

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker

LOOPBACK = "127.0.0.1"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - what Compose publishes on by default
# An address of this machine's loopback interface that is not the usual one.
ANOTHER_ADDRESS = "127.0.0.2"


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("127.0.0.1:${APP_PORT:-8000}:8000", "${APP_PORT:-8000}"),
        ("${BIND:-127.0.0.1}:${APP_PORT:-8000}:8000", "${APP_PORT:-8000}"),
        ("${P}:80", "${P}"),
        ("$P:80", "$P"),
        ("8000:80", "8000"),
        ("8000", ""),
        ("${P:-8000}", ""),
        ("127.0.0.1::80", ""),
        ("8000-8010:8000-8010", "8000-8010"),
        ("${P:-53}:53/udp", "${P:-53}"),
        ("[::1]:${P:-1}:1", "${P:-1}"),
        ("[${BIND:-::1}]:${P:-1}:1", "${P:-1}"),
        ("${P:?set it: a number}:80", "${P:?set it: a number}"),
        ({"target": 80, "published": "${P:-8000}", "host_ip": "127.0.0.1"}, "${P:-8000}"),
        ({"target": 80, "published": "8000"}, "8000"),
        ({"target": 80}, ""),
    ],
)
def test_the_host_port_as_it_is_written(written: str | dict[str, Any], host: str) -> None:
    assert allocation.host_part(written) == host


def compose(fake: "FakeDocker", folder: Path, *written: str | dict[str, Any], env: str = "") -> Compose:
    """Return a Compose file with these ports, as Compose tells of it, and its env file."""
    (folder / ".env").write_text(env, encoding="utf-8")
    fake.answer("compose", "config", "--no-interpolate", stdout={"services": {"app": {"ports": written}}})
    return Compose(file=folder / "compose.yml", env_files=(folder / ".env",))


def test_variables_that_publish_ports_with_what_they_mean_now(
    fake_docker: "FakeDocker", tmp_path: Path
) -> None:
    written = (
        "127.0.0.1:${APP_PORT:-8000}:8000",
        "${ADMIN_PORT-8005}:8005",
        "${DNS_PORT:-5353}:53/udp",
        "[::1]:${SIX_PORT:-8006}:1",
        "${BARE_PORT}:80",
        "$PLAIN_PORT:80",
        "${DEMANDED_PORT:?set it: a number}:80",
        {"target": 5432, "published": "${POSTGRES_PORT:-5432}", "host_ip": "127.0.0.1"},
    )
    env = "APP_PORT=9000\nBARE_PORT=9001\nPLAIN_PORT=9002\nDEMANDED_PORT=9003\nPOSTGRES_PORT=\n"
    assert allocation.variables(compose(fake_docker, tmp_path, *written, env=env)) == {
        "APP_PORT": 9000,
        "ADMIN_PORT": 8005,
        "DNS_PORT": 5353,
        "SIX_PORT": 8006,
        "BARE_PORT": 9001,
        "PLAIN_PORT": 9002,
        "DEMANDED_PORT": 9003,
        "POSTGRES_PORT": 5432,
    }


def test_ports_that_no_variable_publishes_are_left_out(fake_docker: "FakeDocker", tmp_path: Path) -> None:
    written = ("8000", "8000:80", "8000-8010:8000-8010", "${PORTS:-80-90}:80-90", "127.0.0.1::80")
    assert allocation.variables(compose(fake_docker, tmp_path, *written)) == {}
    assert allocation.variables(compose(fake_docker, tmp_path, {"target": 80})) == {}


def test_a_variable_that_two_services_publish_is_one(fake_docker: "FakeDocker", tmp_path: Path) -> None:
    found = compose(fake_docker, tmp_path, "${APP_PORT:-8000}:8000", "${APP_PORT:-8000}:8443")
    assert allocation.variables(found) == {"APP_PORT": 8000}


@pytest.mark.parametrize("value", ["", "8000-8010", "http", "0", "65536", "-1"])
def test_a_value_that_is_no_port_is_named(fake_docker: "FakeDocker", tmp_path: Path, value: str) -> None:
    found = compose(fake_docker, tmp_path, "${APP_PORT}:8000", env=f"APP_PORT={value}\n")
    with pytest.raises(DashtamError, match=r"^APP_PORT is '.*', which is no host port") as raised:
        allocation.variables(found)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert repr(value) in raised.value.reason
    assert "env file" in raised.value.hint


def test_all_ports_move_by_the_same_number() -> None:
    wanted = {"APP_PORT": 8000, "POSTGRES_PORT": 5432}
    chosen = {name: int(port) for name, port in allocation.allocate(wanted, ()).items()}
    moved = {chosen[name] - wanted[name] for name in wanted}
    assert len(moved) == 1
    assert moved.pop() % 100 == 0
    assert chosen["APP_PORT"] > 8000


@pytest.mark.parametrize("address", [LOOPBACK, EVERY_ADDRESS, ANOTHER_ADDRESS])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_a_process_holds_is_not_given(address: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as server:
        server.bind((address, 0))
        if kind == socket.SOCK_STREAM:
            server.listen()
        held = server.getsockname()[1]
        chosen = allocation.allocate({"APP_PORT": held - 100, "OTHER_PORT": held - 101}, ())
    assert str(held) not in chosen.values()
    # One that is taken moves both.
    assert int(chosen["APP_PORT"]) - int(chosen["OTHER_PORT"]) == 1


def test_a_port_that_is_taken_otherwise_is_not_given() -> None:
    assert int(allocation.allocate({"APP_PORT": 8000}, range(8100, 9000))["APP_PORT"]) >= 9000


def test_nothing_wanted_is_nothing_given() -> None:
    assert allocation.allocate({}, ()) == {}


def test_no_port_left_is_said_with_what_to_do() -> None:
    with pytest.raises(
        DashtamError, match=r"^No free host ports are left for APP_PORT, DB_PORT\.$"
    ) as raised:
        allocation.allocate({"APP_PORT": 8000, "DB_PORT": 5432}, range(1, 65536))
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert "inv instances.prune" in raised.value.hint


def test_no_port_is_beyond_the_highest() -> None:
    with pytest.raises(DashtamError, match=r"^No free host ports"):
        allocation.allocate({"APP_PORT": 65500}, ())


def test_the_ports_of_the_default_instance_are_those_of_its_files() -> None:
    model = Model(
        name="shop-dev",
        services={
            "app": Service(ports=(PublishedPort(target=80, published="8000-8002"), PublishedPort(target=81))),
            "ssl": Service(ports=(PublishedPort(target=80, published="8000"),), profiles=("ssl",)),
            "db": Service(ports=(PublishedPort(target=5432, published="5432"),), profiles=("data",)),
        },
    )
    assert allocation.fixed(model) == (5432, 8000, 8001, 8002)
