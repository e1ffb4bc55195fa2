"""Reports: a folder that a container writes to, and whose files belong to the caller afterwards."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashtam_tasks import files, processes
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.ownership import ROOT

# Where containers find the folder.
TARGET = "/reports"
# The modes of folders and of files.
CLOSED, OPEN = (0o755, 0o644), (0o777, 0o666)


def folder_of(environment: Environment) -> Path:
    """Return where an instance's reports are: `reports/test`, and for a named one `reports/test-NAME`."""
    name = f"{environment.name}-{environment.instance}" if environment.instance else environment.name
    return environment.settings.path("reports") / name


def made(folder: Path) -> Path:
    """Return a folder of reports, made where it is missing.

    Raises DashtamError (CANNOT_CREATE) when it cannot be made.
    """
    try:
        with files.explaining(folder):
            folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise DashtamError(
            f"{folder} is not a folder, and reports go there.",
            code=ExitCode.CANNOT_CREATE,
            hint="Give what is there another name, or remove it.",
        ) from error
    return folder


@contextmanager
def writable(environment: Environment, service: str, folder: Path) -> Iterator[None]:
    """Let the user of a service's container write to a folder for a while.

    Afterwards everything in it is the caller's. Raises DashtamError (UNAVAILABLE) when a file that a container
    wrote cannot be given back.
    """
    user = environment.model.service(service).user
    try:
        open_to(folder, user)
        yield
    finally:
        set_modes(folder, *CLOSED)
        give_back(environment, service, folder)


def open_to(folder: Path, user: str) -> None:
    """Let a container's user write to a folder: give it away, as root may, or open it to everybody for a while."""
    uid, _, gid = user.partition(":")
    if not uid.isdecimal():
        set_modes(folder, *OPEN)
    elif os.geteuid() == ROOT:
        for path in contents(folder):
            os.lchown(path, int(uid), int(gid) if gid.isdecimal() else -1)
    elif int(uid) != os.geteuid():
        set_modes(folder, *OPEN)


def set_modes(folder: Path, directory: int, file: int) -> None:
    """Set the modes of a folder and of all in it that is ours; a link would lead to what is not in it."""
    for path in contents(folder):
        status = path.lstat()
        if status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode):
            path.chmod(directory if stat.S_ISDIR(status.st_mode) else file)


def give_back(environment: Environment, service: str, folder: Path) -> None:
    """Make the caller the owner of everything in a folder.

    Only root may do so: we, or else a container of the same image.
    """
    foreign = [path for path in contents(folder) if path.lstat().st_uid != os.geteuid()]
    if os.geteuid() == ROOT:
        for path in foreign:
            os.lchown(path, os.geteuid(), os.getegid())
    elif foreign:
        owner = f"{os.geteuid()}:{os.getegid()}"
        options = ("--user", "0:0", "--volume", f"{folder}:{TARGET}", "--entrypoint", "chown")
        arguments = environment.run_arguments(("-R", owner, TARGET), service=service, options=options)
        if environment.compose.attach(*arguments, stdin=processes.DEVNULL):
            raise DashtamError(
                f"{foreign[0]} belongs to the user of the container, and could not be given back.",
                code=ExitCode.UNAVAILABLE,
                hint=f"Let service {service} run as {owner}: give it a `user:` in {environment.compose.file}.",
            )


def contents(folder: Path) -> Iterator[Path]:
    """Yield a folder and everything below it."""
    yield folder
    yield from folder.rglob("*")
