"""References: what names an old name is listed with its place, and what means something else is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.migration.references.conftest import Found

pytestmark = pytest.mark.shapes

Said = Callable[[str, str], list[tuple[str, str, str]]]
DEV = "compose/docker-compose.dev.yml"
TEST = "compose/docker-compose.test.yml"
PLAIN_TEST = f"docker compose -f {TEST} --env-file envs/.env.test"
WORKFLOW = """\
jobs:
  a:
    steps:
      - run: docker-compose -f docker-compose.yml -f docker-compose.test.yml run --rm app
"""

LISTED = {
    "a container in a document": ("README.md", "See shop-app.", [("1", "shop-app", "shop-dev-app")]),
    "a network": ("a.txt", "--net shop-network", [("1", "shop-network", "shop-dev-network")]),
    "a volume by its key": ("a.txt", "'redis_data'", [("1", "redis_data", "dev_redis_data")]),
    "a volume after a placeholder": (
        "README.md",
        "<folder>_redis_data or ${NAME}_redis_data",
        [("1", "<folder>_redis_data", "shop-dev_dev_redis_data")],
    ),
    "a volume of the engine": (
        "a.txt",
        "shop_redis_data",
        [("1", "shop_redis_data", "shop-dev_dev_redis_data")],
    ),
    "an env file at the end of a sentence": (
        "docs/a.md",
        "Copy it to .env.",
        [("1", ".env", "envs/.env.dev")],
    ),
    "an example": ("a.sh", "cp .env.example x", [("1", ".env.example", "envs/.env.dev.example")]),
    "a path after a variable": ("a.sh", "cat $ROOT/.env.test", [("1", "$ROOT/.env.test", "envs/.env.test")]),
    "a path from the file's own folder": (
        "docs/a.md",
        "[it](../docker-compose.yml)",
        [("1", "../docker-compose.yml", DEV)],
    ),
    "pytest's env files": (
        "pyproject.toml",
        'env_files = ".env.test"',
        [("1", ".env.test", "envs/.env.test")],
    ),
    "code, which runs in a container": (
        "src/settings.py",
        'load(".env")',
        [("1", ".env", "on the host it is envs/.env.dev now, and in a container still /app/.env")],
    ),
    "Windows line ends": ("a.cmd", "rem\r\ntype .env\r\n", [("2", ".env", "envs/.env.dev")]),
    "plain Compose": ("a.sh", "docker compose up -d", [("1", "docker compose up -d", "inv dev.up")]),
    "Compose with options": (
        "a.sh",
        "docker compose up --build --detach db",
        [("1", "docker compose up --build --detach db", "inv dev.up --build --service=db")],
    ),
    "Compose with an option that no task has": (
        "a.sh",
        "docker compose up --watch",
        [("1", "docker compose up --watch", f"docker compose -f {DEV} --env-file envs/.env.dev up --watch")],
    ),
    "Compose with the overlay": (
        ".github/workflows/a.yml",
        WORKFLOW,
        [
            (
                "4",
                "docker-compose -f docker-compose.yml -f docker-compose.test.yml run --rm app",
                f"{PLAIN_TEST} run --rm app",
            )
        ],
    ),
    "a command in a service": (
        "README.md",
        "`docker compose exec app sh -l`",
        [("1", "docker compose exec app sh -l", "inv dev.exec --service=app -- sh -l")],
    ),
    "data that are removed": (
        "a.sh",
        "docker compose down -v",
        [("1", "docker compose down -v", "inv dev.down --volumes")],
    ),
    "files that a script has chosen before": (
        "a.sh",
        "export COMPOSE_FILE=docker-compose.yml:docker-compose.test.yml\ndocker compose down -v\n",
        [
            ("1", "COMPOSE_FILE=docker-compose.yml:docker-compose.test.yml", f"COMPOSE_FILE={TEST}"),
            ("2", "docker compose down -v", "inv test.down --volumes"),
        ],
    ),
    "another environment's file": (
        "a.sh",
        "docker compose -f docker-compose.yml -f docker-compose.prod.yml up",
        [
            (
                "1",
                "docker compose -f docker-compose.yml -f docker-compose.prod.yml up",
                "docker-compose.prod.yml has not been migrated",
            )
        ],
    ),
    "a value that a command gives": (
        "a.sh",
        "docker compose run -e KEY=swordfish app x",
        [("1", "docker compose run -e KEY=… app x", "inv dev.run --service=app -- x")],
    ),
    "make": ("README.md", "`make up`", [("1", "make up", "inv dev.up")]),
    "make with a pattern": ("a.sh", "make logs-app", [("1", "make logs-app", "inv dev.logs --service app")]),
    "make without a successor": (
        "WARP.md",
        "`make test`",
        [("1", "make test", "nobody knows what it is for")],
    ),
    "make in a comment": ("a.cfg", "# after `make up`", [("1", "make up", "inv dev.up")]),
}


@pytest.mark.parametrize("case", LISTED)
def test_a_reference_is_listed_with_what_it_should_say(said: Said, case: str) -> None:
    name, text, expected = LISTED[case]
    assert said(name, text) == expected


OTHERS = {
    "a longer name": ("a.txt", "my-shop-app shop-app-2 docker-compose.yml.j2 .env.testing process.env"),
    "a path in a container": ("Dockerfile", "COPY x /app/.env"),
    "another folder's file": ("web/README.md", "Copy .env.example to web/.env"),
    "a folder": ("a.txt", ".env/bin/python"),
    "an image": ("a.txt", "registry/shop-app"),
    "prose about making": ("README.md", "Then make up your mind."),
    "another project's make": ("a.sh", "make -C other up"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_what_means_something_else_is_not_listed(found: Found, case: str) -> None:
    name, text = OTHERS[case]
    listed = found({name: text, "web/.env": "", "web/.env.example": ""}).listed
    assert [one for one in listed if one.file == name] == []


def test_files_that_are_migrated_or_secret_are_not_searched(found: Found) -> None:
    made = found({".gitignore": ".env\n", ".dockerignore": "docker-compose.yml\n"})
    assert made.listed == ()
    assert "swordfish" not in repr(made)


def test_an_example_is_listed_where_it_will_be(found: Found) -> None:
    (one,) = found({".env.example": "# Copy this to .env\n"}).listed
    assert str(one) == "envs/.env.dev.example:1: `.env` should be `envs/.env.dev`"


def test_what_is_no_text_is_skipped_and_what_is_too_long_is_named(found: Found) -> None:
    made = found(
        {"logo.png": b"\0shop-app", "log.txt": b"shop-app\n" * 200_000, "node_modules/a.md": "shop-app"}
    )
    assert made.listed == ()
    assert made.skipped == ("log.txt",)
    assert made.remarks == ("log.txt: it was not read; look there yourself",)


def test_of_a_file_with_many_places_only_the_first_are_told_and_all_are_kept(found: Found) -> None:
    made = found({"a.txt": "shop-app\n" * 5, "b.txt": "shop-app\n"})
    assert made.remarks == (
        "a.txt: 5 places name what is called otherwise now, the first in lines 1, 2, 3",
        "b.txt:1: `shop-app` should be `shop-dev-app`",
    )
    assert made.every == tuple(
        f"a.txt:{number}: `shop-app` should be `shop-dev-app`" for number in range(1, 6)
    )


DEVCONTAINER = """\
// Ours.\r
{\r
\t"x": {"dockerComposeFile": "a"},\r
\t"dockerComposeFile": VALUE, /* "service" */\r
\t"service": "app",\r
}"""
CHANGED = {
    "a name": ('"docker-compose.yml"', '"../compose/docker-compose.dev.yml"'),
    "a list": ('[ "../docker-compose.yml", ]', '[ "../compose/docker-compose.dev.yml", ]'),
    "an overlay": (
        '["../docker-compose.yml",\r\n "../docker-compose.test.yml"]',
        '["../compose/docker-compose.test.yml"]',
    ),
}


@pytest.mark.parametrize("case", CHANGED)
def test_a_devcontainer_names_the_new_file_and_every_other_byte_stays(found: Found, case: str) -> None:
    before, after = CHANGED[case]
    value = before if before.startswith("[") else '"../docker-compose.yml"'
    text = DEVCONTAINER.replace("VALUE", value)
    (change,) = found({".devcontainer/devcontainer.json": text}).changes
    assert change.path == ".devcontainer/devcontainer.json"
    assert change.data.decode() == DEVCONTAINER.replace("VALUE", after)


def test_a_devcontainer_at_the_root_is_changed_once(found: Found, tmp_path: Path) -> None:
    made = found({".devcontainer.json": '{"dockerComposeFile": "docker-compose.yml", "service": "app"}'})
    (change,) = made.changes
    assert change.data == b'{"dockerComposeFile": "compose/docker-compose.dev.yml", "service": "app"}'
    assert [one.note for one in made.listed] == [
        "it reads no env file: set COMPOSE_ENV_FILES to the path of envs/.env.dev"
    ]
    (tmp_path / "shop" / change.path).write_bytes(change.data)
    assert found({".devcontainer.json": change.data}).changes == ()


UNCERTAIN = {
    "files of its own": '["../docker-compose.yml", "own.yml"]',
    "a comment between": '["../docker-compose.yml", /* then */ "../docker-compose.test.yml"]',
}


@pytest.mark.parametrize("case", UNCERTAIN)
def test_a_devcontainer_that_only_a_person_can_change_is_listed(found: Found, case: str) -> None:
    text = DEVCONTAINER.replace("VALUE", UNCERTAIN[case])
    made = found({".devcontainer/devcontainer.json": text, ".devcontainer/own.yml": "services: {}\n"})
    assert made.changes == ()
    (listed,) = [one for one in made.listed if one.text == "dockerComposeFile"]
    assert listed.where == ".devcontainer/devcontainer.json:4"
    assert listed.note
