from collections.abc import Mapping
from pathlib import Path

import pytest

from dashtam_tasks.findings import Finding
from dashtam_tasks.migration import legacy
from dashtam_tasks.migration.legacy import Role
from dashtam_tasks.migration.planning import choices
from dashtam_tasks.migration.planning.choices import UNDECIDED, Choices, Volumes
from dashtam_tasks.migration.planning.standalone import Source

pytestmark = pytest.mark.usefixtures("no_engine")

BASE = "services:\n  web: { image: web }\n"
NAMED = """\
services:
  web: { image: web, container_name: store-web }
  db: { image: db, container_name: store-db }
"""
OVERLAY = "services:\n  web: { command: sleep infinity }\n"
USE = "test:\n\tdocker compose -f docker-compose.yml -f docker-compose.test.yml up -d\n"


def sources(folder: Path, files: Mapping[str, str], chosen: Choices | None = None) -> dict[str, Source]:
    for name, text in files.items():
        path = folder / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = legacy.survey(folder / "shop")
    return {one.environment: one for one in choices.sources(found, chosen or Choices())}


@pytest.mark.parametrize(
    "chosen",
    [Choices(), Choices(project="shop", test_file=Role.STANDALONE, volumes=Volumes.ADOPT)],
)
def test_choices_outlive_being_written_down(chosen: Choices) -> None:
    assert Choices.of(chosen.as_data()).as_data() == chosen.as_data()
    assert all(isinstance(one, str) for one in chosen.as_data().values())


def test_what_is_not_written_down_is_the_default() -> None:
    assert Choices.of({}) == Choices()


@pytest.mark.parametrize(
    ("chosen", "kind", "settled"),
    [
        (Choices(), UNDECIDED, False),
        (Choices(test_file=Role.OVERLAY), UNDECIDED, True),
        (Choices(test_file=Role.OVERLAY), "env-is-link", False),
    ],
)
def test_a_choice_settles_its_own_question_alone(chosen: Choices, kind: str, settled: bool) -> None:
    assert chosen.answer(Finding(kind=kind, where="x", message="Which?")) == settled


def test_a_project_without_tests_has_development_alone(tmp_path: Path) -> None:
    (made,) = sources(tmp_path, {"docker-compose.yml": BASE, ".env": "A=1\n"}).values()
    assert (made.environment, made.files, made.env_file, made.project) == (
        "dev",
        ("docker-compose.yml",),
        ".env",
        "shop",
    )


def test_an_override_belongs_to_development_and_not_to_tests(tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": BASE,
        "docker-compose.override.yml": OVERLAY,
        "docker-compose.test.yml": OVERLAY,
        "Makefile": USE,
    }
    made = sources(tmp_path, files)
    assert made["dev"].files == ("docker-compose.yml", "docker-compose.override.yml")
    assert made["test"].files == ("docker-compose.yml", "docker-compose.test.yml")


@pytest.mark.parametrize(("option", "shares"), [("", True), (" --env-file .env.test", False)])
def test_tests_share_an_env_file_where_they_name_none(tmp_path: Path, option: str, shares: bool) -> None:
    use = USE.replace(" up", f"{option} up")
    files = {"docker-compose.yml": BASE, "docker-compose.test.yml": OVERLAY, "Makefile": use}
    made = sources(tmp_path, {**files, ".env": "A=1\n", ".env.test": "A=2\n"})
    assert (made["test"].shares_env_file, made["dev"].shares_env_file) == (shares, False)


def test_a_person_says_what_the_test_file_is(tmp_path: Path) -> None:
    files = {"docker-compose.yml": BASE, "docker-compose.test.yml": BASE, "Makefile": USE}
    made = sources(tmp_path, files, Choices(test_file=Role.STANDALONE))
    assert made["test"].files == ("docker-compose.test.yml",)


@pytest.mark.parametrize(
    ("text", "chosen", "prefix"),
    [
        (BASE, Choices(), "shop"),
        (NAMED, Choices(), "store"),
        (NAMED, Choices(project="mine"), "mine"),
        (NAMED.replace("store-db", "other-db"), Choices(), "shop"),
        (BASE.replace("image: web", "image: web, container_name: store-web"), Choices(), "shop"),
    ],
)
def test_names_begin_as_they_do_now_or_as_a_person_says(
    tmp_path: Path, text: str, chosen: Choices, prefix: str
) -> None:
    assert sources(tmp_path, {"docker-compose.yml": text}, chosen)["dev"].project == prefix


def test_tests_without_an_env_file_of_their_own_have_developments(tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": BASE,
        "docker-compose.test.yml": OVERLAY,
        "Makefile": USE,
        ".env": "A=1\n",
    }
    assert sources(tmp_path, files)["test"].env_file == ".env"
    own = USE.replace("docker compose", "docker compose --env-file .env.test")
    made = sources(tmp_path, {**files, "Makefile": own, ".env.test": "A=2\n"})
    assert made["test"].env_file == ".env.test"
