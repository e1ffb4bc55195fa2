"""Preparation: everything that a machine needs before the first `up`, made where it is missing."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from dashtam_tasks import certificates, env_files, images, keys
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.notifying import Notify
from dashtam_tasks.opening import every_instance
from dashtam_tasks.ownership import container_user
from dashtam_tasks.settings import Settings


def prepare(settings: Settings, *, report: Notify, install: bool = True) -> tuple[str, ...]:
    """Make env files, keys, certificates and base images; return one line for each thing that was done.

    `install` allows to install the distribution's debootstrap. What is there and valid is not touched.
    Raises DashtamError as each part does.
    """
    return (
        *make_env_files(settings),
        # Before the keys, which ask Compose, and a Compose file may have no default for its images.
        *choose_images(settings, report=report, install=install),
        *make_keys(settings),
        *make_certificates(settings),
    )


def unfinished(settings: Settings) -> tuple[Finding, ...]:
    """Return what is still wrong with the env files, and only a person can mend."""
    return tuple(
        found
        for path, example in env_file_pairs(settings)
        if path.exists() and example.is_file()
        for found in env_files.compare(path, example, generated=settings.keys)
        if found.severity is Severity.ERROR
    )


def env_file_pairs(settings: Settings) -> Iterator[tuple[Path, Path]]:
    """Yield each environment's env file with its example beside it."""
    for environment in settings.environments.values():
        path = settings.path(environment.env_file)
        yield path, env_files.example_of(path)


def make_env_files(settings: Settings) -> Iterator[str]:
    """Make each missing env file from its example; yield a line for each that was made."""
    for path, example in env_file_pairs(settings):
        if make_env_file(settings, path):
            yield f"made {path} from {example.name}"


def make_env_file(settings: Settings, path: Path) -> bool:
    """Make an env file from its example, for the user that the app runs as, and return whether it was missing.

    Without an example nothing is made. Raises DashtamError as env_files.create does.
    """
    example = env_files.example_of(path)
    if path.exists() or not example.is_file():
        return False
    user = container_user(Path(settings.project_dir))
    machine = {"APP_UID": str(user.uid), "APP_GID": str(user.gid)}
    known = env_files.read(example).keys() & machine.keys()
    return env_files.create(path, example, values={name: machine[name] for name in known}, user=user)


def choose_images(settings: Settings, *, report: Notify, install: bool) -> Iterator[str]:
    """Choose base images, so that the engine has all of them."""
    before = images.chosen(settings)
    for one in images.choose(settings, report=report, install=install):
        if before.get(one.variable) != one.reference:
            yield f"chose {one.variable}={one.reference}"


def make_keys(settings: Settings) -> Iterator[str]:
    """Generate the secrets that are still placeholders."""
    for name, files in settings.environments.items():
        if settings.path(files.env_file).exists():
            yield from describe_keys(generate_keys(settings, name), settings, name)


def generate_keys(
    settings: Settings, name: str, *, names: Sequence[str] = (), force: bool = False
) -> keys.Generated:
    """Generate secrets of the environment `name`, sparing those that a database's volume was made with.

    `names` and `force` are those of keys.generate. Raises DashtamError as that does, and UNAVAILABLE when there
    is something to write and no engine to ask for the volume.
    """
    path = settings.path(settings.environments[name].env_file)
    due = keys.due(settings, path, names=names, force=force)
    opened = every_instance(settings, name) if due else ()
    in_use = frozenset().union(*(one.secrets_in_use() for one in opened))
    return keys.generate(settings, path, force=force, names=names, in_use=in_use)


def describe_keys(made: keys.Generated, settings: Settings, name: str) -> Iterator[str]:
    """Yield one line for each secret that was written or spared, and for the copy of the old file."""
    path = settings.path(settings.environments[name].env_file)
    yield from (f"made {secret} in {path}" for secret in made.written)
    if made.backup:
        yield f"kept the old secrets in {made.backup}"
        yield f"What runs has the old ones until it is restarted: inv {name}.restart"
    pending = keys.due(settings, path, names=made.skipped) if made.skipped else ()
    for secret in made.skipped:
        yield f"left {secret} in {path} alone: a database volume of this name was made with one"
        if secret in pending:
            yield (
                f"Put that one back. If the volume is another checkout's, give this one an instance of its own: "
                f"inv {name}.up --instance NAME; if nobody needs it, remove it: inv {name}.down --volumes"
            )


def make_certificates(settings: Settings, *, force: bool = False) -> Iterator[str]:
    """Make or renew certificates, for the user that the app runs as."""
    user = container_user(Path(settings.project_dir))
    for made in certificates.ensure(settings, user=user, force=force):
        yield f"made {made.path} ({made.reason})"
        yield from (f"kept what was there as {path}" for path in made.kept)
