"""Folders to look at: small projects, and the example of this repository."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dashtam_tasks.migration.legacy import lines, make_reader, tree, usage
from dashtam_tasks.migration.legacy.usage import Use

EXAMPLE = Path(__file__).parents[4] / "example"

MakeProject = Callable[[dict[str, str]], Path]
Uses = Callable[[dict[str, str]], tuple[Use, ...]]


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Return what makes a folder with files of some text."""

    def make(files: dict[str, str]) -> Path:
        folder = tmp_path / "shop"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return folder

    return make


@pytest.fixture
def uses(make_project: MakeProject) -> Uses:
    """Return what reads the uses of Compose in files of some text."""

    def read(files: dict[str, str]) -> tuple[Use, ...]:
        folder = make_project(
            {"docker-compose.yml": "services: {}\n", "docker-compose.test.yml": "{}\n", **files}
        )
        found = tree.read(folder)
        makefile = make_reader.parse(found.text("Makefile"), file="Makefile") if "Makefile" in files else None
        return usage.read(lines.read(found, makefile), found)

    return read


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Copy this repository's example, with the env files that its setup makes."""
    folder = tmp_path / "Dashtam"
    shutil.copytree(EXAMPLE, folder)
    for name in (".env", ".env.test"):
        shutil.copy(folder / f"{name}.example", folder / name)
    return folder
