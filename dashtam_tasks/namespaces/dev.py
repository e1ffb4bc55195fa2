"""Development: the environment that `inv dev.up` starts, and the short names that people know."""

from invoke.collection import Collection

from dashtam_tasks.namespaces import lifecycle
from dashtam_tasks.namespaces.invoking import alias

SHORT_NAMES = {
    "up": "up",
    "down": "down",
    "restart": "restart",
    "logs": "logs",
    "shell": "shell",
    "status": "status",
    "ps": "status",
}


def collection() -> Collection:
    """Return the namespace `dev`."""
    return lifecycle.collection("dev")


def add_aliases(tree: Collection) -> None:
    """Add the short names of development's tasks to the root of `tree`."""
    for name, target in SHORT_NAMES.items():
        tree.add_task(alias(tree[f"dev.{target}"], f"dev.{target}"), name=name)
