"""Servers to dump from: the one that runs on a PostgreSQL volume, else one of our own on a copy of it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dashtam_tasks import engine
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.backup.clusters import Cluster
from dashtam_tasks.migration.containers import workbench
from dashtam_tasks.migration.containers.workbench import SOURCE, TARGET, Workbench
from dashtam_tasks.migration.postgresql import data_directory
from dashtam_tasks.migration.postgresql.data_directory import DataDirectory
from dashtam_tasks.migration.postgresql.server import Server, running
from dashtam_tasks.migration.postgresql.serving import served
from dashtam_tasks.notifying import Notify


@contextmanager
def serving(cluster: Cluster, *, notify: Notify) -> Iterator[Server | None]:
    """Yield a server that has a cluster's data, None for a volume with nothing in it.

    Where none runs, it is one of our own on a copy, which is gone afterwards: the volume itself is only ever read.
    Raises DashtamError (UNAVAILABLE) when that does not start.
    """
    if cluster.container:
        yield running(cluster.container)
        return
    engine.remove_containers(workbench.abandoned(cluster.volume))
    names = {"subject": cluster.volume, "source": cluster.volume}
    with workbench.opened(cluster.image, **names, anonymous=True) as bench, ExitStack() as stack:
        if not bench.output("ls", "-A", SOURCE):
            yield None
            return
        notify(f"Copying {cluster.volume}, since no server runs on it.")
        with starting(cluster):
            server = stack.enter_context(served(bench, copied(cluster, bench)))
        yield server


def copied(cluster: Cluster, bench: Workbench) -> DataDirectory:
    """Copy a cluster's volume, and return the data directory that its service would use.

    Raises DashtamError: DATA when there is none, IO when there is no room.
    """
    bench.output("cp", "-a", f"{SOURCE}/.", TARGET)
    found = data_directory.every(bench, TARGET)
    if not found:
        raise DashtamError(
            f"{cluster.volume} has files, and none of them is PostgreSQL's.", code=ExitCode.DATA
        )
    version, chosen = data_directory.major(bench), cluster.pgdata.rstrip("/").replace(cluster.path, TARGET, 1)
    return max(found, key=lambda one: (one.path == chosen, one.version == version))


@contextmanager
def starting(cluster: Cluster) -> Iterator[None]:
    """Turn what keeps a server from starting on a copy into an error (UNAVAILABLE) that says what else to do."""
    try:
        yield
    except DashtamError as error:
        if error.code not in {ExitCode.DATA, ExitCode.IO}:
            raise
        raise DashtamError(
            f"No PostgreSQL of {cluster.image} answers on a copy of {cluster.volume}.",
            code=ExitCode.UNAVAILABLE,
            details="\n".join(filter(None, (error.reason, error.details))),
            hint=f"Start service {cluster.service} as it was, and dump again: it is asked where it runs.",
        ) from error
