"""Stopping: a migrated project's containers go before its files do, since nothing could stop them afterwards."""

from collections.abc import Iterator
from pathlib import Path

from dashtam_tasks import engine, instances
from dashtam_tasks.engine import FOLDER_LABEL, PROJECT_LABEL
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.rules.draft import COMPOSE_FOLDER
from dashtam_tasks.notifying import Notify

# What tests and CI keep is thrown away by their own tasks as well.
KEEPING = "dev"


def stop(project: Path, facts: Facts, *, notify: Notify) -> None:
    """Remove the containers and networks of every environment and instance that were made from `project`.

    Volumes of tests and CI go with them; development's stay. Without an engine files can be taken back all the
    same, and what to do is told. Raises DashtamError (UNAVAILABLE) when something cannot be removed.
    """
    folder = project / COMPOSE_FOLDER
    if not answers(facts, notify=notify):
        return
    made = engine.containers(f"label={FOLDER_LABEL}={folder}")
    names = sorted({one.project for one in made})
    for name in names:
        notify(f"Stopping {name}.")
        engine.remove_containers([one.id for one in made if one.project == name])
        remove(name, "network")
        if name.startswith(throwaway(facts)):
            remove(name, "volume")
    instances.forget((*names, *remembered(project)))


def answers(facts: Facts, *, notify: Notify) -> bool:
    """Return whether an engine answers, and tell what is left to do by hand if none does."""
    try:
        engine.version()
    except DashtamError as error:
        names = " or ".join(f"{facts.project}-{one.name}" for one in facts.environments)
        notify(
            f"{error.reason} No container was stopped. Should some of {names} be there when it answers again: "
            "docker compose --project-name NAME down"
        )
        return False
    return True


def remove(name: str, kind: str) -> None:
    """Remove the networks or volumes of a Compose project."""
    found = engine.docker(kind, "ls", "--quiet", "--filter", f"label={PROJECT_LABEL}={name}").split()
    if found:
        engine.docker(kind, "rm", *found)


def throwaway(facts: Facts) -> tuple[str, ...]:
    """Return what the Compose projects whose data nobody keeps begin with; instances have a suffix."""
    return tuple(f"{facts.project}-{one.name}" for one in facts.environments if one.name != KEEPING)


def remembered(project: Path) -> Iterator[str]:
    """Yield the Compose projects of a folder's instances."""
    return (one.project for one in instances.of_folder(project))
