"""What a person types: each module is a namespace of tasks that parse, make one call and render."""

from pathlib import Path

from invoke.collection import Collection

from dashtam_tasks import configuration, settings
from dashtam_tasks.namespaces import db, dev, images, project
from dashtam_tasks.namespaces.invoking import outcome


def task_tree(project_dir: Path) -> Collection:
    """Return every task of the project in `project_dir`, with the settings' defaults.

    Raises SystemExit (CONFIGURATION), after saying why, for configuration that Invoke could not merge.
    """
    code = outcome(lambda: configuration.require_mergeable(project_dir))
    if code:
        raise SystemExit(code)
    tree = Collection(*project.TASKS)
    for namespace in (dev, db, images):
        tree.add_collection(namespace.collection())
    dev.add_aliases(tree)
    tree.configure(settings.defaults(project_dir))
    return tree
