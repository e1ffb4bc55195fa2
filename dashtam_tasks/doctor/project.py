"""What is wrong with a project's files, as far as it can be told without Docker."""

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from dashtam_tasks import env_files, keys, processes
from dashtam_tasks.certificates import checks
from dashtam_tasks.doctor.machine import Seen, guarded
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.ownership import container_user
from dashtam_tasks.preparation import env_file_pairs
from dashtam_tasks.settings import Settings


def files_seen(settings: Settings) -> Iterator[Seen]:
    """Yield what is wrong with files."""
    yield from shell_findings(processes.REFUSED_NAMES, {})
    yield from absent_compose_files(settings)
    for path, example in env_file_pairs(settings):
        yield from guarded(
            partial(env_file_findings, settings, path, example), kind="unreadable", where=str(path)
        )
    choice = settings.path(settings.images.env_file)
    yield from guarded(partial(image_choice_findings, choice), kind="unreadable", where=str(choice))
    yield from guarded(partial(unreadable_by_app, settings), kind="unreadable", where=settings.project_dir)
    yield from guarded(partial(tracked_secrets, settings), kind="git", where=settings.project_dir)


def absent_compose_files(settings: Settings) -> Iterator[Finding]:
    """Yield each environment's Compose file that is not there."""
    for name, environment in settings.environments.items():
        path = settings.path(environment.compose_file)
        if not path.is_file():
            yield Finding(
                kind="compose-file",
                where=str(path),
                message=f"The Compose file of environment {name} does not exist.",
                hint=f"Restore it, or check dashtam.environments.{name}.compose_file in invoke.yaml.",
            )


def env_file_findings(settings: Settings, path: Path, example: Path) -> Iterator[Finding]:
    """Yield what is wrong with an env file, its generated secrets included."""
    yield from env_files.compare(path, example, generated=settings.keys)
    if path.exists():
        yield from keys.check(settings, path)
    elif not example.exists():
        yield Finding(
            kind="missing",
            where=str(example),
            message="The example that `inv setup` makes the env file from is missing.",
            hint="Restore it, or write the env file by hand.",
        )


def image_choice_findings(path: Path) -> Iterator[Finding]:
    """Yield what is wrong with the choice of base images, which holds no secret and may be absent."""
    if path.exists():
        yield from env_files.line_findings(path, env_files.load(path), ())


def unreadable_by_app(settings: Settings) -> Iterator[Finding]:
    """Yield the private files that the app's container mounts and its user may not read."""
    user = container_user(Path(settings.project_dir))
    authority = checks.authority_pair(settings).key.resolve()
    for path in secret_files(settings):
        if path == authority or not path.is_file():
            continue
        present = path.stat()
        # The last three bits are everybody's; of the owner's three, the first is to read.
        if not (present.st_mode & 0o004 or (present.st_uid == user.uid and present.st_mode & 0o400)):
            yield Finding(
                kind="unreadable-by-app",
                where=str(path),
                message=f"The app runs as user {user.uid} and may not read it.",
                hint=f"Run `chown {user.uid}:{user.gid} {path} && chmod 600 {path}`.",
            )


def tracked_secrets(settings: Settings) -> Iterator[Finding]:
    """Yield each file with secrets, or a copy that we kept of one, that git tracks.

    Raises DashtamError (UNAVAILABLE) when the project is in a git checkout and git cannot tell.
    """
    secrets = secret_files(settings)
    for path in tracked_files(settings.path("").resolve(), {secret.parent for secret in secrets}):
        if any(path == secret or is_copy(path, secret) for secret in secrets):
            yield Finding(
                kind="tracked-secret",
                where=str(path),
                message="Git tracks this file, and it holds secrets.",
                hint=f"Run `git rm --cached {path}`, and replace its secrets if they were pushed.",
            )


def secret_files(settings: Settings) -> tuple[Path, ...]:
    """Return where the env files and the certificates' keys are, or would be."""
    pairs = (
        checks.authority_pair(settings),
        *(checks.leaf_pair(settings, leaf) for leaf in settings.certificates.leaves),
    )
    return (
        *(path.resolve() for path, _ in env_file_pairs(settings)),
        *(pair.key.resolve() for pair in pairs),
    )


def is_copy(path: Path, secret: Path) -> bool:
    """Return whether `path` is a copy that files.keep_copy made of `secret`."""
    return path.parent == secret.parent and path.name.startswith(f"{secret.name.removesuffix('.pem')}.bak-")


def tracked_files(project: Path, folders: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files below `folders` that git tracks; outside of a git checkout there are none.

    Raises DashtamError (UNAVAILABLE) when git is missing or fails.
    """
    if not any((folder / ".git").exists() for folder in (project, *project.parents)):
        return ()
    argv = ["git", "--literal-pathspecs", "ls-files", "-z", "--", *map(str, folders)]
    done = processes.run(argv, cwd=project)
    if done.returncode:
        raise DashtamError(
            "Git cannot tell whether it tracks files with secrets.",
            code=ExitCode.UNAVAILABLE,
            details=done.stderr,
        )
    return tuple(project / name for name in done.stdout.split("\0") if name)


def shell_findings(names: Iterable[str], values: Mapping[str, str]) -> Iterator[Finding]:
    """Yield each of `names` that our shell sets otherwise than `values`, and that our tasks do not hand on."""
    ignored = os.environ.keys() - processes.child_environment().keys()
    for name in sorted(ignored.intersection(names)):
        if os.environ[name] != values.get(name, ""):
            yield Finding(
                kind="shell-variable",
                where=name,
                message="This shell sets it: plain `docker compose` obeys it, our tasks do not.",
                hint=f"Run `unset {name}` before plain `docker compose`.",
                severity=Severity.WARNING,
            )
