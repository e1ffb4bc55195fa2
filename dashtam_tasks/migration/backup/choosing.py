"""Which paths a backup has: what the project is run by, and all that any step of the migration touches."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.operations import Operation, touched


def wanted(found: Legacy, operations: Iterable[Operation]) -> tuple[str, ...]:
    """Return the paths that a backup is to have, with the folders above them, in order; some may not exist yet.

    They are the Compose files, the env files and the Makefile of the plan's step 1.1, and what
    `operations` touch. A file out of the project is not the project's to save.
    """
    named = (*legacy_files(found), *(path for one in operations for path in touched(one)))
    inside = {one for one in map(PurePosixPath, named) if not one.is_absolute() and ".." not in one.parts}
    return tuple(sorted({str(path) for one in inside for path in (one, *one.parents)}))


def legacy_files(found: Legacy) -> Iterator[str]:
    """Yield the files that the legacy project is run by."""
    yield from (name for name in (found.base, found.override, *found.development.files) if name)
    yield from (file for test in found.tests for file in (*test.overlay, *test.standalone, test.file))
    yield from (one.file for one in found.env_files if one.form in {"file", "link"})
    if found.makefile:
        yield found.makefile.file
