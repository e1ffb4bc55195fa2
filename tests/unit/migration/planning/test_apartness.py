from pathlib import Path

import pytest

from dashtam_tasks.compose import Model, Named, PublishedPort, Service
from dashtam_tasks.migration.planning import apartness


def project(name: str, *published: str, container: str = "") -> Model:
    ports = tuple(PublishedPort(target=80, published=one, host_ip="127.0.0.1") for one in published)
    return Model(name=name, services={"web": Service(image="web", ports=ports, container_name=container)})


@pytest.mark.parametrize(
    ("development", "tests", "offset"),
    [
        (("8000",), ("8000",), 1),
        (("8000", "8001"), ("8000",), 2),
        (("8000-8009",), ("8000-8009",), 10),
        (("8000-8099",), ("8000-8099",), 100),
        (("8000",), ("9000",), 1),
        ((), (), 1),
        (("8000",), ("",), 1),
    ],
)
def test_ports_of_tests_move_as_far_as_they_have_to(
    development: tuple[str, ...], tests: tuple[str, ...], offset: int
) -> None:
    assert apartness.offset(project("dev", *development), project("test", *tests)) == offset


def test_without_a_test_file_there_is_nothing_to_move() -> None:
    assert apartness.offset(project("dev", "8000"), None) == 1


def test_what_two_environments_share_is_told_with_its_place_in_the_project(tmp_path: Path) -> None:
    text = "services:\n  web:\n    image: web\n    ports:\n      - 8000:80\n"
    for name in ("dev", "test"):
        (tmp_path / f"{name}.yml").write_text(text)
    files = {name: f"{name}.yml" for name in ("dev", "test")}
    models = {name: project(name, "8000") for name in files}
    (found,) = apartness.breaches(tmp_path, files, models)
    assert (found.kind, found.where) == ("shared-port", "dev.yml:5")
    assert str(tmp_path) not in found.message
    assert apartness.breaches(tmp_path, files, {**models, "test": project("test", "8001")}) == ()


def test_one_project_or_one_container_for_two_environments_is_told(tmp_path: Path) -> None:
    for name in ("dev", "test"):
        (tmp_path / f"{name}.yml").write_text("services: {}\n")
    files = {name: f"{name}.yml" for name in ("dev", "test")}
    one = {name: project("shop") for name in files}
    assert [breach.kind for breach in apartness.breaches(tmp_path, files, one)] == ["shared-project"]
    named = {name: project(name, container="web") for name in files}
    assert [breach.kind for breach in apartness.breaches(tmp_path, files, named)] == ["shared-container-name"]


def test_a_network_that_both_name_is_told(tmp_path: Path) -> None:
    for name in ("dev", "test"):
        (tmp_path / f"{name}.yml").write_text("services: {}\n")
    models = {
        name: Model(
            name=name,
            services={"web": Service(image="web", networks={"net": None})},
            networks={"net": Named(name="net")},
        )
        for name in ("dev", "test")
    }
    found = apartness.breaches(tmp_path, {"dev": "dev.yml", "test": "test.yml"}, models)
    assert [one.kind for one in found] == ["shared-network"]
