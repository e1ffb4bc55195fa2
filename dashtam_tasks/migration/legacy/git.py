"""What git knows of a folder. Git may be missing, and the folder may be no repository: both are fine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks import processes
from dashtam_tasks.errors import DashtamError

# Else `git status` would write what it learned into the index.
READ_ONLY = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
BRANCH = "# branch.head "
DETACHED = "(detached)"
# Porcelain version 2: what starts with these is followed by so many fields before the path (git-status(1)).
FIELDS = {"1": 8, "2": 9, "u": 10, "?": 1}


@dataclass(frozen=True, kw_only=True)
class Git:
    """The state of a checkout: its branch (empty when detached), and the files that are not committed.

    `is_repository` is False outside of a checkout, `problem` says why git could not tell. `prefix` is the folder's
    place in the checkout, empty for its top; files are named from the folder on.
    """

    is_repository: bool
    problem: str = ""
    prefix: str = ""
    branch: str = ""
    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    tracked: frozenset[str] = frozenset()

    @property
    def is_clean(self) -> bool:
        """Whether everything is committed."""
        return not self.changed and not self.untracked


def look(folder: Path) -> Git:
    """Return what git knows of `folder`."""
    if not any((place / ".git").exists() for place in (folder, *folder.resolve().parents)):
        return Git(is_repository=False)
    try:
        prefix = asked(folder, "rev-parse", "--show-prefix").rstrip("\n")
        status = asked(
            folder, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--", "."
        )
        tracked = asked(folder, "ls-files", "-z", "--", ".")
    except DashtamError as error:
        return Git(is_repository=True, problem=f"{error.reason} {error.details}".strip())
    records = status.split("\0")
    branch = next((one.removeprefix(BRANCH) for one in records if one.startswith(BRANCH)), "")
    entries = tuple(changes(records))
    return Git(
        is_repository=True,
        prefix=prefix,
        branch="" if branch == DETACHED else branch,
        changed=tuple(path.removeprefix(prefix) for kind, path in entries if kind != "?"),
        untracked=tuple(path.removeprefix(prefix) for kind, path in entries if kind == "?"),
        tracked=frozenset(name for name in tracked.split("\0") if name),
    )


def changes(records: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each file that is not committed as it is, with its kind: `?` for one that git does not track."""
    remaining = iter(records)
    for record in remaining:
        kind = record[:1]
        if kind in FIELDS:
            yield kind, record.split(" ", FIELDS[kind])[-1]
        if kind == "2":
            # The name that it had before.
            next(remaining, None)


def asked(folder: Path, *arguments: str) -> str:
    """Return what git answers. Raises DashtamError (UNAVAILABLE) when git is missing or refuses."""
    done = processes.run(["git", *arguments], environment=READ_ONLY, cwd=folder)
    if done.returncode:
        raise DashtamError("Git cannot tell.", code=done.returncode, details=done.stderr.strip())
    return done.stdout
