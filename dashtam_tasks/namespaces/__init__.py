"""What a person types: each module is a namespace of tasks that parse, make one call and render."""

from pathlib import Path

from invoke.collection import Collection

from dashtam_tasks import settings
from dashtam_tasks.namespaces import db, dev, images, project


def task_tree(project_dir: Path) -> Collection:
    """Return every task of the project in `project_dir`, with the settings' defaults."""
    tree = Collection(*project.TASKS)
    for namespace in (dev, db, images):
        tree.add_collection(namespace.collection())
    dev.add_aliases(tree)
    tree.configure(settings.defaults(project_dir))
    return tree
