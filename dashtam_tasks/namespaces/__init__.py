"""What a person types: each module is a namespace of tasks that parse, make one call and render."""

import functools
from pathlib import Path

from invoke.collection import Collection

from dashtam_tasks import configuration, settings
from dashtam_tasks.namespaces import ci, db, dev, images, instances, migrate, project, test
from dashtam_tasks.namespaces.invoking import outcome


def task_tree(project_dir: Path) -> Collection:
    """Return every task of the project in `project_dir`, with the settings' defaults.

    Raises SystemExit (CONFIGURATION), after saying why, for configuration that Invoke could not merge.
    """
    tree = Collection(*project.TASKS)
    code = outcome(functools.partial(grow, tree, project_dir))
    if code:
        raise SystemExit(code)
    return tree


def grow(tree: Collection, project_dir: Path) -> None:
    """Add every namespace to `tree`.

    Raises DashtamError (CONFIGURATION) for configuration that Invoke could not merge.
    """
    defaults = settings.defaults(project_dir)
    known = defaults[settings.KEY]
    written = configuration.read_mergeable(project_dir, known)
    for namespace in (dev, ci, migrate, db, images, instances):
        tree.add_collection(namespace.collection())
    tree.add_collection(test.collection(configuration.names((known, *written), "suites")))
    dev.add_aliases(tree)
    tree.configure(defaults)
