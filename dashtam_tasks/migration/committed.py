"""Whether git has, or would take, what must not be committed: real env files, backups, the migration's records."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration import ledger
from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.ignored import git as git_ignore
from dashtam_tasks.migration.ignored.lines import contents
from dashtam_tasks.migration.legacy import env_files, git
from dashtam_tasks.migration.legacy.git import Git

RECORDS = (ledger.BACKUPS, ledger.NAME)
FOLDER = "envs"


def findings(project: Path, facts: Facts) -> tuple[Finding, ...]:
    """Return what git has or would take of a project's secrets; nothing where there is no repository.

    An env file that no environment of the migration uses is a warning: some projects commit one without secrets.
    Raises DashtamError (UNAVAILABLE) when git refuses.
    """
    known = git.look(project)
    if known.problem:
        return (not_known(project, known),)
    if not known.is_repository:
        return ()
    own = {name for one in facts.environments for name in (one.env_file, one.legacy_env_file) if name}
    tracked = (
        committed(name, is_ours=is_ours(name, own)) for name in sorted(known.tracked) if is_private(name)
    )
    return (*tracked, *map(open_to_commits, unprotected(project, known)))


def not_known(project: Path, known: Git) -> Finding:
    """Return the finding that git could not be asked."""
    return Finding(
        kind="git-not-asked",
        where=str(project),
        message=f"Whether secrets are committed is not known: {known.problem}",
        hint="Mend the repository, or see to it that git can be run.",
    )


def is_private(name: str) -> bool:
    """Return whether a file may hold secrets, by its name and its folder."""
    path = PurePosixPath(name)
    is_example = bool(env_files.EXAMPLE_WORDS & set(env_files.words_of(name)))
    return path.parts[0] in RECORDS or (env_files.is_env_name(path) and not is_example)


def is_ours(name: str, own: set[str]) -> bool:
    """Return whether a file is one of the migration's, or an env file of an environment."""
    return name in own or PurePosixPath(name).parts[0] in {*RECORDS, FOLDER}


def committed(name: str, *, is_ours: bool) -> Finding:
    """Return the finding that git tracks a file."""
    return Finding(
        kind="secret-committed",
        where=name,
        message="Git tracks it, and it may hold secrets.",
        hint=f"git rm --cached {name}; what it holds is in the history: replace its secrets.",
        severity=Severity.ERROR if is_ours else Severity.WARNING,
    )


def unprotected(project: Path, known: Git) -> Iterator[str]:
    """Yield what is there, must not be committed, and is not left out by any .gitignore of the project."""
    real = [one for one in (project / FOLDER).glob(".env.*") if is_private(f"{FOLDER}/{one.name}")]
    paths = [f"{FOLDER}/{one.name}" for one in sorted(real)]
    paths += [f"{name}/1" for name in RECORDS if (project / name).is_dir()]
    judge = git_ignore.judge_for(project, known.prefix)
    told = judge(contents(project / git_ignore.NAME), paths) if paths else {}
    yield from (path for path in paths if not told[path].is_out and path not in known.tracked)


def open_to_commits(path: str) -> Finding:
    """Return the finding that the next `git add` would take something."""
    is_record = path.endswith("/1")
    where = path.removesuffix("1") if is_record else path
    return Finding(
        kind="secret-not-ignored",
        where=where,
        message="No .gitignore leaves it out, so the next `git add` may take it.",
        hint=f"Add the line `/{where}` at the end of .gitignore.",
    )
