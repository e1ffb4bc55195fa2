"""The whole way of a legacy project with data: there, verified, and back to the byte."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.legacy_projects import WAIT, LegacyProject, disposable_legacy

pytestmark = pytest.mark.timeout(1500)

# What the way back leaves: the backup, with everything that the migration made.
KEPT = frozenset({"backups"})
ROWS = "create table savings (id serial primary key, name text); insert into savings (name) values {values}"
COUNTED = "select count(*), md5(string_agg(name, ',' order by id)) from savings"


@pytest.fixture(scope="module")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LegacyProject]:
    """A legacy project that runs, with rows in its database."""
    for made in disposable_legacy(tmp_path_factory.mktemp("legacy")):
        made.compose(*WAIT)
        values = ", ".join(f"('row {number}')" for number in range(500))
        made.sql(ROWS.format(values=values))
        yield made


def manifest(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return what is at each path of a project: bytes, modes, owners, times to the nanosecond, links."""
    found: dict[str, tuple[object, ...]] = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(parent, name) not in {folder / one for one in KEPT}]
        for path in (Path(parent), *(Path(parent, name) for name in names)):
            found[str(path.relative_to(folder))] = at(path)
    return found


def at(path: Path) -> tuple[object, ...]:
    """Return what is at a path."""
    seen = path.lstat()
    held: object = ""
    if stat.S_ISLNK(seen.st_mode):
        held = os.readlink(path)  # noqa: PTH115 - a Path would tidy it
    elif stat.S_ISREG(seen.st_mode):
        held = path.read_bytes()
    return held, seen.st_mode, seen.st_uid, seen.st_gid, seen.st_mtime_ns


def changed(before: dict[str, tuple[object, ...]], after: dict[str, tuple[object, ...]]) -> list[str]:
    """Return the paths that are not as they were."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def test_a_legacy_project_gets_there_and_back(legacy: LegacyProject) -> None:
    rows, before = legacy.sql(COUNTED), manifest(legacy.path)
    legacy.tasks("migrate.plan", "--diff")
    assert changed(before, manifest(legacy.path)) == []

    legacy.tasks("migrate.backup", "--database")
    (backup,) = json.loads(legacy.tasks("migrate.backups", "--verify", "--json"))
    assert backup["findings"] == []
    legacy.tasks("migrate.apply", "--yes")
    applied = manifest(legacy.path)
    legacy.tasks("migrate.apply", "--yes")
    assert [path for path in changed(applied, manifest(legacy.path)) if not path.startswith(".dashtam")] == []

    legacy.inv("migrate.verify")
    legacy.inv("dev.up")
    assert legacy.inv("dev.db-shell", "--", "-Atc", COUNTED) == rows
    legacy.inv("test.all")
    legacy.inv("ci.run")
    legacy.inv("migrate.cleanup", "--yes")
    legacy.inv("migrate.validate", "--signed-off-by", "The team")
    assert {"docker-compose.yml.old", "tasks.py"} <= {one.name for one in legacy.path.iterdir()}

    legacy.inv("migrate.rollback", "--yes")
    assert changed(before, manifest(legacy.path)) == []
    legacy.compose(*WAIT)
    assert legacy.sql(COUNTED) == rows
