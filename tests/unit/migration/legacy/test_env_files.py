import pytest

from dashtam_tasks.migration.legacy import survey
from dashtam_tasks.migration.legacy.env_files import EnvFile
from tests.unit.migration.legacy.conftest import MakeProject

pytestmark = pytest.mark.usefixtures("no_engine")

BASE = """\
services:
  app:
    image: shop
    env_file:
      - env/app.conf
      - path: ./secrets.txt
        required: false
    volumes:
      - ./.env:/app/.env:ro
      - { type: bind, source: ./.env.local, target: /app/.env.local }
"""


def by_name(found: tuple[EnvFile, ...]) -> dict[str, EnvFile]:
    return {one.file: one for one in found}


def test_env_files_are_known_by_name_and_by_who_names_them(make_project: MakeProject) -> None:
    files = {
        "docker-compose.yml": BASE,
        ".env": "A=1\nPASSWORD=hunter2-of-the-shop\n",
        ".env.example": "A=\n",
        ".env.test.sample": "B=1\n",
        "env/app.conf": "C=1\n",
        "secrets.txt": "D=1\n",
        "run.sh": "docker compose --env-file .env.test --env-file ci.vars up\n",
    }
    found = survey(make_project(files))
    seen = by_name(found.env_files)
    assert sorted(seen) == [
        ".env",
        ".env.example",
        ".env.local",
        ".env.test",
        ".env.test.sample",
        "ci.vars",
        "env/app.conf",
        "secrets.txt",
    ]
    assert {name: one.used_by for name, one in seen.items() if one.used_by} == {
        ".env": ("docker-compose.yml:9",),
        ".env.local": ("docker-compose.yml:10",),
        "env/app.conf": ("docker-compose.yml:5",),
        "secrets.txt": ("docker-compose.yml:6",),
        ".env.test": ("run.sh:1",),
        "ci.vars": ("run.sh:1",),
    }
    assert (seen[".env"].names, seen[".env"].form, seen[".env"].example) == (
        ("A", "PASSWORD"),
        "file",
        ".env.example",
    )
    assert (seen[".env.test"].form, seen[".env.test"].example) == ("missing", ".env.test.sample")
    assert seen[".env.example"].is_example
    assert "hunter2" not in repr(found)
    assert "hunter2" not in str(found.as_data())


def test_a_folder_in_place_of_env_is_refused(make_project: MakeProject) -> None:
    folder = make_project(
        {"docker-compose.yml": BASE, ".env.example": "A=1\n", "src/x": "", "secrets.txt": ""}
    )
    (folder / ".env").mkdir()
    found = survey(folder)
    (refusal,) = found.refusals
    assert (refusal.kind, refusal.where) == ("env-is-folder", ".env")
    assert ".env.example" in refusal.hint
    assert by_name(found.env_files)[".env"].form == "folder"


def test_a_link_is_said_and_a_dangling_one_refused(make_project: MakeProject) -> None:
    folder = make_project({"docker-compose.yml": BASE, "shared/common": "A=1\n"})
    (folder / ".env").symlink_to("shared/common")
    (folder / ".env.test").symlink_to("gone")
    found = survey(folder)
    seen = by_name(found.env_files)
    assert (seen[".env"].form, seen[".env"].link, seen[".env"].names) == ("link", "shared/common", ("A",))
    assert [(one.kind, one.where) for one in found.findings if "link" in one.kind] == [
        ("env-is-link", ".env"),
        ("dangling-link", ".env.test"),
    ]
    assert [one.where for one in found.refusals] == [".env.test"]


def test_a_malformed_line_is_refused_with_its_place_and_without_its_value(make_project: MakeProject) -> None:
    found = survey(make_project({"docker-compose.yml": BASE, ".env.test": "A=1\nKEY='hunter2\n"}))
    (refusal,) = found.refusals
    assert (refusal.kind, refusal.where) == ("env-malformed", ".env.test:2")
    assert "hunter2" not in refusal.message
