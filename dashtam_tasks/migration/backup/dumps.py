"""Dumps in a backup: of a legacy project's PostgreSQL volumes, and whatever else is kept of a volume."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from dashtam_tasks import files
from dashtam_tasks.migration.backup import records
from dashtam_tasks.migration.backup.clusters import Cluster, clusters
from dashtam_tasks.migration.backup.keeping import add_dump
from dashtam_tasks.migration.backup.records import Backup
from dashtam_tasks.migration.backup.serving import serving
from dashtam_tasks.migration.postgresql import dumping
from dashtam_tasks.migration.postgresql.server import Server
from dashtam_tasks.migration.progress import Progress
from dashtam_tasks.notifying import Notify

__all__ = ["Keeper", "clusters", "dump"]


def dump(backup: Backup, wanted: Iterable[Cluster], *, notify: Notify) -> Backup:
    """Add a verified dump of each database of clusters to a backup, and return the backup with them.

    Raises DashtamError: DATA when a database cannot be dumped or its dump not be read back, UNAVAILABLE when no
    server starts on the copy of a volume, CANNOT_CREATE when there is no room.
    """
    for cluster in wanted:
        keeper = Keeper(folder=backup.folder, volume=cluster.volume, service=cluster.service, notify=notify)
        with serving(cluster, notify=notify) as server:
            if server:
                keeper.keep_databases(server)
            else:
                notify(f"{cluster.volume} is empty, and there is nothing to dump.")
    return records.read(backup.folder)


@dataclass(frozen=True, kw_only=True)
class Keeper:
    """Puts dumps of one volume, and of the service that has it, into the backup in `folder`."""

    folder: Path
    volume: str
    service: str
    notify: Notify

    def keep_databases(self, server: Server) -> tuple[str, ...]:
        """Dump the roles and every database of a server, and return the dumps' names.

        Raises DashtamError: DATA when one cannot be dumped or read back, CANNOT_CREATE when there is no room.
        """
        with dumping.failing_on_data():
            version = server.version()
            write, verify = partial(dumping.dump_globals, server), dumping.statements
            roles = self.keep(write, verify, what="the roles", server_version=version)
            return (roles, *(self.keep_database(server, one, version) for one in dumping.databases(server)))

    def keep_database(self, server: Server, name: str, version: str) -> str:
        """Dump one database, and return the dump's name; raise DashtamError as `keep` does."""
        write, verify = partial(dumping.dump, server, name), partial(dumping.objects, server)
        return self.keep(write, verify, what=f"the database {name}", database=name, server_version=version)

    def keep(
        self,
        write: Callable[[IO[bytes], Callable[[int], None]], None],
        verify: Callable[[Path], int],
        *,
        what: str,
        database: str = "",
        server_version: str = "",
    ) -> str:
        """Put what `write` writes into the backup when `verify` has counted its objects, and return its name.

        Until then it is beside the backup, private. Raises DashtamError.
        """
        backup = records.read(self.folder)
        subject = f"Dumping {what} of {self.volume}"
        self.notify(f"{subject}.")
        progress = Progress(subject=subject, total=0, notify=self.notify)
        with (
            files.explaining(backup.folder),
            files.temporary_beside(backup.folder) as (descriptor, temporary),
        ):
            with os.fdopen(descriptor, "wb") as file:
                write(file, progress.add)
            made = add_dump(
                backup,
                temporary,
                volume=self.volume,
                service=self.service,
                database=database,
                objects=verify(temporary),
                server_version=server_version,
            )
        return made.dumps[-1].name
