"""Releasing: stop and remove the containers that hold a volume, and nobody else's."""

from collections.abc import Sequence
from pathlib import Path

from dashtam_tasks import engine
from dashtam_tasks.engine import PROJECT_LABEL, Container
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.volumes import inspection
from dashtam_tasks.migration.volumes.inspection import Volume, named
from dashtam_tasks.notifying import Notify

# The engine may start a container again in between.
ATTEMPTS = 3
# What is not stopped by then is killed. PostgreSQL ends its sessions and writes a checkpoint, which can take long.
DATABASE_GRACE_SECONDS = 120


def require_own(held: Volume, containers: Sequence[Container], project: Path) -> None:
    """Raise DashtamError (BUSY) when something else than the volume's own project holds it."""
    strangers = inspection.strangers(held, containers, project)
    if strangers:
        raise DashtamError(
            f"The volume {held.name} is held by containers that do not belong to it: {named(strangers)}.",
            code=ExitCode.BUSY,
            hint=f"Stop and remove them, if nobody needs them: docker rm --force {named(strangers)}",
        )


def quieten(containers: Sequence[Container], *, notify: Notify) -> tuple[str, ...]:
    """Stop what else runs of the projects of containers, which may write to them, and return the names."""
    held = {one.id for one in containers}
    projects = sorted({one.project for one in containers if one.project})
    filters = [f"label={PROJECT_LABEL}={project}" for project in projects]
    others = [one for chosen in filters for one in engine.containers(chosen, "status=running")]
    stopping = [one for one in others if one.id not in held]
    if stopping:
        notify(f"stopping {named(stopping)}")
        engine.docker("stop", *(one.id for one in stopping))
    return tuple(one.name.lstrip("/") for one in stopping)


def release(held: Volume, *, project: Path, is_database: bool, notify: Notify) -> tuple[str, ...]:
    """Stop and remove the containers of a volume, and return their names.

    Their anonymous volumes stay. Raises DashtamError (BUSY) when others hold it, or when they come back.
    """
    removed: dict[str, None] = {}
    for _ in range(ATTEMPTS):
        containers = inspection.holders(held.name)
        if not containers:
            return tuple(removed)
        require_own(held, containers, project)
        stop([one for one in containers if is_active(one)], is_database=is_database, notify=notify)
        idle = [one for one in inspection.holders(held.name) if not is_active(one)]
        if idle:
            # Not by force: one that was started again would be killed.
            engine.docker("rm", *(one.id for one in idle))
            removed |= dict.fromkeys(one.name.lstrip("/") for one in idle)
    containers = inspection.holders(held.name)
    if containers:
        raise in_use(held.name, containers)
    return tuple(removed)


def is_active(container: Container) -> bool:
    """Return whether a container runs, or is about to."""
    return container.state.status in {"running", "paused", "restarting"}


def stop(containers: Sequence[Container], *, is_database: bool, notify: Notify) -> None:
    """Stop containers in order, with as long as each of them asks for."""
    if containers:
        notify(f"stopping {named(containers)}")
        grace = ("-t", str(DATABASE_GRACE_SECONDS)) if is_database else ()
        engine.docker("stop", *grace, *(one.id for one in containers))


def in_use(volume: str, containers: Sequence[Container]) -> DashtamError:
    """Return the error that containers hold a volume, which must not be in use."""
    return DashtamError(
        f"The volume {volume} is in use: {named(containers)}.",
        code=ExitCode.BUSY,
        hint="Find out what starts them, stop them, and run the same command again.",
    )
