"""What the plan asks of files that are backed up, moved or set aside: nothing of them is lost or changed."""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from dashtam_tasks import env_files, files
from dashtam_tasks.migration import aside, backup, snapshots
from dashtam_tasks.migration.snapshots import Kind, Snapshot
from dashtam_tasks.migration.verification import former
from dashtam_tasks.migration.verification.evidence import looked
from dashtam_tasks.migration.verification.former import SET_ASIDE
from dashtam_tasks.migration.verification.subject import DEVELOPMENT, Subject, sentences
from dashtam_tasks.migration.verification.ticking import (
    Line,
    Verdict,
    failed,
    holds,
    not_applicable,
    passed,
)

LIST_BACKUPS = "dashtam-tasks migrate.backups --verify"


def backed_up(subject: Subject) -> tuple[Line, ...]:
    """Return the list of step 1.1."""
    count = len(former.legacy_names(subject))
    return (
        (f"All {count} files backed up successfully", partial(has_all, subject)),
        ("Backup directory contains correct files", partial(is_sound, subject)),
        ("File sizes match originals", partial(matches_originals, subject)),
    )


def renamed(subject: Subject) -> tuple[Line, ...]:
    """Return the list of step 1.3, and that nobody else reads the file."""
    return (
        (".env.dev exists", partial(is_there, subject)),
        ("Old .env file no longer exists", partial(is_gone, subject)),
        ("File contents unchanged", partial(is_unchanged, subject)),
        ("Its mode is 0600", partial(is_private, subject, DEVELOPMENT)),
    )


def cleaned_up(subject: Subject) -> tuple[Line, ...]:
    """Return the first line of step 3.2's list; those about git are elsewhere."""
    return (("Old files backed up", partial(are_set_aside, subject)),)


def reversible(subject: Subject) -> Line:
    """Return the line of step 3.3's list that is about the way back itself."""
    return "Tested rollback works", partial(is_restorable, subject)


def has_all(subject: Subject) -> Verdict:
    """Decide whether the backup has every legacy file."""
    found = former.backup_before(subject)
    names = former.legacy_names(subject)
    shown = "\n".join(f"{name}: {described(found.entries.get(name))}" for name in names)
    missing = (
        f"{name} is not in backups/{found.name}."
        for name in names
        if found.entries.get(name, snapshots.ABSENT).kind is Kind.ABSENT
    )
    return holds(missing, looked(subject, LIST_BACKUPS, f"backups/{found.name}\n{shown}"))


def described(entry: Snapshot | None) -> str:
    """Return what a backup has at a path, in a phrase."""
    if entry is None or entry.kind is Kind.ABSENT:
        return "not there"
    return f"{entry.kind}, {entry.size} bytes" if entry.kind is Kind.FILE else str(entry.kind)


def is_sound(subject: Subject) -> Verdict:
    """Decide whether all of the backup is as its manifest says, every byte read anew."""
    found = former.backup_before(subject)
    seen = looked(subject, LIST_BACKUPS, f"backups/{found.name}: {len(found.entries)} entries")
    return holds(sentences(backup.verified(found), subject.folder), seen)


def matches_originals(subject: Subject) -> Verdict:
    """Decide whether what the backup has is as large as the originals that nothing has changed yet."""
    found = former.backup_before(subject)
    here = {name: subject.path(name) for name in former.legacy_names(subject) if name in found.entries}
    same = {name: path for name, path in here.items() if is_original(path, found.entries[name])}
    shown = "\n".join(f"{name}: {path.stat().st_size} bytes" for name, path in same.items())
    wrong = (
        f"{name} has {path.stat().st_size} bytes, and its copy {found.file(name).stat().st_size}."
        for name, path in same.items()
        if path.stat().st_size != found.file(name).stat().st_size
    )
    if not same:
        return not_applicable("No original is as it was: each was moved or changed since.")
    return holds(wrong, looked(subject, "ls -l", shown))


def is_original(path: Path, entry: Snapshot) -> bool:
    """Return whether a file was not written since it was backed up."""
    return entry.kind is Kind.FILE and path.is_file() and path.stat().st_mtime_ns == entry.mtime


def is_there(subject: Subject) -> Verdict:
    """Decide whether development's env file is a file that can be read."""
    path = subject.path(subject.environment(DEVELOPMENT).env_file)
    names = env_files.read(path)
    return passed(looked(subject, f"ls -l {path}", f"sets {len(names)} variables"))


def is_gone(subject: Subject) -> Verdict:
    """Decide whether development's legacy env file is not in its old place any more."""
    old = subject.environment(DEVELOPMENT).legacy_env_file
    if not old:
        return not_applicable("There was no env file for development before.")
    path = subject.path(old)
    seen = looked(subject, f"ls -l {path}", "there" if path.exists() else "not there")
    return failed(f"{old} is still there.", seen) if path.exists() or path.is_symlink() else passed(seen)


def is_unchanged(subject: Subject) -> Verdict:
    """Decide whether development's env file holds what it held before it was moved.

    A move keeps a file's time; one that was written since was edited, and is judged by the names that it sets.
    """
    one = subject.environment(DEVELOPMENT)
    if not one.legacy_env_file:
        return not_applicable("There was no env file for development before.")
    entry = former.backup_before(subject).entries.get(one.legacy_env_file, snapshots.ABSENT)
    now = snapshots.of(subject.path(one.env_file))
    seen = looked(subject, f"sha256sum {one.env_file}", f"{now.sha256}\nbefore: {entry.sha256}")
    if entry.kind is not Kind.FILE:
        return not_applicable(f"{one.legacy_env_file} was no ordinary file, but: {described(entry)}.", seen)
    if now.same_contents(entry):
        return passed(seen)
    if now.mtime == entry.mtime:
        return failed(f"{one.env_file} holds something else than {one.legacy_env_file} did.", seen)
    lost = sorted(
        names_before(subject, one.legacy_env_file) - env_files.read(subject.path(one.env_file)).keys()
    )
    if lost:
        return failed(f"{one.env_file} does not set {', '.join(lost)} any more.", seen)
    return not_applicable(f"{one.env_file} was edited since it was moved; it sets all that it did.", seen)


def names_before(subject: Subject, name: str) -> frozenset[str]:
    """Return the names that an env file set when it was backed up."""
    return frozenset(env_files.read(former.backup_before(subject).file(name)))


def is_private(subject: Subject, name: str) -> Verdict:
    """Decide whether nobody but its owner can read an environment's env file."""
    path = subject.path(subject.environment(name).env_file)
    mode = f"{files.mode_of(path):04o}"
    seen = looked(subject, f"stat --format %a {path}", mode)
    return passed(seen) if files.is_private(path) else failed(f"{path.name} has mode {mode}.", seen)


def are_set_aside(subject: Subject) -> Verdict:
    """Decide whether each legacy file is out of the way, and there is a copy of what it was."""
    found = former.backup_before(subject)
    old = tuple(dict.fromkeys(name for one in subject.facts.environments for name in one.legacy_files))
    if not old:
        return not_applicable("There were no other Compose files before.")
    seen = looked(subject, "ls -l", "\n".join(f"{name}: {place(subject, name)}" for name in old))
    # Those that others still need have to stay.
    present = aside.examined(subject.folder, subject.facts).moved
    still = (f"{name} is still in its place." for name in present)
    return holds(chain(still, uncopied(subject, found, old)), seen)


def place(subject: Subject, name: str) -> str:
    """Return where a legacy file is now, in a phrase."""
    found = former.whereabouts(subject, name)
    return str(found.relative_to(subject.folder)) if found else "nowhere"


def uncopied(subject: Subject, found: backup.Backup, names: Iterable[str]) -> Iterator[str]:
    """Yield which files are not in a backup, and which of those set aside are not what they were."""
    for name in names:
        entry = found.entries.get(name, snapshots.ABSENT)
        if entry.kind is Kind.ABSENT:
            yield f"{name} is not in backups/{found.name}."
        now = subject.path(f"{name}{SET_ASIDE}")
        if now.is_file() and entry.kind is Kind.FILE and not snapshots.of(now).same_contents(entry):
            yield f"{now.name} is not what {name} was."


def is_restorable(subject: Subject) -> Verdict:
    """Decide whether every file of the backup can be put back: each is read, and compared with its hash."""
    found = former.backup_before(subject)
    kept = [name for name, entry in found.entries.items() if entry.kind is Kind.FILE]
    seen = looked(subject, LIST_BACKUPS, f"read {len(kept)} files of backups/{found.name}")
    broken = (name for name in kept if not restores(found, name))
    return holds((f"{name} cannot be put back as it was." for name in broken), seen)


def restores(found: backup.Backup, name: str) -> bool:
    """Return whether a backup still has a file's contents as they were."""
    path = found.file(name)
    return path.is_file() and snapshots.sha256_of(path) == found.entries[name].sha256
