"""Preparation: everything that a machine needs before the first `up`, made where it is missing."""

from collections.abc import Callable, Iterator
from pathlib import Path

from dashtam_tasks import certificates, env_files, images, keys
from dashtam_tasks.ownership import container_user
from dashtam_tasks.settings import Settings


def prepare(settings: Settings, *, report: Callable[[str], None], install: bool = True) -> tuple[str, ...]:
    """Make env files, keys, certificates and base images; return one line for each thing that was made.

    `install` allows to install the distribution's debootstrap. What is there and valid is not touched.
    Raises DashtamError as each part does.
    """
    made = [*make_env_files(settings), *make_keys(settings), *make_certificates(settings)]
    before = images.chosen(settings)
    choices = images.choose(settings, report=report, install=install)
    made += [
        f"{one.variable}={one.reference}" for one in choices if before.get(one.variable) != one.reference
    ]
    return tuple(made)


def env_file_pairs(settings: Settings) -> Iterator[tuple[Path, Path]]:
    """Yield each environment's env file with its example beside it."""
    for environment in settings.environments.values():
        path = settings.path(environment.env_file)
        yield path, path.with_name(f"{path.name}.example")


def make_env_files(settings: Settings) -> Iterator[str]:
    """Make each missing env file from its example, for the user that the app runs as."""
    user = container_user(Path(settings.project_dir))
    values = {"APP_UID": str(user.uid), "APP_GID": str(user.gid)}
    for path, example in env_file_pairs(settings):
        if example.is_file() and env_files.create(path, example, values=values, user=user):
            yield f"{path} from {example.name}"


def make_keys(settings: Settings) -> Iterator[str]:
    """Generate the secrets that are still placeholders."""
    for path, _ in env_file_pairs(settings):
        if path.exists():
            for name in keys.generate(settings, path).written:
                yield f"{name} in {path}"


def make_certificates(settings: Settings) -> Iterator[str]:
    """Make or renew certificates, for the user that the app runs as."""
    for made in certificates.ensure(settings, user=container_user(Path(settings.project_dir))):
        yield f"{made.path} ({made.reason})"
