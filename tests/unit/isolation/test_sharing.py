from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks.isolation import overlaps

if TYPE_CHECKING:
    from tests.unit.isolation.conftest import MakeSubject

Line = Callable[[Path, str], str]

TEXT = """\
name: shop${SUFFIX:-}
services:
  app:
    container_name: shop-app
    ports:
      - "127.0.0.1:${PORT:-8000}:8000"
    volumes:
      - ./data:/data
      - files:/files
    networks: [back]
networks:
  back:
    name: shop-back
volumes:
  files:
    name: shop-files
"""
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - what Compose may publish on


def port(published: str, host_ip: str = "127.0.0.1", protocol: str = "tcp") -> dict[str, Any]:
    return {"target": 8000, "published": published, "host_ip": host_ip, "protocol": protocol}


def bind(source: Path, *, read_only: bool = False) -> dict[str, Any]:
    return {"type": "bind", "source": str(source), "target": "/data", "read_only": read_only}


def volume(source: str) -> dict[str, Any]:
    return {"type": "volume", "source": source, "target": "/files"}


def test_everything_that_two_instances_share_is_named_with_its_line(
    make_subject: "MakeSubject", tmp_path: Path, line: Line
) -> None:
    service = {
        "container_name": "shop-app",
        "ports": [port("8000")],
        "volumes": [bind(tmp_path / "data"), volume("files")],
        "networks": {"back": None},
    }
    rest = {"networks": {"back": {"name": "shop-back"}}, "volumes": {"files": {"name": "shop-files"}}}
    dev = make_subject("dev", TEXT, {"app": service}, **rest)
    test = make_subject("test", "\n" + TEXT, {"web": service}, **rest)
    found = overlaps(dev, test, shared=())
    assert [(one.kind, one.where) for one in found] == [
        ("shared-container-name", line(dev.file, "container_name: shop-app")),
        ("shared-port", line(dev.file, "${PORT:-8000}")),
        ("shared-network", line(dev.file, "name: shop-back")),
        ("shared-bind-mount", line(dev.file, "./data:/data")),
        ("shared-volume", line(dev.file, "name: shop-files")),
    ]
    things = ("shop-app", "127.0.0.1:8000/tcp", "shop-back", str(tmp_path / "data"), "shop-files")
    for one, thing in zip(found, things, strict=True):
        assert thing in one.message
        assert "app of dev" in one.message
        assert "web of test" in one.message
        assert one.hint
    # The other side's file is another.
    assert line(test.file, "name: shop-back") in found[2].message


def test_instances_with_everything_of_their_own_share_nothing(
    make_subject: "MakeSubject", tmp_path: Path
) -> None:
    dev, test = (
        make_subject(
            name,
            TEXT,
            {
                "app": {
                    "container_name": f"shop-app-{name}",
                    "ports": [port(published), port("9000", f"127.0.0.{published[-1]}"), {"target": 7000}],
                    "volumes": [
                        bind(tmp_path / name),
                        volume("files"),
                        {"type": "volume", "target": "/anonymous"},
                        {"type": "tmpfs", "target": "/tmp"},  # noqa: S108 - a path in a container
                    ],
                    "networks": {"default": None},
                },
                "tool": {"network_mode": "none"},
                "sidecar": {"network_mode": "service:app"},
            },
            networks={"default": {"name": f"{name}_default"}},
            volumes={"files": {"name": f"{name}_files"}},
        )
        for name, published in (("dev", "8001"), ("test", "8002"))
    )
    assert overlaps(dev, test, shared=()) == ()


def test_one_project_name_is_told_without_all_that_follows_from_it(
    make_subject: "MakeSubject", line: Line
) -> None:
    service = {"networks": {"default": None, "fixed": None}, "volumes": [volume("files")]}
    rest = {
        "networks": {"default": {"name": "shop_default"}, "fixed": {"name": "shop-net"}},
        "volumes": {"files": {"name": "shop_files"}},
    }
    dev = make_subject("dev", TEXT, {"app": service}, project="shop", **rest)
    test = make_subject("test", TEXT, {"app": service}, project="shop", **rest)
    project, network = overlaps(dev, test, shared=())
    assert (project.kind, project.where) == ("shared-project", line(dev.file, "name: shop${SUFFIX"))
    assert "dev and test" in project.message
    assert "project shop" in project.message
    # Another project name would not end this one.
    assert network.kind == "shared-network"
    assert "shop-net" in network.message


def test_container_names_that_compose_derives_may_meet_too(make_subject: "MakeSubject") -> None:
    one = make_subject("one", TEXT, {"b-c": {}}, project="a")
    other = make_subject("other", TEXT, {"c": {}}, project="a-b")
    (found,) = overlaps(one, other, shared=())
    assert found.kind == "shared-container-name"
    assert "a-b-c-1" in found.message


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (port("8000"), port("8000", EVERY_ADDRESS), "127.0.0.1:8000/tcp"),
        (port("8000"), port("8000", ""), "127.0.0.1:8000/tcp"),
        (port("8000", "::"), port("8000"), "127.0.0.1:8000/tcp"),
        (port("8000", "::"), port("8000", "::1"), "[::1]:8000/tcp"),
        (port("8000", "::1"), port("8000", "0:0:0:0:0:0:0:1"), "[::1]:8000/tcp"),
        (port("8000", ""), port("8000", ""), " 8000/tcp"),
        (port("8000-8010"), port("8005"), "127.0.0.1:8005/tcp"),
        (port("8000-8010"), port("8008-8020"), "127.0.0.1:8008-8010/tcp"),
        (port("53", protocol="udp"), port("53", protocol="udp"), "127.0.0.1:53/udp"),
    ],
)
def test_host_ports_meet_by_number_address_and_protocol(
    make_subject: "MakeSubject", one: dict[str, Any], other: dict[str, Any], common: str
) -> None:
    dev = make_subject("dev", TEXT, {"app": {"ports": [one]}})
    test = make_subject("test", TEXT, {"app": {"ports": [other]}})
    (found,) = overlaps(dev, test, shared=())
    assert found.kind == "shared-port"
    assert f"{common} is published" in found.message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (port("8000"), port("8001")),
        (port("8000"), port("8000", "::1")),
        (port("8000"), port("8000", "192.168.1.2")),
        (port("53"), port("53", protocol="udp")),
        (port("8000-8010"), port("8011-8020")),
        (port(""), port("")),
    ],
)
def test_host_ports_that_fit_side_by_side_are_no_breach(
    make_subject: "MakeSubject", one: dict[str, Any], other: dict[str, Any]
) -> None:
    dev = make_subject("dev", TEXT, {"app": {"ports": [one]}})
    test = make_subject("test", TEXT, {"app": {"ports": [other]}})
    assert overlaps(dev, test, shared=()) == ()


@pytest.mark.parametrize("mode", ["host", "bridge"])
def test_a_network_of_the_engine_is_shared_by_all_that_join_it(
    make_subject: "MakeSubject", mode: str, line: Line
) -> None:
    text = f"services:\n  app:\n    network_mode: {mode}\n"
    dev, test = (make_subject(name, text, {"app": {"network_mode": mode}}) for name in ("dev", "test"))
    (found,) = overlaps(dev, test, shared=())
    assert (found.kind, found.where) == ("shared-network", line(dev.file, "network_mode"))
    assert f"Network {mode} " in found.message


def test_what_several_services_share_is_told_once(make_subject: "MakeSubject", tmp_path: Path) -> None:
    services = {
        name: {"volumes": [bind(tmp_path / "data"), volume("files")]} for name in ("db", "app", "worker")
    }
    rest = {"volumes": {"files": {"name": "shared-files"}}}
    dev, test = (make_subject(name, TEXT, services, **rest) for name in ("dev", "test"))
    found = overlaps(dev, test, shared=())
    assert sorted(one.kind for one in found) == ["shared-bind-mount", "shared-volume"]
    assert all("app, db and worker of dev" in one.message for one in found)


def two_binds(
    make_subject: "MakeSubject", one: dict[str, Any], other: dict[str, Any], *shared: Path
) -> tuple[str, ...]:
    dev = make_subject("dev", TEXT, {"app": {"volumes": [one]}})
    test = make_subject("test", TEXT, {"web": {"volumes": [other]}})
    found = overlaps(dev, test, shared=shared)
    assert {one.kind for one in found} <= {"shared-bind-mount"}
    return tuple(one.message for one in found)


def test_a_path_is_shared_when_either_side_may_write(make_subject: "MakeSubject", tmp_path: Path) -> None:
    writable, read_only = bind(tmp_path), bind(tmp_path, read_only=True)
    (message,) = two_binds(make_subject, writable, read_only)
    assert "writable by app of dev" in message
    assert "read-only by web of test" in message
    assert len(two_binds(make_subject, read_only, writable)) == 1
    assert two_binds(make_subject, read_only, read_only) == ()


def test_a_path_is_shared_with_what_is_inside_of_it(make_subject: "MakeSubject", tmp_path: Path) -> None:
    outer, inner = bind(tmp_path / "data"), bind(tmp_path / "data/pg")
    (message,) = two_binds(make_subject, outer, inner)
    assert f"{tmp_path}/data/pg in it" in message
    (message,) = two_binds(make_subject, inner, outer)
    assert f"{tmp_path}/data around it" in message
    assert two_binds(make_subject, outer, bind(tmp_path / "data-of-test")) == ()


def test_paths_are_compared_as_they_really_are(make_subject: "MakeSubject", tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    (message,) = two_binds(make_subject, bind(tmp_path / "link"), bind(tmp_path / "x/../data"))
    assert f"{tmp_path}/data is mounted" in message


def test_sources_that_are_meant_to_be_shared_are_no_breach(
    make_subject: "MakeSubject", tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "src")
    sources = bind(tmp_path / "src/app")
    assert two_binds(make_subject, sources, sources, tmp_path / "src") == ()
    assert two_binds(make_subject, sources, sources, tmp_path / "link") == ()
    # Only the common part counts: the sources, not what lies around them.
    assert two_binds(make_subject, bind(tmp_path), sources, tmp_path / "src") == ()
    assert len(two_binds(make_subject, bind(tmp_path), bind(tmp_path), tmp_path / "src")) == 1


def test_a_volume_that_is_a_bind_mount_in_disguise_is_seen_through(
    make_subject: "MakeSubject", tmp_path: Path, line: Line
) -> None:
    text = f"volumes:\n  files:\n    driver_opts:\n      device: {tmp_path / 'data'}\n"
    options = {"type": "none", "o": "bind,rw", "device": str(tmp_path / "data")}
    dev, test = (
        make_subject(
            name,
            text,
            {"app": {"volumes": [volume("files")]}},
            volumes={"files": {"name": f"{name}_files", "driver_opts": options}},
        )
        for name in ("dev", "test")
    )
    (found,) = overlaps(dev, test, shared=())
    assert (found.kind, found.where) == ("shared-bind-mount", line(dev.file, "device:"))
