from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks import engine, status
from dashtam_tasks.compose import Model, Service
from dashtam_tasks.engine.records import SERVICE_LABEL
from dashtam_tasks.settings import Probe

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker

MODEL = Model(
    name="shop",
    services={
        "web": Service(build={"context": "."}, environment={"SSL_ENABLED": "true"}),
        "db": Service(image="postgres:17"),
        "debugger": Service(image="debugger:1", profiles=("debug",)),
    },
)


def running(service: str, *, labels: dict[str, str] | None = None, **ports: int) -> dict[str, Any]:
    """Return what `docker inspect` shows of a service's container; `ports` are named after their protocol."""
    return {
        "Id": f"id-{service}",
        "Name": f"/shop-{service}-1",
        "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z"},
        "Config": {"Image": f"{service}:1", "Labels": {SERVICE_LABEL: service, **(labels or {})}},
        "NetworkSettings": {
            "Ports": {
                f"8000/{protocol}": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
                for protocol, port in ports.items()
            }
        },
    }


def script(fake: "FakeDocker", *containers: dict[str, Any]) -> None:
    fake.answer("ps", stdout="\n".join(one["Id"] for one in containers))
    fake.answer("inspect", stdout=list(containers))


def test_what_is_in_a_profile_is_told_only_when_it_has_a_container(fake_docker: "FakeDocker") -> None:
    script(fake_docker, running("db"))
    db, web = status.of_project(MODEL, ())
    assert (db.service, db.state, db.container) == ("db", "running", "shop-db-1")
    assert (web.service, web.state, web.image, web.seconds) == ("web", "absent", "shop-web", None)
    script(fake_docker, running("debugger"))
    assert [one.service for one in status.of_project(MODEL, ())] == ["db", "debugger", "web"]


def test_a_container_of_a_service_that_the_file_no_longer_has_is_told(fake_docker: "FakeDocker") -> None:
    script(fake_docker, running("worker"))
    worker = status.of_project(MODEL, ())[-1]
    assert (worker.service, worker.state, worker.origin) == ("worker", "running", "registry")


@pytest.mark.parametrize(
    ("scheme", "value", "shown"),
    [
        ("https", "false", "https://localhost:8080"),
        ("http", "true", "http://localhost:8080"),
        ("$SSL_ENABLED", "true", "https://localhost:8080"),
        ("$SSL_ENABLED", "false", "http://localhost:8080"),
        ("$SSL_ENABLED", None, "http://localhost:8080"),
    ],
)
def test_an_address_has_the_scheme_that_its_probe_asks_with(
    fake_docker: "FakeDocker", scheme: str, value: str | None, shown: str
) -> None:
    script(fake_docker, running("web", tcp=8080, udp=8081))
    model = Model(name="shop", services={"web": Service(environment={"SSL_ENABLED": value})})
    (web,) = status.of_project(model, [Probe(service="web", port=8000, scheme=scheme)])
    assert web.endpoints == (shown, "127.0.0.1:8081")


def test_a_probe_of_a_service_that_there_is_not_changes_nothing(fake_docker: "FakeDocker") -> None:
    script(fake_docker, running("web", tcp=8080))
    web = status.of_project(MODEL, [Probe(service="callback", port=8000)])[-1]
    assert web.endpoints == ("127.0.0.1:8080",)


@pytest.mark.parametrize(
    ("labels", "web", "db"),
    [
        ({}, "built", "registry"),
        (
            {engine.LOCAL_LABEL: "true", engine.VERSION_LABEL: "17.6"},
            "built on local build, version 17.6",
            "local build, version 17.6",
        ),
        (
            {engine.LOCAL_LABEL: "true"},
            "built on local build, version unknown",
            "local build, version unknown",
        ),
    ],
)
def test_an_images_origin_is_told(
    fake_docker: "FakeDocker", labels: dict[str, str], web: str, db: str
) -> None:
    script(fake_docker, running("web", labels=labels), running("db", labels=labels))
    assert [one.origin for one in status.of_project(MODEL, ())] == [db, web]
