from pathlib import Path

import pytest

from dashtam_tasks.compose import Model, Named, PublishedPort, Service
from dashtam_tasks.migration.planning import apartness
from dashtam_tasks.migration.planning.provenance import Planned, legacy_files
from dashtam_tasks.migration.planning.standalone import Source


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


def breaches(folder: Path, *models: Model, **files: str) -> list[tuple[str, str]]:
    """Return what environments share, which are made from legacy files of these names."""
    planned = [
        Planned(
            name=model.name,
            file=folder / "compose" / f"{model.name}.yml",
            model=model,
            legacy=legacy_files(
                Source(environment=model.name, project="shop", files=tuple(files.values())), folder
            ),
        )
        for model in models
    ]
    found = apartness.breaches(planned, folder=folder, stage=folder / "stage")
    assert str(folder) not in "".join(one.message for one in found)
    return [(one.kind, one.where) for one in found]


def test_what_two_environments_share_is_told_with_the_line_that_a_person_has(tmp_path: Path) -> None:
    text = "services:\n  web:\n    image: web\n    ports:\n      - 8000:80\n"
    (tmp_path / "base.yml").write_text(text)
    dev, test = project("dev", "8000"), project("test", "8000")
    assert breaches(tmp_path, dev, test, base="base.yml") == [("shared-port", "base.yml:5")]
    assert breaches(tmp_path, dev, project("test", "8001"), base="base.yml") == []


def test_of_several_files_the_last_that_says_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text("services:\n  web:\n    image: web\n    ports: [8000:80]\n")
    (tmp_path / "test.yml").write_text("services:\n  web:\n    container_name: web\n")
    files = {"base": "base.yml", "test": "test.yml"}
    dev, test = (project(name, "8000", container="web") for name in ("dev", "test"))
    assert sorted(breaches(tmp_path, dev, test, **files)) == [
        ("shared-container-name", "test.yml:3"),
        ("shared-port", "base.yml:4"),
    ]


def test_what_no_file_says_itself_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text("services:\n  web:\n    extends: { file: other.yml, service: web }\n")
    dev, test = (project(name, "8000", container="web") for name in ("dev", "test"))
    assert sorted(breaches(tmp_path, dev, test, base="base.yml")) == [
        ("shared-container-name", "base.yml:2 (services.web.container_name)"),
        ("shared-port", "base.yml:2 (services.web.ports)"),
    ]
    (tmp_path / "base.yml").write_text("include: [other.yml]\n")
    assert ("shared-port", "base.yml (services.web.ports)") in breaches(tmp_path, dev, test, base="base.yml")


def test_one_project_for_two_environments_is_told(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text("services: {}\nname: shop\n")
    same = project("shop")
    assert breaches(tmp_path, same, same, base="base.yml") == [("shared-project", "base.yml:2")]


def test_a_network_that_both_name_is_told_where_it_had_its_old_key(tmp_path: Path) -> None:
    (tmp_path / "base.yml").write_text("networks:\n  shop-net:\n    name: net\n")
    models = [
        Model(
            name=name,
            services={"web": Service(image="web", networks={f"{name}-net": None})},
            networks={f"{name}-net": Named(name="net")},
        )
        for name in ("dev", "test")
    ]
    assert breaches(tmp_path, *models, base="base.yml") == [("shared-network", "base.yml:3")]
