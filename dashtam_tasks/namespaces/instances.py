"""Instances: `inv instances` lists them all over the machine, `inv instances.prune` removes the orphans."""

from invoke.collection import Collection
from invoke.context import Context

from dashtam_tasks import console
from dashtam_tasks.namespaces.invoking import require_consent, task


@task(name="list", default=True, help={"json": "print JSON"})
def show(context: Context, json: bool = False) -> None:  # noqa: ARG001 - every task has a context
    """List every instance on this machine, with its folder, ports, state and age."""
    from dashtam_tasks import inventory

    found = inventory.survey()
    if json:
        console.data([one.as_data() for one in found])
        return
    console.table(
        ("environment", "instance", "state", "age", "ports", "project", "folder"),
        (
            (
                one.instance.environment,
                one.instance.name,
                one.state,
                console.duration(one.age),
                " ".join(map(str, one.instance.ports)),
                one.instance.project,
                one.instance.folder,
            )
            for one in found
        ),
    )


@task(help={"yes": "do not ask"})
def prune(context: Context, yes: bool = False) -> None:  # noqa: ARG001 - every task has a context
    """Remove the instances whose folder is gone, with their containers, networks and volumes."""
    from dashtam_tasks import inventory

    orphans = inventory.orphans()
    if not orphans:
        console.line("Nothing to do: every instance has its folder.")
        return
    console.lines(f"{one.project}: {one.folder} is gone" for one in orphans)
    require_consent(
        "Remove these with their containers, networks and volumes, and all data in them?", yes=yes
    )
    console.lines(inventory.remove(orphans))


def collection() -> Collection:
    """Return the namespace `instances`."""
    return Collection("instances", show, prune)
