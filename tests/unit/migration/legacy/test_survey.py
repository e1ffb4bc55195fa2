import json
import os
from pathlib import Path

import pytest

from dashtam_tasks.migration.legacy import Role, survey
from dashtam_tasks.migration.legacy.recipes import Start
from tests.unit.migration.legacy.conftest import MakeProject

pytestmark = pytest.mark.usefixtures("no_engine")


def state_of(folder: Path) -> dict[Path, tuple[bytes, int, int]]:
    paths = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    return {path: (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) for path in paths}


def test_the_example_is_understood(example: Path) -> None:
    found = survey(example)
    assert (found.base, found.override, found.others) == ("docker-compose.yml", "", ())
    assert (found.project.name, found.project.origin) == ("dashtam", "the folder's name")
    (test,) = found.tests
    assert (test.role, test.files, test.env_files) == (
        Role.OVERLAY,
        ("docker-compose.yml", "docker-compose.test.yml"),
        (".env.test",),
    )
    assert [one.where for one in test.signs] == ["Makefile:4", "docker-compose.test.yml"]
    assert found.refusals == ()


def test_the_examples_suites_and_services_are_understood(example: Path) -> None:
    found = survey(example)
    assert [(one.name, one.paths, one.parameters) for one in found.suites] == [
        ("test", ("tests/",), ()),
        ("test-unit", ("tests/unit/",), ()),
        ("test-integration", ("tests/integration/",), ()),
        ("test-verify", ("tests/unit/",), ()),
        ("test-coverage", ("tests/",), ()),
        ("test-file", (), ("FILE",)),
        ("test-%", ("tests/",), ("*",)),
    ]
    assert {(one.started.start, one.started.service) for one in found.suites} == {(Start.EXEC, "app")}
    prepared = {tuple(before.command for before in one.prepared_by) for one in found.suites}
    assert prepared == {(("uv", "run", "python", "src/core/init_test_db.py"),)}
    services = found.services
    assert services.app is not None
    assert (services.app.service, [one.service for one in services.databases + services.caches]) == (
        "app",
        ["postgres", "redis"],
    )


def test_the_examples_other_files_are_listed(example: Path) -> None:
    found = survey(example)
    files = found.files
    assert (files.makefiles, files.dockerfiles, files.docker_ignores, files.git_ignores) == (
        ("Makefile",),
        ("docker/Dockerfile",),
        (".dockerignore",),
        (".gitignore",),
    )
    assert [(one.file, one.compose_files, one.service) for one in files.devcontainers] == [
        (".devcontainer.json", ("docker-compose.yml",), "app")
    ]
    assert files.scripts == (
        "docker/init-test-db.sh",
        "scripts/generate-certs.sh",
        "scripts/generate-keys.sh",
    )
    assert files.documents == ("README.md", "WARP.md")
    assert {(one.service, one.context, one.dockerfile, one.target) for one in found.builds} == {
        ("app", ".", "docker/Dockerfile", "development"),
        ("callback", ".", "docker/Dockerfile", "callback"),
    }


def test_without_an_engine_the_files_are_understood_and_the_record_says_so(example: Path) -> None:
    found = survey(example)
    assert not found.engine.answered
    (finding,) = found.findings
    assert (finding.kind, finding.severity) == ("engine-not-asked", "warning")


def test_looking_changes_nothing(example: Path) -> None:
    before = state_of(example)
    survey(example)
    assert state_of(example) == before


def test_what_was_found_is_plain_data_without_secrets(example: Path) -> None:
    (example / ".env").write_text("POSTGRES_PASSWORD=hunter2-of-dashtam\n", encoding="utf-8")
    found = survey(example)
    assert "hunter2" not in json.dumps(found.as_data())
    assert "hunter2" not in repr(found)
    assert found.as_data()["tests"][0]["role"] == "overlay"


def test_a_migrated_project_is_known(example: Path) -> None:
    (example / "compose").mkdir()
    (example / "compose/docker-compose.dev.yml").write_text("services: {}\n", encoding="utf-8")
    assert [one.kind for one in survey(example).refusals] == ["already-migrated"]


SHOP = "services:\n  app: {image: shop}\n"


@pytest.mark.parametrize(
    ("files", "name", "origin"),
    [
        ({"compose.yaml": SHOP}, "shop", "the folder's name"),
        ({"compose.yaml": f"\nname: store\n{SHOP}"}, "store", "compose.yaml:2"),
        (
            {"compose.yaml": f"name: store\n{SHOP}", ".env": "COMPOSE_PROJECT_NAME=till\n"},
            "till",
            "COMPOSE_PROJECT_NAME in .env",
        ),
    ],
)
def test_the_projects_name_is_what_compose_says(
    make_project: MakeProject, files: dict[str, str], name: str, origin: str
) -> None:
    project = survey(make_project(files)).project
    assert (project.name, project.origin, project.others) == (name, origin, ())


def test_names_that_single_commands_give_are_known_too(make_project: MakeProject) -> None:
    script = (
        "docker compose -p shop-ci up\ndocker compose --env-file .env.test up\ndocker compose -p $NAME up\n"
    )
    files = {"compose.yaml": SHOP, "run.sh": script, ".env.test": "COMPOSE_PROJECT_NAME=shop-test\n"}
    assert survey(make_project(files)).project.others == ("shop-ci", "shop-test")


def test_what_could_not_be_read_or_asked_is_a_warning(make_project: MakeProject) -> None:
    makefile = "include more.mk\nup:\n\tdocker compose up\n"
    folder = make_project({"compose.yaml": SHOP, "Makefile": makefile, ".git/HEAD": "broken\n"})
    found = survey(folder)
    assert found.refusals == ()
    assert [(one.kind, one.where) for one in found.findings] == [
        ("makefile-left", "Makefile:1"),
        ("engine-not-asked", "engine"),
        ("git-not-asked", str(folder)),
    ]


def test_a_workflow_may_choose_the_files_for_all_its_steps(make_project: MakeProject) -> None:
    workflow = (
        "env:\n  COMPOSE_FILE: compose.yaml:compose.test.yaml\n"
        "jobs:\n  test:\n    steps:\n      - run: make test\n"
    )
    files = {"compose.yaml": SHOP, "compose.test.yaml": SHOP, ".github/workflows/test.yml": workflow}
    (test,) = survey(make_project(files)).tests
    assert (test.role, test.signs[0].where) == (Role.OVERLAY, ".github/workflows/test.yml:2")


def test_a_devcontainer_that_is_no_json_is_listed_without_a_word(make_project: MakeProject) -> None:
    found = survey(make_project({"compose.yaml": SHOP, ".devcontainer/devcontainer.json": "{"}))
    assert [(one.file, one.service) for one in found.files.devcontainers] == [
        (".devcontainer/devcontainer.json", "")
    ]
