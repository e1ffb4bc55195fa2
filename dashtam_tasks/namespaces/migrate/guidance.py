"""What comes next in a migration, said where a person would ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashtam_tasks import console

NEXT = {
    "applied": "dev.up starts development again, migrate.verify proves that it works, migrate.rollback takes back.",
    "applying": "migrate.apply goes on, migrate.rollback takes back.",
    "rolling back": "dashtam-tasks migrate.rollback goes on; there is no way forwards before it has ended.",
}


def after(folder: Path) -> None:
    """Say what comes next, by where the project stands."""
    from dashtam_tasks.migration.ledger import standing

    following = NEXT.get(standing.of(folder).course)
    if following:
        console.note(f"Next: {following}")


@contextmanager
def resumable(folder: Path) -> Iterator[None]:
    """Say after Ctrl-C that nothing is lost, and how it goes on."""
    try:
        yield
    except KeyboardInterrupt:
        console.note("Stopped, and nothing is lost. Containers that were stopped for it stay so.")
        after(folder)
        raise
