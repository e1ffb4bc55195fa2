"""Open an instance of an environment: find its files, remember it, and hold it while it is changed."""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dashtam_tasks import env_files, instances, isolation, preflight
from dashtam_tasks.compose import Compose
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.instances import allocation, holding, names
from dashtam_tasks.isolation import Subject
from dashtam_tasks.notifying import Notify
from dashtam_tasks.settings import Settings


def open_environment(settings: Settings, name: str, *, instance: str | None = None) -> Environment:
    """Return an instance of the environment called `name`, its files found and readable.

    `instance` is empty for the default one; None means that of DASHTAM_INSTANCE, else that of the project's folder.
    Raises DashtamError: USAGE for an environment that the settings do not have and for an impossible name,
    CONFIGURATION for a missing Compose file and for a missing or malformed env file.
    """
    files = settings.files(name)
    compose_file = settings.path(files.compose_file)
    if not compose_file.is_file():
        raise DashtamError(
            f"The Compose file {compose_file} of environment {name} does not exist.",
            code=ExitCode.CONFIGURATION,
            hint=f"Check dashtam.environments.{name}.compose_file in invoke.yaml.",
        )
    chosen = present_env_files(settings, settings.path(files.env_file))
    values = {variable: value for path in chosen for variable, value in env_files.read(path).items()}
    called = named(settings, instance)
    known = instances.find(settings.path(""), name, called)
    variables = known.variables if known else names.variables(called, values)
    compose = Compose(file=compose_file, env_files=chosen, variables=variables)
    return Environment(name=name, instance=called, settings=settings, compose=compose, remembered=known)


def every_instance(settings: Settings, name: str) -> tuple[Environment, ...]:
    """Return the instance of an environment that is meant where none is named, and all that the project remembers.

    Raises DashtamError as open_environment does.
    """
    known = instances.of_folder(settings.path(""))
    called = {one.name for one in known if one.environment == name} | {named(settings, None)}
    return tuple(open_environment(settings, name, instance=one) for one in sorted(called))


def named(settings: Settings, instance: str | None) -> str:
    """Return the name of the instance that is meant; None is as in open_environment.

    Raises DashtamError (USAGE) for one that is impossible.
    """
    if instance is None:
        return names.require_possible(os.environ.get("DASHTAM_INSTANCE", "")) or names.own(settings.path(""))
    return names.require_possible(instance)


def present_env_files(settings: Settings, env_file: Path) -> tuple[Path, ...]:
    """Return the env files that Compose reads for an environment; the choice of images may not be made yet."""
    images = settings.path(settings.images.env_file)
    return (*((images,) if images.exists() else ()), env_file)


@contextmanager
def changing(
    settings: Settings,
    name: str,
    *,
    instance: str | None = None,
    task: str,
    starts: bool = False,
    patience: float | None = None,
    waiting: Notify,
) -> Iterator[Environment]:
    """Yield an instance of an environment that no other task changes meanwhile.

    With `starts` it is remembered first, if it is not yet. `task` is the name of ours, for those who wait;
    `waiting` is told whom we wait for, at most `patience` seconds, by default those of the settings.
    Raises DashtamError as open_environment, holding.held and claimed do.
    """
    opened = open_environment(settings, name, instance=instance)
    patience = settings.instances.patience if patience is None else patience
    folder = settings.path("")
    with holding.held(folder, opened.label, task=f"inv {task}", patience=patience, waiting=waiting):
        # Who held it may have removed it, or made it.
        opened = open_environment(settings, name, instance=opened.instance)
        yield claimed(opened) if starts else opened


def claimed(environment: Environment) -> Environment:
    """Return the environment as an instance that is remembered, with host ports of its own.

    Raises DashtamError: BUSY when its Compose project belongs to another folder, CONFIGURATION when its Compose
    file does not keep instances apart, UNAVAILABLE when no ports are left.
    """
    settings, model = environment.settings, environment.model
    folder = settings.path("")
    preflight.require_ours(model, environment.compose.file, folder)
    if environment.remembered and environment.remembered.describes(environment.compose, model):
        return environment
    if environment.instance:
        require_named_apart(environment)
    made = instances.claim(
        folder,
        environment.name,
        environment.instance,
        compose=environment.compose,
        model=model,
        ports=allocation.variables(environment.compose) if environment.instance else {},
        shared=shared_paths(settings),
    )
    # The default one's files say all about it, and were read already.
    compose = made.compose if environment.instance else environment.compose
    return dataclasses.replace(environment, compose=compose, remembered=made)


def require_named_apart(new: Environment) -> None:
    """Raise DashtamError (CONFIGURATION) if a new instance would not be apart from the default one.

    That is so where a Compose file has a fixed name or port. Real ports are chosen later; others stand in for them.
    """
    stand_ins = {name: str(port) for port, name in enumerate(allocation.variables(new.compose), start=1)}
    moved = dataclasses.replace(new.compose, variables={**stand_ins, **new.compose.variables})
    one = subject(open_environment(new.settings, new.name, instance=""))
    other = dataclasses.replace(subject(new), model=moved.model)
    shared = isolation.overlaps(one, other, shared=shared_paths(new.settings))
    if shared:
        raise DashtamError(
            "\n".join(f"{found.where}: {found.message}" for found in shared),
            code=ExitCode.CONFIGURATION,
            hint=f"{new.compose.file.name} has to keep instances apart: end its names in ${{{names.SUFFIX}:-}}, "
            "publish ports by a variable, as in ${APP_PORT:-8000}, and name folders that all may write to in "
            "dashtam.isolation.shared.",
        )


def subject(environment: Environment) -> Subject:
    """Return an environment as isolation looks at it."""
    files = environment.settings.files(environment.name)
    jobs = frozenset({files.job} - {""})
    return Subject(name=environment.label, file=environment.compose.file, model=environment.model, jobs=jobs)


def shared_paths(settings: Settings) -> Sequence[Path]:
    """Return the paths that environments may share although they write to them."""
    return [settings.path(path) for path in settings.isolation.shared]
