import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from dashtam_tasks import engine, ports
from dashtam_tasks.compose import Model, PublishedPort, Service
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.ports import HostPort

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker

LOOPBACK = "127.0.0.1"
HINT = "choose another copy"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - what Compose publishes on by default
LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)"
)


@contextlib.contextmanager
def held(address: str, kind: int = socket.SOCK_STREAM, *, number: int = 0) -> Iterator[int]:
    """Hold a port on an address, as a server would."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, number))
        if kind == socket.SOCK_STREAM:
            server.listen()
        yield server.getsockname()[1]


def host_port(number: int, address: str = LOOPBACK, protocol: str = "tcp") -> HostPort:
    return HostPort(service="app", address=address, number=number, protocol=protocol)


def ipv6_loopbacks() -> tuple[str, ...]:
    """Return IPv6's loopback address where the machine has it."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return ("::1",)
    return ()


def container(port: str, *, name: str = "other-db", project: str = "") -> dict[str, Any]:
    labels = {engine.PROJECT_LABEL: project} if project else {}
    return {
        "Id": "c0ffee",
        "Name": f"/{name}",
        "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z"},
        "Config": {"Image": "some:image", "Labels": labels},
        "NetworkSettings": {
            "Ports": {"9000/tcp": None, "5432/tcp": [{"HostIp": LOOPBACK, "HostPort": port}]}
        },
    }


def model(*published: PublishedPort) -> Model:
    return Model(name="dashtam-dev", services={"app": Service(ports=published)})


def app_at(number: int) -> Model:
    return model(PublishedPort(target=8000, published=str(number), host_ip=LOOPBACK))


@pytest.mark.parametrize("holder", [LOOPBACK, EVERY_ADDRESS])
@pytest.mark.parametrize("wanted", [LOOPBACK, EVERY_ADDRESS])
def test_a_port_is_taken_as_long_as_something_listens_there(holder: str, wanted: str) -> None:
    with held(holder) as number:
        assert host_port(number, wanted).taken
    assert not host_port(number, wanted).taken


def test_a_port_of_one_protocol_does_not_take_that_of_another() -> None:
    with held(LOOPBACK, socket.SOCK_DGRAM) as number:
        assert not host_port(number).taken


def test_a_udp_port_is_taken_although_its_holder_would_share_it() -> None:
    with held(LOOPBACK, socket.SOCK_DGRAM) as number:
        assert host_port(number, protocol="udp").taken
    assert not host_port(number, protocol="udp").taken


def test_an_ipv6_port_is_taken_where_the_machine_has_ipv6() -> None:
    for address in ipv6_loopbacks():
        with held(address) as number:
            assert host_port(number, address).taken
        assert not host_port(number, address).taken


def test_an_address_that_the_machine_does_not_have_is_not_called_taken() -> None:
    # TEST-NET-1 of RFC 5737 belongs to no machine.
    assert not host_port(8000, "192.0.2.1").taken


def test_a_port_that_lingers_after_its_connections_is_free() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        number = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, number)):
            connection, _ = server.accept()
            connection.close()
    lingering = [one for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == number]
    assert lingering
    assert not host_port(number).taken


@pytest.mark.parametrize(
    ("text", "expected"), [("", []), ("8000", [8000]), ("8000-8002", [8000, 8001, 8002]), ("80-80", [80])]
)
def test_published_ports_may_be_ranges(text: str, expected: list[int]) -> None:
    assert list(ports.numbers(text)) == expected


def test_published_ports_of_the_chosen_services_only() -> None:
    services = {
        "app": Service(ports=(PublishedPort(target=80, published="8000-8001", host_ip=LOOPBACK),)),
        "db": Service(ports=(PublishedPort(target=53, published="53", protocol="udp"),)),
        "cache": Service(ports=(PublishedPort(target=6379),)),
        "other": Service(ports=(PublishedPort(target=1, published="1"),)),
    }
    found = ports.published(Model(name="x", services=services), frozenset({"app", "db", "cache"}))
    assert [(one.service, str(one), one.protocol) for one in found] == [
        ("app", "127.0.0.1:8000", "tcp"),
        ("app", "127.0.0.1:8001", "tcp"),
        ("db", "0.0.0.0:53", "udp"),
    ]


def test_free_ports_need_no_question_to_the_engine(fake_docker: "FakeDocker") -> None:
    with held(LOOPBACK) as number:
        pass
    ports.require_free(app_at(number), frozenset({"app"}), hint=HINT)
    assert fake_docker.calls == ()


def test_the_process_that_holds_a_port_is_named(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("ps")
    with subprocess.Popen(
        [sys.executable, "-c", f"{LISTEN}; sys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        with pytest.raises(DashtamError) as raised:
            ports.require_free(app_at(number), frozenset({"app"}), hint=HINT)
        name = psutil.Process(process.pid).name()
        process.communicate()
    assert (
        raised.value.reason
        == f"Port 127.0.0.1:{number} of service app is taken by process {process.pid} ({name})."
    )
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert raised.value.hint == "Stop what holds it, or choose another copy. Nothing was started."


def test_the_process_that_holds_a_udp_port_is_named() -> None:
    with held(LOOPBACK, socket.SOCK_DGRAM) as number:
        assert ports.process_holder(host_port(number, protocol="udp")).startswith(f"process {os.getpid()} (")


def test_a_holder_that_we_may_not_see_is_said_so() -> None:
    with held(LOOPBACK) as number:
        pass
    (found,) = ports.conflicts([host_port(number)], project="dashtam-dev", holders={})
    assert found.holder == "a process of another user"


def test_a_client_of_a_port_is_not_its_holder() -> None:
    with (
        socket.create_server((LOOPBACK, 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert ports.process_holder(host_port(client.getsockname()[1])) == ""


@pytest.mark.parametrize(
    ("project", "phrase"),
    [("", "container other-db"), ("shop", "container other-db of Compose project shop")],
)
def test_the_container_that_holds_a_port_is_named(
    fake_docker: "FakeDocker", project: str, phrase: str
) -> None:
    with held(LOOPBACK) as number:
        fake_docker.answer("ps", stdout="c0ffee\n")
        fake_docker.answer("inspect", stdout=[container(str(number), project=project)])
        with pytest.raises(DashtamError) as raised:
            ports.require_free(app_at(number), frozenset({"app"}), hint=HINT)
    assert raised.value.reason == f"Port 127.0.0.1:{number} of service app is taken by {phrase}."


def test_a_port_that_our_own_container_holds_is_no_conflict(fake_docker: "FakeDocker") -> None:
    with held(LOOPBACK) as number:
        fake_docker.answer("ps", stdout="c0ffee\n")
        fake_docker.answer("inspect", stdout=[container(str(number), project="dashtam-dev")])
        ports.require_free(app_at(number), frozenset({"app"}), hint=HINT)
    assert fake_docker.argvs[0][:2] == ("ps", "--all")


def test_every_taken_port_is_named(fake_docker: "FakeDocker") -> None:
    fake_docker.answer("ps")
    with held(LOOPBACK) as first, held(LOOPBACK) as second:
        wanted = model(
            *(PublishedPort(target=1, published=str(one), host_ip=LOOPBACK) for one in (first, second))
        )
        with pytest.raises(DashtamError) as raised:
            ports.require_free(wanted, frozenset({"app"}), hint=HINT)
    lines = raised.value.reason.splitlines()
    assert [line.split(" of ")[0] for line in lines] == [f"Port 127.0.0.1:{one}" for one in (first, second)]
