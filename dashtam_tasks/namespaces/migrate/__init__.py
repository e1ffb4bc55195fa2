"""Migration: what it takes to give a legacy project standalone environments."""

from invoke.collection import Collection

from dashtam_tasks.namespaces.migrate import finishing, planning, taking


def collection() -> Collection:
    """Return the namespace `migrate`."""
    return Collection("migrate", *planning.TASKS, *taking.TASKS, *finishing.TASKS)
