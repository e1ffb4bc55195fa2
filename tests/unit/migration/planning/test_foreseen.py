"""What verification will ask for is said by the plan, and no more once it is written."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from dashtam_tasks.migration.planning import plan
from dashtam_tasks.migration.planning.choices import Choices
from dashtam_tasks.migration.planning.foreseen import ASKED
from tests.unit.conftest import FakeDocker

WORKER = """\
services:
  web:
    image: shop-web:1
    healthcheck: { test: [CMD, ask], interval: 5s, timeout: 5s }
    depends_on: [db]
  worker:
    build: .
    command: [python, -m, shop.worker]
  db:
    image: postgres:17
    volumes: ["data:/var/lib/postgresql/data"]
volumes:
  data:
"""
CHECK = "healthcheck: { test: [CMD, ask], interval: 5s, timeout: 5s }"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder called shop, for files of a test."""
    (tmp_path / "shop").mkdir()
    return tmp_path / "shop"


def asked(project: Path, files: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what verification will ask for, by the steps whose files have it; nothing of it refuses the plan."""
    for name, text in files.items():
        (project / name).write_text(text)
    made = plan.make(project, Choices())
    assert plan.is_sound(made)
    assert not made.refusals
    told = {
        one.outline.number: [
            text.removeprefix(ASKED).strip() for text in one.remarks if text.startswith(ASKED)
        ]
        for one in made.steps
    }
    return {number: texts for number, texts in told.items() if texts}


@pytest.mark.usefixtures("no_engine")
def test_a_health_check_that_only_a_person_can_write_is_asked_for_with_its_place(project: Path) -> None:
    found = asked(project, {"docker-compose.yml": WORKER, "Dockerfile": "FROM python:3\n"})
    assert list(found) == ["1.2"]
    (text,) = found["1.2"]
    assert text.startswith("a health check of worker: write a `healthcheck` with a `test`")
    assert "into docker-compose.yml:6, or compose/docker-compose.dev.yml once it is there" in text


WRITTEN = {
    "it has one": ("build: .\n", f"build: .\n    {CHECK}\n", "FROM python:3\n"),
    "it is a job": ("build: .\n", "build: .\n    profiles: [job]\n", "FROM python:3\n"),
    "its image brings one": ("build: .\n", "build: .\n", "FROM python:3\nHEALTHCHECK CMD ask\n"),
}


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(("old", "new", "dockerfile"), WRITTEN.values(), ids=WRITTEN)
def test_nothing_is_asked_for_once(project: Path, old: str, new: str, dockerfile: str) -> None:
    files = {"docker-compose.yml": WORKER.replace(old, new), "Dockerfile": dockerfile}
    assert asked(project, files) == {}


@pytest.mark.usefixtures("no_engine")
def test_another_pace_is_asked_for_with_the_line_that_says_it(project: Path) -> None:
    text = WORKER.replace(
        "    build: .\n", f"    image: worker\n    {CHECK.replace('interval: 5s', 'interval: 5m')}\n"
    )
    (found,) = asked(project, {"docker-compose.yml": text})["1.2"]
    assert found.startswith("another interval of worker's health check than 5m0s: write one of 1 s to 60 s")
    assert "docker-compose.yml:8" in found


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(
    ("volumes", "folder"),
    [
        ("", "/var/lib/postgresql/data"),
        ("    volumes: [/var/lib/postgresql/data]\n", "/var/lib/postgresql/data"),
    ],
    ids=["by its image", "by its file"],
)
def test_data_in_a_volume_without_a_name_is_asked_to_have_one(
    project: Path, volumes: str, folder: str
) -> None:
    base = f"services:\n  db:\n    image: postgres:17\n{volumes}"
    (found,) = asked(project, {"docker-compose.yml": base})["1.2"]
    assert found.startswith(f"a name for the volume in {folder} of db")
    assert f"write `- db_data:{folder}` below its `volumes`" in found
    named = (
        f"services:\n  db:\n    image: postgres:17\n    volumes: ['db_data:{folder}']\nvolumes:\n  db_data:\n"
    )
    assert asked(project, {"docker-compose.yml": named}) == {}


@pytest.mark.usefixtures("no_engine")
@pytest.mark.parametrize(
    "lines", ["volumes: ['./data:/var/lib/postgresql/data']", "tmpfs: /var/lib/postgresql/data"]
)
def test_data_in_a_folder_of_the_project_or_in_memory_need_no_name(project: Path, lines: str) -> None:
    base = f"services:\n  db:\n    image: postgres:17\n    {lines}\n"
    assert asked(project, {"docker-compose.yml": base}) == {}


def test_an_image_that_is_there_says_what_it_brings(project: Path, engine: FakeDocker) -> None:
    engine.answer("image", "inspect", "--format", "{{json .Config.Volumes}}", "own", stdout='{"/srv":{}}')
    engine.answer(
        "image",
        "inspect",
        "--format",
        "{{with .Config.Healthcheck}}{{.Test}}{{end}}",
        "own",
        stdout="[CMD ask]",
    )
    base = f"services:\n  web:\n    image: web\n    {CHECK}\n    depends_on: [own]\n  own:\n    image: own\n"
    found = asked(project, {"docker-compose.yml": base})["1.2"]
    assert [one.partition(":")[0] for one in found] == [
        "web to wait until own is healthy",
        "a name for the volume in /srv of own, whose data would be out of reach once it is stopped",
    ]
