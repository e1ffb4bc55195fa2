"""What is wrong with a project's files, and with what stands between them and an environment that starts."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

import msgspec

from dashtam_tasks import env_files, instances, keys, opening, ports, processes
from dashtam_tasks.certificates import checks
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.doctor.machine import Fact, Seen, guarded
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.ownership import container_user
from dashtam_tasks.preflight import missing_bind_sources
from dashtam_tasks.preparation import env_file_pairs
from dashtam_tasks.settings import Settings


def files_seen(settings: Settings) -> Iterator[Seen]:
    """Yield what is wrong with files, as far as it can be told without Docker."""
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


def environments_seen(settings: Settings, *, engine_answers: bool) -> Iterator[Seen]:
    """Yield what keeps each environment from starting, as far as Compose can resolve its files."""
    holders = ports.container_holders() if engine_answers else {}
    for name, environment in settings.environments.items():
        file = settings.path(environment.compose_file)
        chosen = resolving_env_files(settings, name)
        if file.is_file() and all(map(is_well_formed, chosen)):
            called = opening.named(settings, None)
            known = instances.find(settings.path(""), name, called)
            compose = Compose(file=file, env_files=chosen, variables=known.variables if known else {})
            # A named instance has no ports before its first start.
            seen = partial(environment_seen, compose, holders if known or not called else None)
            yield from guarded(seen, kind="compose-file", where=str(file))


def is_set_up(settings: Settings) -> bool:
    """Return whether every environment has its files; which one has not is told by other checks."""
    return all(
        settings.path(one.compose_file).is_file()
        and settings.path(one.env_file).is_file()
        and all(map(is_well_formed, resolving_env_files(settings, name)))
        for name, one in settings.environments.items()
    )


def is_unresolvable(seen: Seen) -> bool:
    """Return whether what was seen is that Compose could not resolve an environment's files."""
    return isinstance(seen, Finding) and seen.kind == "compose-file"


def resolving_env_files(settings: Settings, name: str) -> tuple[Path, ...]:
    """Return the env files that an environment has, or will have once `inv setup` ran."""
    path = settings.path(settings.environments[name].env_file)
    here = path if path.exists() else env_files.example_of(path)
    choice = settings.path(settings.images.env_file)
    return tuple(one for one in (choice, here) if one.exists())


def is_well_formed(path: Path) -> bool:
    """Return whether an env file can be read, or is not there; why not is told by the check of env files."""
    try:
        if path.exists():
            env_files.read(path)
    except DashtamError:
        return False
    return True


def environment_seen(compose: Compose, holders: ports.Holders | None) -> Iterator[Seen]:
    """Yield what keeps an environment from starting, and shell variables that change plain Compose.

    Without `holders` nothing is said about ports.
    """
    model = compose.model
    if holders is not None:
        yield from port_findings(model, holders)
    yield from bind_findings(compose, model)
    variables = interpolated(compose)
    if variables is None:
        yield Fact("shell variables", f"not checked: this Compose cannot list those of {compose.file}")
        return
    values = {name: value for path in compose.env_files for name, value in env_files.read(path).items()}
    yield from shell_findings(variables, values)


def port_findings(model: Model, holders: ports.Holders) -> Iterator[Finding]:
    """Yield each port that somebody else holds."""
    taken = ports.occupied(model, model.selection())
    for one in ports.conflicts(taken, project=model.name, holders=holders):
        yield Finding(
            kind="port",
            where=str(one.port),
            message=f"Service {one.port.service} of {model.name} needs it, and {one.holder} has it.",
            hint="Stop what holds it, or set another port in the env file.",
        )


def bind_findings(compose: Compose, model: Model) -> Iterator[Finding]:
    """Yield each file or folder that services mount and that is not there."""
    users: defaultdict[str, list[str]] = defaultdict(list)
    for service, source in missing_bind_sources(model, model.selection()):
        users[source].append(service)
    for source, services in users.items():
        yield Finding(
            kind="bind-source",
            where=source,
            message=f"It does not exist, and {model.name} mounts it into {', '.join(services)}.",
            hint=f"Make it, or correct its path in {compose.file} or in the env file.",
        )


def interpolated(compose: Compose) -> frozenset[str] | None:
    """Return the variables in a Compose file, None where Compose is too old to list them."""
    done = processes.run(compose.argv("config", "--variables", "--format", "json"))
    if done.returncode:
        return None
    return frozenset(msgspec.json.decode(done.stdout, type=dict[str, object]))


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
