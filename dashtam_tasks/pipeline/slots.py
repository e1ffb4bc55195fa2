"""Slots: a copy of the CI environment for each run, so that two runs on one machine do not meet."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial

from dashtam_tasks import engine, env_files, opening, preparation, processes
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.notifying import Notify
from dashtam_tasks.pipeline import kept
from dashtam_tasks.settings import Settings

NAME = "ci"


@contextmanager
def taken(
    settings: Settings,
    *,
    instance: str | None,
    task: str,
    patience: float | None = None,
    waiting: Notify,
    images: bool = False,
) -> Iterator[Environment]:
    """Yield a copy of the CI environment that is ours alone, with nothing in it; afterwards nothing is left of it.

    It is `instance`, where we wait for who has it, or else the first that is free. The default copy's images stay,
    unless `images` is set. Raises DashtamError as opening.changing does.
    """
    provide_env_file(settings, notify=waiting)
    take = partial(opening.changing, settings, NAME, task=task, starts=True, waiting=waiting)
    with processes.terminable(), ExitStack() as stack:
        if instance is None:
            environment = first_free(stack, take, base=opening.named(settings, None))
        else:
            environment = stack.enter_context(take(instance=instance, patience=patience))
        stack.callback(remove, environment, images=images)
        if engine.project_containers(environment.model.name):
            # A run that was killed left them: we hold the copy, so that none is at work.
            environment.remove()
        yield environment


def opened(settings: Settings, *, instance: str | None, notify: Notify) -> Environment:
    """Return a copy of the CI environment to look at, or to build.

    Raises DashtamError as opening.open_environment does.
    """
    provide_env_file(settings, notify=notify)
    return opening.open_environment(settings, NAME, instance=instance)


def known(settings: Settings, *, notify: Notify) -> tuple[str, ...]:
    """Return the names of the copies that may have left something: remembered ones, and those with reports."""
    base = opening.named(settings, None)
    first = opened(settings, instance=base, notify=notify)
    folder = kept.folder_of(first, job_of(first))
    later = kept.further(folder)
    remembered = [one.instance for one in opening.every_instance(settings, NAME)]
    return tuple(dict.fromkeys((*remembered, *(numbered(base, number) for number in later))))


def provide_env_file(settings: Settings, *, notify: Notify) -> None:
    """Make the env file from its example, which holds no secret, if it is missing, and say so."""
    path = settings.path(settings.files(NAME).env_file)
    if preparation.make_env_file(settings, path):
        notify(f"made {path} from {env_files.example_of(path).name}")


def first_free(
    stack: ExitStack, take: Callable[..., AbstractContextManager[Environment]], *, base: str
) -> Environment:
    """Return the first copy that nobody has, of `base`, `base-2`, `base-3` and so on, held until the stack is left.

    Raises DashtamError (BUSY) when all are taken.
    """
    for number in range(1, kept.MOST_AT_ONCE):
        try:
            return stack.enter_context(take(instance=numbered(base, number), patience=0))
        except DashtamError as error:
            if error.code != ExitCode.BUSY:
                raise
    return stack.enter_context(take(instance=numbered(base, kept.MOST_AT_ONCE), patience=0))


def numbered(base: str, number: int) -> str:
    """Return the name of a copy; the first has its base's name, which may be empty."""
    return base if number == 1 else f"{base}-{number}".removeprefix("-")


def remove(environment: Environment, *, images: bool) -> None:
    """Remove all that a copy has, without being interrupted."""
    with processes.unhurried():
        environment.remove(images=images)


def job_of(environment: Environment) -> str:
    """Return the service whose end ends the run.

    Raises DashtamError (CONFIGURATION) when the settings name none, or one that the Compose file does not have.
    """
    job = environment.settings.files(environment.name).job
    if job not in environment.model.services:
        raise DashtamError(
            f"dashtam.environments.{environment.name}.job is {job!r}, and {environment.compose.file} has no such "
            "service.",
            code=ExitCode.CONFIGURATION,
            hint=f"Set it in invoke.yaml to one of {', '.join(sorted(environment.model.services))}.",
        )
    return job
