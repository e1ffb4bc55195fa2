"""What was there before: legacy files where they are now, and what Compose made of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashtam_tasks import env_files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup
from dashtam_tasks.migration.backup import Backup
from dashtam_tasks.migration.facts import EnvironmentFacts
from dashtam_tasks.migration.operations import Copy
from dashtam_tasks.migration.planning.equivalence import Resolvable
from dashtam_tasks.migration.planning.staging import staged
from dashtam_tasks.migration.snapshots import Kind
from dashtam_tasks.migration.verification.subject import Subject

SET_ASIDE = ".old"
MAKEFILE = "Makefile"


def backups(subject: Subject) -> tuple[Backup, ...]:
    """Return the backups of a project, the first taken first."""
    return tuple(backup.existing(subject.folder))


def backup_before(subject: Subject) -> Backup:
    """Return the last backup that was taken before the legacy files were touched.

    Raises DashtamError (CONFIGURATION) when there is none.
    """
    found = [one for one in backups(subject) if has_legacy_files(subject, one)] or backups(subject)[:1]
    if not found:
        raise DashtamError(
            "There is no backup in backups/.",
            code=ExitCode.CONFIGURATION,
            hint="Take one: dashtam-tasks migrate.backup",
        )
    return found[-1]


def has_legacy_files(subject: Subject, one: Backup) -> bool:
    """Return whether a backup has every legacy file that is known."""
    named = [
        name for each in subject.facts.environments for name in (*each.legacy_files, each.legacy_env_file)
    ]
    return all(name in one.entries and one.entries[name].kind is not Kind.ABSENT for name in named if name)


def legacy_names(subject: Subject) -> tuple[str, ...]:
    """Return the names that the plan's five files have in this project, as far as it has them."""
    named = [name for one in subject.facts.environments for name in (*one.legacy_files, one.legacy_env_file)]
    makefile = [MAKEFILE] if whereabouts(subject, MAKEFILE) else []
    return tuple(dict.fromkeys(name for name in (*named, *makefile) if name))


def whereabouts(subject: Subject, name: str) -> Path | None:
    """Return where a legacy file is now: in its place, where it was moved, set aside, or in a backup."""
    moved = subject.facts.moved.get(name)
    places = [subject.path(one) for one in (name, moved, f"{name}{SET_ASIDE}") if one]
    kept = [
        one.file(name)
        for one in reversed(backups(subject))
        if name in one.entries and one.entries[name].kind is Kind.FILE
    ]
    return next((path for path in (*places, *kept) if path.is_file()), None)


@contextmanager
def project(subject: Subject, one: EnvironmentFacts) -> Iterator[Path]:
    """Yield a folder that has an environment's legacy files in their places again.

    Raises DashtamError (CONFIGURATION) when one is nowhere to be found.
    """
    copies = []
    for name in (*one.legacy_files, one.legacy_env_file):
        if not name or subject.path(name).is_file():
            continue
        found = whereabouts(subject, name)
        if found is None:
            raise DashtamError(
                f"{name} is neither in its place nor in a backup.", code=ExitCode.CONFIGURATION
            )
        copies.append(Copy(source=str(found.relative_to(subject.folder)), target=name))
    with staged(subject.folder, copies) as stage:
        yield stage


def ports(subject: Subject, one: EnvironmentFacts) -> set[str]:
    """Return the host ports that an environment's legacy files publish, as `port` writes them.

    Raises DashtamError: CONFIGURATION when a file is gone, DATA when Compose cannot resolve them.
    """
    with project(subject, one) as stage:
        files = tuple(stage / name for name in one.legacy_files)
        values = env_files.read(stage / one.legacy_env_file) if one.legacy_env_file else {}
        model = Resolvable(root=stage, files=files).model(values)
    return {
        port(
            name,
            published=str(item.get("published", "")),
            target=item["target"],
            protocol=item.get("protocol", "tcp"),
        )
        for name, service in (model.get("services") or {}).items()
        for item in service.get("ports") or ()
    }


def port(service: str, *, published: str, target: int, protocol: str) -> str:
    """Return a published port in words that compare."""
    return f"{service}: {published or 'any port'} for {target}/{protocol}"
