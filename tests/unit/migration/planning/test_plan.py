"""The plan for every shape of project: proven, refused with a reason, or a question; and nothing is changed."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.legacy import Role
from dashtam_tasks.migration.planning import plan
from dashtam_tasks.migration.planning.choices import Choices
from dashtam_tasks.migration.steps import Step

pytestmark = pytest.mark.shapes

SHAPES = Path(__file__).parents[3] / "shapes"
NAMES = sorted(path.parent.name for path in SHAPES.glob("*/shape.yml"))


def shape(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((SHAPES / name / "shape.yml").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A copy of a shape's project; its folder has the shape's name."""
    folder = tmp_path / str(request.param)
    shutil.copytree(SHAPES / folder.name / "project", folder, symlinks=True)
    return folder


def listing(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(one.relative_to(folder)): (one.lstat().st_mode, one.read_bytes() if one.is_file() else b"")
        for one in sorted(folder.rglob("*"))
    }


def words(made: plan.Plan) -> str:
    return "\n".join(f"{one.where}: {one.message} {one.hint}" for one in made.refusals)


def told_of(step: Step) -> tuple[str, ...]:
    return (*step.remarks, *map(str, step.unproven))


@pytest.mark.parametrize("project", NAMES, indirect=True)
def test_a_project_is_planned_and_proven_or_refused_with_a_reason(project: Path) -> None:
    expected = shape(project.name)
    before = listing(project)
    try:
        made = plan.make(project, Choices())
        told = words(made)
    except DashtamError as error:
        made, told = None, f"{error.reason}\n{error.details}"
    assert listing(project) == before
    if expected["outcome"] == "migrated" and project.name != "already-migrated":
        assert made is not None, told
        assert not made.refusals, told
        assert [str(one) for step in made.steps for one in step.unproven] == []
        assert plan.is_sound(made)
    else:
        assert made is None or not plan.is_sound(made)
        told += "".join(text for step in made.steps for text in told_of(step)) if made else ""
        assert [one for one in expected.get("reason", ()) if one.lower() not in told.lower()] == []


@pytest.mark.parametrize("project", ["signs-disagree"], indirect=True)
@pytest.mark.parametrize(
    ("role", "files"),
    [
        (Role.OVERLAY, ("docker-compose.yml", "docker-compose.test.yml")),
        (Role.STANDALONE, ("docker-compose.test.yml",)),
    ],
)
def test_a_persons_choice_settles_what_the_signs_do_not(
    project: Path, role: Role, files: tuple[str, ...]
) -> None:
    made = plan.make(project, Choices(test_file=role))
    assert plan.is_sound(made), words(made)
    assert made.facts
    tests = made.facts.environment("test")
    assert tests
    assert tests.legacy_files == files
    written = [str(one) for step in made.steps for one in step.operations if step.outline.number == "1.4"]
    assert written[0] == "write compose/docker-compose.test.yml"
