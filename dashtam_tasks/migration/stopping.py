"""Stopping: a migrated project's containers go before its files do, since nothing could stop them afterwards."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dashtam_tasks import engine, instances
from dashtam_tasks.engine import FOLDER_LABEL, PROJECT_LABEL, Container
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.rules.draft import COMPOSE_FOLDER
from dashtam_tasks.notifying import Notify

# What tests and CI keep is thrown away by their own tasks as well.
KEEPING = "dev"
# What a store does not write by then is lost, as far as it is not in its log already.
STORE_GRACE_SECONDS = 120


def stop(project: Path, facts: Facts, *, notify: Notify) -> None:
    """Remove the containers and networks of every environment and instance that were made from `project`.

    Volumes of tests and CI go with them; development's stay, those without a name as well. Without an engine files
    can be taken back all the same, and what to do is told, as it is of containers from a folder that is gone.
    Raises DashtamError (UNAVAILABLE) when something cannot be removed; the same call goes on from there.
    """
    if not answers(facts, notify=notify):
        return
    for line in moved_away(facts):
        notify(line)
    found = made_from(project)
    for name, own in found.items():
        if own:
            notify(f"Stopping {name}.")
        if name.startswith(throwaway(facts)):
            engine.remove_containers([one.id for one in own])
            remove(name, "volume")
        else:
            shut_down(own, facts)
        remove(name, "network")
    instances.forget(found)


def foreseen(project: Path, facts: Facts, *, notify: Notify) -> tuple[str, ...]:
    """Return what `stop` would do, a line for each Compose project; raise DashtamError as it does."""
    if not answers(facts, notify=notify):
        return ()
    return (
        *moved_away(facts),
        *(
            f"would remove the containers and networks of {name}"
            + (" with its volumes" if name.startswith(throwaway(facts)) else "")
            for name in made_from(project)
        ),
    )


def made_from(project: Path) -> dict[str, list[Container]]:
    """Return the Compose projects that were made from a folder, or are remembered of it, with their containers."""
    made = engine.containers(f"label={FOLDER_LABEL}={project / COMPOSE_FOLDER}", one_off=True)
    names = {*(one.project for one in made), *(one.project for one in instances.of_folder(project))}
    return {name: [one for one in made if one.project == name] for name in sorted(names)}


def shut_down(containers: Sequence[Container], facts: Facts) -> None:
    """Stop containers and remove them, data stores after the rest and with the time to write what is in memory."""
    stores = {*facts.databases, *facts.caches}
    lasting = [one for one in containers if not one.is_one_off]
    engine.remove_containers([one.id for one in containers if one.is_one_off])
    put_down([one.id for one in lasting if one.service not in stores])
    put_down([one.id for one in lasting if one.service in stores], "-t", str(STORE_GRACE_SECONDS))


def put_down(ids: Sequence[str], *grace: str) -> None:
    """Stop containers, all at once, and remove them; volumes without a name stay."""
    if ids:
        engine.docker("stop", *grace, *ids)
        engine.docker("rm", *ids)


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


def moved_away(facts: Facts) -> Iterator[str]:
    """Yield what to do about environments that were started where no folder is any more, as when it was renamed."""
    for one in facts.environments:
        name = f"{facts.project}-{one.name}"
        for folder in engine.project_folders(name):
            if not Path(folder).exists():
                yield (
                    f"{name} has containers from {folder}, which is gone, and they stay. If that was this project: "
                    f"docker compose --project-name {name} down"
                )


def remove(name: str, kind: str) -> None:
    """Remove the networks or volumes of a Compose project."""
    found = engine.docker(kind, "ls", "--quiet", "--filter", f"label={PROJECT_LABEL}={name}").split()
    if found:
        engine.docker(kind, "rm", *found)


def throwaway(facts: Facts) -> tuple[str, ...]:
    """Return what the Compose projects whose data nobody keeps begin with; instances have a suffix."""
    return tuple(f"{facts.project}-{one.name}" for one in facts.environments if one.name != KEEPING)
