"""Data directories: what PostgreSQL has in a volume, whose it is and which server opens it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.containers.workbench import TARGET, Workbench

CONTROL = "global/pg_control"
VERSION = re.compile(rb"\(PostgreSQL\) (\d+)(\.\d+)?")
LAST_WITH_TWO = 9


@dataclass(frozen=True, kw_only=True)
class DataDirectory:
    """A data directory in a workbench, its owner, and the major version that it is of."""

    path: str
    uid: str
    gid: str
    version: str

    @property
    def user(self) -> str:
        """Its owner, as docker names one."""
        return f"{self.uid}:{self.gid}"


def major(bench: Workbench) -> str:
    """Return the major version of the image's server; raise DashtamError as Executor.output does."""
    text = bench.output("postgres", "--version")
    found = VERSION.search(text)
    if not found:
        raise DashtamError(
            f"`postgres --version` says {text.decode(errors='replace').strip()!r}.", code=ExitCode.DATA
        )
    return (found[0] if int(found[1]) <= LAST_WITH_TWO else found[1]).split()[-1].decode()


def every(bench: Workbench, folder: str) -> tuple[DataDirectory, ...]:
    """Return the data directories in a volume; one may have those of several major versions."""
    found = bench.output("find", folder, "-path", f"*/{CONTROL}", "-print0").split(b"\0")[:-1]
    return tuple(at(bench, name.decode().removesuffix(f"/{CONTROL}")) for name in found)


def at(bench: Workbench, path: str) -> DataDirectory:
    """Return the data directory at a path."""
    version = bench.output("cat", f"{path}/PG_VERSION").decode().strip()
    uid, gid = bench.output("stat", "-c", "%u %g", path).decode().split()
    return DataDirectory(path=path, uid=uid, gid=gid, version=version)


def current(bench: Workbench, folder: str = TARGET) -> DataDirectory | None:
    """Return the data directory that the image's server can open, None where a volume has none at all.

    Raises DashtamError (DATA) when there are only others.
    """
    return fitting(bench, every(bench, folder))


def fitting(bench: Workbench, found: Sequence[DataDirectory]) -> DataDirectory | None:
    """Return that of some data directories which the image's server can open, None of none; raise as `current`."""
    wanted = major(bench)
    chosen = next((one for one in found if one.version == wanted), None)
    if found and chosen is None:
        versions = ", ".join(one.version for one in found)
        raise DashtamError(
            f"The data are PostgreSQL {versions}, and the image's server is {wanted}.",
            code=ExitCode.DATA,
            hint="A server opens the data of its own major version only; give the service that one's image.",
        )
    return chosen


def control_of(bench: Workbench, data: DataDirectory) -> str:
    """Return the SHA-256 of a data directory's control file, which every start of a server changes."""
    return bench.output("sha256sum", f"{data.path}/{CONTROL}").split()[0].decode()


def is_same(bench: Workbench, one: str, other: str) -> bool:
    """Return whether the data directories in two folders are those of the same clusters, by initdb's numbers."""
    found, wanted = (identifiers(bench, folder) for folder in (one, other))
    return bool(found) and found == wanted


def identifiers(bench: Workbench, folder: str) -> dict[str, bytes]:
    """Return the system identifiers of the clusters below a folder, as their bytes, by their paths in it.

    They are what pg_control begins with (PostgreSQL, src/include/catalog/pg_control.h).
    """
    return {
        data.path.removeprefix(folder): bench.output("head", "-c", "8", f"{data.path}/{CONTROL}")
        for data in every(bench, folder)
    }
