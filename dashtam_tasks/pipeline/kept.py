"""What a run leaves: the reports of its job, and each service's log."""

import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from dashtam_tasks import engine, files, reports
from dashtam_tasks.engine import Container
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode

# As many runs of one user get a copy each.
MOST_AT_ONCE = 99


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


def of_copy(folder: Path, number: int) -> Path:
    """Return the folder of a further copy, beside that of the first."""
    return folder.with_name(f"{folder.name}-{number}")


def further(folder: Path) -> dict[int, Path]:
    """Return the folders that there are of further copies, by number; `folder` is that of the first."""
    found = {number: of_copy(folder, number) for number in range(2, MOST_AT_ONCE + 1)}
    return {number: path for number, path in found.items() if path.is_dir()}


def latest(folder: Path) -> Path:
    """Return the folder of the copy that ran last, of the first one and those beside it."""
    copies = (folder, *further(folder).values())
    return max((one for one in copies if one.is_dir()), key=lambda one: one.stat().st_mtime, default=folder)


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
    """Remove the folder with all that is in it, if there is one.

    Raises DashtamError (CANNOT_CREATE) when it cannot be removed.
    """
    if folder.is_dir():
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
