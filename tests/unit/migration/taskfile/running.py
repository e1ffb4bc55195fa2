"""Run the tasks of a generated tasks.py, as a person does."""

import json
import os
import sys
from pathlib import Path

from dashtam_tasks import processes
from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.steps import Step
from dashtam_tasks.processes import Completed

PROGRAMS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def write(step: Step, folder: Path) -> None:
    """Write the files of a step."""
    for one in step.operations:
        assert isinstance(one, Write)
        path = folder / one.path
        path.parent.mkdir(parents=True, exist_ok=True)
        assert not path.exists()
        path.write_bytes(one.data)


def python(folder: Path, *arguments: str, **variables: str) -> Completed:
    """Run a module of Python in a folder."""
    argv = [sys.executable, "-m", *arguments]
    return processes.run(argv, environment={"PATH": PROGRAMS, **variables}, cwd=folder)


def inv(folder: Path, *arguments: str, **variables: str) -> Completed:
    """Run `inv ARGUMENTS` in a folder."""
    return python(folder, "invoke", *arguments, **variables)


def complaints(folder: Path) -> str:
    """Return what ruff says of the generated Python files by its own defaults, its formatter included."""
    files = ("tasks.py", "noxfile.py")
    options = ("--isolated", "--quiet", "--no-cache", "--target-version=py311")
    checked = python(folder, "ruff", "check", *options, "--output-format=concise", *files)
    formatted = python(folder, "ruff", "format", *options, "--diff", *files)
    return checked.stdout + checked.stderr + formatted.stdout + formatted.stderr


def tasks(folder: Path) -> set[str]:
    """Return the names of all tasks in a folder."""
    listed = inv(folder, "--list", "--list-format=json")
    assert listed.returncode == 0, listed.stderr
    return set(names(json.loads(listed.stdout)))


def names(tree: dict[str, object], prefix: str = "") -> "list[str]":
    """Return the names of the tasks in a collection and in those below it."""
    found = [f"{prefix}{one['name']}" for one in tree["tasks"]]  # type: ignore[attr-defined]
    for below in tree["collections"]:  # type: ignore[attr-defined]
        found += names(below, f"{prefix}{below['name']}.")
    return found
