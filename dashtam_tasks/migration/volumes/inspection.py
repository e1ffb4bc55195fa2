"""What the engine knows of a volume: its labels, its driver, and the containers that hold it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from dashtam_tasks import engine, processes
from dashtam_tasks.engine import FOLDER_LABEL, PROJECT_LABEL, Container
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.legacy import on_engine
from dashtam_tasks.migration.operations import CopyVolume
from dashtam_tasks.migration.postgresql.server import Server, running

COPY_LABEL, ID_LABEL = "dashtam-tasks.copy-of", "dashtam-tasks.copy-id"


class Volume(msgspec.Struct, frozen=True, rename="pascal"):
    """A volume as `docker volume inspect` shows it.

    `created_at` is, on Engine 20.10, when something in its folder last got or lost a name.
    """

    name: str
    driver: str
    created_at: str = ""
    labels: dict[str, str] | None = None
    options: dict[str, str] | None = None

    def label(self, name: str) -> str:
        """Return the value of a label, empty where the volume has none of that name."""
        return (self.labels or {}).get(name, "")


def volume(name: str) -> Volume | None:
    """Return the volume of this name, None where the engine has none.

    Raises DashtamError (UNAVAILABLE) when no engine answers.
    """
    seen = processes.run(["docker", "volume", "inspect", name])
    if seen.returncode and not engine.volumes_present((name,)):
        return None
    (found,) = msgspec.json.decode(engine.checked(seen, "docker volume"), type=tuple[Volume, ...])
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


def holders(*names: str) -> tuple[Container, ...]:
    """Return the containers that have one of these volumes, stopped ones and one-off ones included, by name."""
    return tuple(one for one in on_engine.inspected((), names) if not {*names}.isdisjoint(one.volumes))


def holder_names(name: str) -> tuple[str, ...]:
    """Return the names of the containers that have a volume, stopped ones included."""
    return tuple(one.name.lstrip("/") for one in holders(name))


def server(operation: CopyVolume, containers: Iterable[Container]) -> Container | None:
    """Return the running container whose PostgreSQL serves a volume, None where none does."""
    found = (one for one in containers if one.is_running and one.service == operation.service)
    return next(found, None) if operation.is_postgres else None


@contextmanager
def asking(container: Container) -> Iterator[Server]:
    """Yield the server of a running container; raise DashtamError (UNAVAILABLE) when it does not answer."""
    name = container.name.lstrip("/")
    try:
        yield running(name)
    except DashtamError as error:
        if error.code != ExitCode.IO:
            raise
        raise DashtamError(
            f"The rows in {name} could not be counted.",
            code=ExitCode.UNAVAILABLE,
            details=error.details,
            hint=f"Stop it by hand (docker stop {name}), and run the same command again: "
            "then the copy is proven by its bytes alone.",
        ) from error


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
