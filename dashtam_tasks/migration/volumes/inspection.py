"""What the engine knows of a volume: its labels, its driver, and the containers that hold it."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from dashtam_tasks import engine
from dashtam_tasks.engine import FOLDER_LABEL, PROJECT_LABEL, Container
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.legacy import on_engine
from dashtam_tasks.migration.operations import CopyVolume

COPY_LABEL, ID_LABEL = "dashtam-tasks.copy-of", "dashtam-tasks.copy-id"


class Volume(msgspec.Struct, frozen=True, rename="pascal"):
    """A volume as `docker volume inspect` shows it."""

    name: str
    driver: str
    labels: dict[str, str] | None = None
    options: dict[str, str] | None = None

    def label(self, name: str) -> str:
        """Return the value of a label, empty where the volume has none of that name."""
        return (self.labels or {}).get(name, "")


def volume(name: str) -> Volume | None:
    """Return the volume of this name, None where the engine has none.

    Raises DashtamError (UNAVAILABLE) when no engine answers.
    """
    if not engine.volumes_present((name,)):
        return None
    (found,) = msgspec.json.decode(engine.docker("volume", "inspect", name), type=tuple[Volume, ...])
    return found


def existing(name: str) -> Volume:
    """Return the volume of this name.

    Raises DashtamError: DATA when there is none, UNAVAILABLE when no engine answers.
    """
    found = volume(name)
    if found is None:
        raise DashtamError(
            f"There is no volume {name} on the engine.",
            code=ExitCode.DATA,
            hint="`docker volume ls` lists those that there are; is it the engine that the project ran on?",
        )
    return found


def holders(name: str) -> tuple[Container, ...]:
    """Return the containers that have a volume, stopped ones and one-off ones included, by name."""
    return tuple(one for one in on_engine.inspected((), (name,)) if name in one.volumes)


def holder_names(name: str) -> tuple[str, ...]:
    """Return the names of the containers that have a volume, stopped ones included."""
    return tuple(one.name.lstrip("/") for one in holders(name))


def server(operation: CopyVolume, containers: Iterable[Container]) -> Container | None:
    """Return the running container whose PostgreSQL serves a volume, None where none does."""
    running = (one for one in containers if one.is_running and one.service == operation.service)
    return next(running, None) if operation.is_postgres else None


def strangers(held: Volume, containers: Iterable[Container], project: Path) -> tuple[Container, ...]:
    """Return those of the containers that belong to something else than a volume does.

    A volume's own are those of the Compose project that it carries the label of, and those that Compose made from
    a file in the folder `project`.
    """
    own = held.label(PROJECT_LABEL)
    return tuple(one for one in containers if not (own and one.project == own) and not is_from(one, project))


def is_from(container: Container, project: Path) -> bool:
    """Return whether Compose made a container from a file in a project's folder."""
    folder = container.config.labels.get(FOLDER_LABEL)
    return bool(folder) and Path(str(folder)).resolve().is_relative_to(project.resolve())


def named(containers: Iterable[Container]) -> str:
    """Return the names of containers, as a list for people."""
    return ", ".join(one.name.lstrip("/") for one in containers)
