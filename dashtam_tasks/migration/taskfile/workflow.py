"""Step 2.5: the workflow of GitHub Actions, as the task `ci.workflow` writes it in the migrated project."""

import tempfile
from pathlib import Path

import msgspec

from dashtam_tasks import workflow
from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.steps import Step, outline
from dashtam_tasks.migration.taskfile.preferences import Preferences

NUMBER = "2.5"
CI = "ci"


def step(blueprint: Blueprint, chosen: Preferences) -> Step:
    """Return the step that writes the workflow; without tests in CI it does nothing and says so."""
    if CI not in blueprint.drafts:
        told = "There is no environment for CI, so that no workflow could run its tests."
        return Step(outline=outline(NUMBER), remarks=(told,))
    file = Write(path=chosen.settings.workflow.path, data=content(blueprint, chosen))
    return Step(outline=outline(NUMBER), operations=(file,), remarks=remarks(blueprint, chosen))


def content(blueprint: Blueprint, chosen: Preferences) -> bytes:
    """Return the workflow's text, for a project whose Compose file for CI is still to be written.

    Raises DashtamError as workflow.content does.
    """
    with tempfile.TemporaryDirectory(prefix="dashtam-workflow-") as folder:
        compose_file = Path(folder, chosen.settings.files(CI).compose_file)
        compose_file.parent.mkdir(parents=True)
        compose_file.write_text(blueprint.drafts[CI].document.text, encoding="utf-8", newline="")
        return workflow.content(msgspec.structs.replace(chosen.settings, project_dir=folder))


def remarks(blueprint: Blueprint, chosen: Preferences) -> tuple[str, ...]:
    """Return what a person should know of the workflow."""
    found, path = blueprint.found, chosen.settings.workflow.path
    told = [
        *chosen.workflow_remarks,
        "`inv ci.workflow --check` tells whether it still says what dashtam.workflow in invoke.yaml does.",
    ]
    if found.git.prefix:
        told.append(
            f"GitHub reads workflows at the repository's root alone: {found.git.prefix}{path} is below it."
        )
    if path != type(chosen.settings.workflow)().path:
        told.append(
            f"A workflow of your own is in {type(chosen.settings.workflow)().path}; it stays as it is."
        )
    return tuple(told)
