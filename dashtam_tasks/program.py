"""The console script `dashtam-tasks`: the same task tree, in any folder."""

from pathlib import Path

from invoke.program import Program

import dashtam_tasks
from dashtam_tasks.namespaces import task_tree

MARKERS = ("invoke.yaml", "tasks.py", "compose", ".git")


class DashtamProgram(Program):
    """An Invoke program that reads the project's invoke.yaml although it brings its own tasks."""

    def create_config(self) -> None:
        """Make the configuration and let it look for invoke.yaml in the project's folder."""
        super().create_config()
        assert self.config is not None
        self.config.set_project_location(project_dir(Path.cwd()))
        self.config.load_project()


def project_dir(start: Path) -> Path:
    """Return the nearest folder, from `start` upwards, that looks like a project's, else `start`."""
    for folder in (start, *start.parents):
        if any((folder / marker).exists() for marker in MARKERS):
            return folder
    return start


def main() -> None:
    """Run the tasks that the command line names."""
    DashtamProgram(
        name="dashtam-tasks",
        binary="dashtam-tasks",
        version=dashtam_tasks.__version__,
        namespace=task_tree(project_dir(Path.cwd())),
    ).run()
