"""What a run leaves: the reports of its job, and each service's log."""

import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from dashtam_tasks import engine, files, reports
from dashtam_tasks.engine import Container
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.settings import Settings


def folder_of(environment: Environment, job: str) -> Path:
    """Return the folder that the job mounts for its reports, or else that of the copy.

    Raises DashtamError (CONFIGURATION) for a mounted folder that is not below `reports`: it will be emptied.
    """
    mounts = environment.model.service(job).volumes
    mounted = (Path(one.source) for one in mounts if one.type == "bind" and one.target == reports.TARGET)
    folder = next(mounted, reports.folder_of(environment))
    allowed = environment.settings.path("reports").resolve()
    if allowed not in folder.resolve().parents:
        raise DashtamError(
            f"Service {job} mounts {folder} at {reports.TARGET}, which every run empties.",
            code=ExitCode.CONFIGURATION,
            hint=f"Mount a folder below {allowed} there, in {environment.compose.file}.",
        )
    return folder


def folders(settings: Settings, environment: str) -> tuple[Path, ...]:
    """Return the folders of reports that there are of an environment's copies; a link is somebody's own."""
    found = settings.path("reports").resolve().glob(f"{environment}*")
    named = (path for path in found if path.name.partition("-")[0] == environment)
    return tuple(path for path in named if path.is_dir() and not path.is_symlink())


def emptied(folder: Path) -> Path:
    """Return the folder with nothing in it, made where it is missing: old reports would pass for new ones.

    Raises DashtamError (CANNOT_CREATE) when it cannot be emptied.
    """
    with files.explaining(folder):
        for path in reports.made(folder).iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    return folder


def remove(folder: Path) -> None:
    """Remove the folder with all that is in it.

    Raises DashtamError (CANNOT_CREATE) when it cannot be removed.
    """
    with files.explaining(folder):
        emptied(folder).rmdir()


def save_logs(containers: Iterable[Container], folder: Path) -> None:
    """Write each service's log into the folder, `SERVICE.log`; its container must still be there."""
    engine.save_logs({one.id: folder / f"{one.service}.log" for one in containers})


def logs(folder: Path, services: Collection[str]) -> Iterator[str]:
    """Yield the lines of the kept logs, of all services or of these, each with its service.

    Raises DashtamError (USAGE) for a service of which there is no log.
    """
    found = {path.stem: path for path in sorted(folder.glob("*.log"))}
    missing = sorted(set(services) - found.keys())
    if missing or not found:
        raise DashtamError(
            f"There is no log of {', '.join(missing) or 'any service'} in {folder}.",
            code=ExitCode.USAGE,
            hint=f"There is {', '.join(found)}." if found else "`inv ci.run` makes them.",
        )
    for service in services or found:
        for line in found[service].read_text(encoding="utf-8", errors="replace").splitlines():
            yield f"{service} | {line}"
