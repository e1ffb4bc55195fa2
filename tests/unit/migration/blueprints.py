"""Blueprints of real projects: the example of this repository, and every shape that can be migrated."""

import shutil
from pathlib import Path

import yaml

from dashtam_tasks.migration import legacy
from dashtam_tasks.migration.legacy import Role
from dashtam_tasks.migration.planning import drafting, environment_files, plan
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.planning.choices import Choices
from dashtam_tasks.migration.planning.staging import staged
from dashtam_tasks.migration.steps import Step

REPOSITORY = Path(__file__).parents[3]
SHAPES = REPOSITORY / "tests/shapes"
EXAMPLE = "example"


def migrated() -> tuple[str, ...]:
    """Return the names of the projects that can be migrated."""
    shapes = {
        path.parent.name: yaml.safe_load(path.read_text("utf-8")) for path in SHAPES.glob("*/shape.yml")
    }
    fit = [name for name, said in shapes.items() if said["outcome"] == "migrated"]
    return (EXAMPLE, *sorted(name for name in fit if name != "already-migrated"))


def copied(name: str, parent: Path) -> Path:
    """Return a copy of a project, with the env files that its people make; its folder has its name."""
    return copied_to(parent / name, name)


def copied_to(folder: Path, name: str = EXAMPLE) -> Path:
    """Return a copy of a project in `folder`, with the env files that its people make."""
    if name == EXAMPLE:
        left_out = shutil.ignore_patterns(".*_cache", "__pycache__", "*.pem")
        shutil.copytree(REPOSITORY / "example", folder, ignore=left_out)
        for env_file in (".env", ".env.test"):
            shutil.copy(folder / f"{env_file}.example", folder / env_file)
    else:
        shutil.copytree(SHAPES / name / "project", folder, symlinks=True)
    return folder


def blueprint_of(folder: Path, *, test_file: Role | None = None) -> tuple[Blueprint, tuple[Step, ...]]:
    """Return what a project will be, and the steps for its environments' files, as the plan makes them."""
    drafted = drafting.draft(legacy.survey(folder), Choices(test_file=test_file))
    steps = tuple(environment_files.steps(drafted))
    with staged(folder, (one for step in steps for one in step.operations)) as stage:
        return plan.blueprint_of(drafted, stage), steps
