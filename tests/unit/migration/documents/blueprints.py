"""Blueprints of real projects: the example of this repository, and every shape that can be migrated."""

import shutil
from pathlib import Path

import yaml

from dashtam_tasks import env_files
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.migration import legacy, plan, standalone
from dashtam_tasks.migration.blueprint import Blueprint
from dashtam_tasks.migration.choices import Choices, sources
from dashtam_tasks.migration.equivalence import Resolvable
from dashtam_tasks.migration.staging import staged
from dashtam_tasks.migration.standalone import Source
from dashtam_tasks.migration.steps import Step

REPOSITORY = Path(__file__).parents[4]
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
    folder = parent / name
    if name == EXAMPLE:
        shutil.copytree(REPOSITORY / "example", folder, ignore=shutil.ignore_patterns(".*_cache"))
        for name_of_env in (".env", ".env.test"):
            shutil.copy(folder / f"{name_of_env}.example", folder / name_of_env)
    else:
        shutil.copytree(SHAPES / name / "project", folder, symlinks=True)
    return folder


def blueprint_of(folder: Path) -> tuple[Blueprint, tuple[Step, ...]]:
    """Return what a project will be, and the steps for its environments' files, as the plan makes them."""
    found = legacy.survey(folder)
    chosen = {one.environment: one for one in sources(found, Choices())}
    moved = {one.env_file: one.new_env_file for one in reversed(chosen.values()) if one.env_file}
    drafts = {name: standalone.draft(one, found, moved=moved) for name, one in chosen.items()}
    steps = tuple(plan.environment_steps(found, chosen, drafts, moved))
    with staged(found.folder, (one for step in steps for one in step.operations)) as stage:
        models = {name: model_of(one, stage) for name, one in chosen.items()}
    facts = plan.facts_of(found, chosen)
    return Blueprint(found=found, facts=facts, sources=chosen, drafts=drafts, models=models), steps


def model_of(source: Source, stage: Path) -> Model:
    """Return what Compose makes of the default instance of an environment."""
    file, env_file = stage / source.compose_file, stage / source.new_env_file
    variables = Resolvable(root=stage, files=(file,)).variables()
    known = env_files.read(env_file) if env_file.is_file() else {}
    unset = {name: "1" for name, default in variables.items() if not (default or known.get(name))}
    return Compose(file=file, env_files=(env_file,), variables=unset | {"INSTANCE_SUFFIX": ""}).model
