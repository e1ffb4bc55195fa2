from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.planning.equivalence import Declared, Resolvable, stand_in, undeclared

SHOP = """\
services:
  web:
    build: .
    command: ["serve", "--port", "${PORT:-3000}"]
    environment: {LEVEL: "${LEVEL:-info}", MODE: "${MODE}"}
    ports: ["${PORT:-3000}:3000"]
    volumes: ["./src:/app/src", "./.env:/app/.env:ro"]
"""
NAMED = Declared(rule="project-name", place=("name",), why="each environment is a project")


def project(folder: Path, text: str, name: str = "docker-compose.yml") -> Resolvable:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Resolvable(root=folder, files=(path,))


def found(before: Resolvable, after: Resolvable, *declared: Declared, **values: str) -> list[str]:
    return [str(one) for one in undeclared(before, after, values=values, declared=declared)]


@pytest.fixture
def shop(tmp_path: Path) -> Resolvable:
    return project(tmp_path / "shop", SHOP)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder of the same name, where the project would stand."""
    return tmp_path / "stage" / "shop"


def test_a_file_that_moved_with_its_paths_is_the_same(shop: Resolvable, elsewhere: Path) -> None:
    moved = SHOP.replace("./src", "../src").replace("./.env", "../.env").replace("build: .", "build: ..")
    after = project(elsewhere, f"name: shop\n{moved}", "compose/docker-compose.dev.yml")
    assert found(shop, after, LEVEL="debug") == []


def test_a_path_that_was_not_rebased_is_told(shop: Resolvable, elsewhere: Path) -> None:
    after = project(elsewhere, f"name: shop\n{SHOP}", "compose/docker-compose.dev.yml")
    assert sorted(found(shop, after)) == [
        'services.web.build.context: "." became "./compose"',
        'services.web.volumes./app/.env.source: "./.env" became "./compose/.env"',
        'services.web.volumes./app/src.source: "./src" became "./compose/src"',
    ]


def test_a_value_that_was_baked_in_is_told_although_it_is_the_right_one(
    shop: Resolvable, elsewhere: Path
) -> None:
    after = project(elsewhere, SHOP.replace("${LEVEL:-info}", "debug"))
    (one,) = undeclared(shop, after, values={"LEVEL": "debug"}, declared=())
    assert (one.place, one.after) == (("services", "web", "environment", "LEVEL"), "debug")
    assert one.before != "debug"


def test_another_default_is_told_although_a_value_is_set(shop: Resolvable, elsewhere: Path) -> None:
    after = project(elsewhere, SHOP.replace("${LEVEL:-info}", "${LEVEL:-warning}"))
    assert found(shop, after) == ['services.web.environment.LEVEL: "info" became "warning"']


def test_a_declared_change_covers_what_is_below_it_and_nothing_else(
    shop: Resolvable, elsewhere: Path
) -> None:
    changed = SHOP.replace('"${PORT:-3000}:3000"', '"127.0.0.1:${PORT:-3000}:3000", "9229:9229"')
    loopback = Declared(rule="loopback", place=("services", "*", "ports", "3000/tcp", "host_ip"), why="")
    after = project(elsewhere, f"name: shop-dev\n{changed}")
    assert {line.partition(":")[0] for line in found(shop, after, NAMED, loopback)} == {
        f"services.web.ports.9229/tcp.{key}" for key in ("mode", "target", "published", "protocol")
    } | {"networks.default.name"}


def test_files_that_are_used_together_are_resolved_together(shop: Resolvable, elsewhere: Path) -> None:
    overlay = project(shop.root, "services: {web: {command: [test], cap_add: [NET_ADMIN]}}\n", "test.yml")
    both = Resolvable(root=shop.root, files=(*shop.files, *overlay.files))
    after = project(elsewhere, SHOP.replace('["serve", "--port", "${PORT:-3000}"]', "[test]"))
    assert found(both, after) == ['services.web.cap_add: ["NET_ADMIN"] became null']


def test_no_env_file_and_no_variable_of_ours_is_read(
    shop: Resolvable, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.root / ".env").write_text("LEVEL=from-the-file\n")
    monkeypatch.setenv("LEVEL", "from-the-shell")
    assert found(shop, project(elsewhere, SHOP)) == []
    assert shop.model({})["services"]["web"]["environment"]["LEVEL"] == "info"


def test_what_compose_refuses_is_told_in_its_words(shop: Resolvable, elsewhere: Path) -> None:
    after = project(elsewhere, "services: {web: {image: x, ports: [a]}}\n")
    with pytest.raises(DashtamError, match=r"^Compose cannot resolve ") as raised:
        undeclared(shop, after, values={}, declared=())
    assert raised.value.code == ExitCode.DATA
    assert "invalid" in raised.value.details


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("5432", "20007"),
        ("true", "false"),
        ("False", "true"),
        ("./data", "/stand-in-some-name"),
        ("/var/lib", "/stand-in-some-name"),
        ("postgres:17", "stand-in-some-name"),
        ("", "stand-in-some-name"),
    ],
)
def test_a_stand_in_may_stand_where_the_sample_may(sample: str, expected: str) -> None:
    assert stand_in("SOME_NAME", sample, 7) == expected
