from dataclasses import replace
from pathlib import Path

import pytest

from dashtam_tasks.migration import backup, legacy
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.operations import Copy, CopyVolume, Move, Operation, Write
from dashtam_tasks.migration.snapshots import Kind
from tests.unit.migration.backup.trees import TODAY, write

COMPOSE = b"services: {app: {image: busybox}}\n"


@pytest.fixture
def found(tmp_path: Path) -> Legacy:
    """A legacy project with the plan's five files, of which one is a link and one is there by its example alone."""
    for name in ("docker-compose.yml", "docker-compose.test.yml"):
        write(tmp_path, name, COMPOSE)
    write(tmp_path, "Makefile", b"up:\n\tdocker compose --env-file ../common.env up\n")
    write(tmp_path, "secrets/env")
    (tmp_path / ".env").symlink_to("secrets/env")
    write(tmp_path, ".env.test.example")
    write(tmp_path, "src/app.py")
    return legacy.survey(tmp_path)


FIVE = (".", ".env", ".env.test.example", "Makefile", "docker-compose.test.yml", "docker-compose.yml")


def test_without_operations_it_is_what_the_project_is_run_by(found: Legacy) -> None:
    assert backup.wanted(found, ()) == FIVE


def test_what_any_step_touches_is_there_with_its_folders_though_it_does_not_exist_yet(found: Legacy) -> None:
    operations: tuple[Operation, ...] = (
        Write(path="compose/docker-compose.dev.yml", data=b""),
        Move(source=".env", target="envs/.env.dev"),
        Copy(source="src/app.py", target="deep/er/app.py"),
        CopyVolume(source="a", target="b", labels={}, service="", image="", path=""),
        Write(path="../outside", data=b""),
    )
    new = {"compose", "compose/docker-compose.dev.yml", "envs", "envs/.env.dev"}
    new |= {"deep", "deep/er", "deep/er/app.py"}
    wanted = backup.wanted(found, operations)
    assert set(wanted) == {*FIVE, *new, "src", "src/app.py"}
    assert list(wanted) == sorted(wanted)
    taken = backup.take(found.folder, wanted, today=TODAY)
    assert {path for path, one in taken.entries.items() if one.kind is Kind.ABSENT} == new
    assert backup.verified(taken) == ()


def test_an_override_belongs_to_it(found: Legacy) -> None:
    assert "docker-compose.override.yml" in backup.wanted(
        replace(found, override="docker-compose.override.yml"), ()
    )
