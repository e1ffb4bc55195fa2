"""The pipeline: the whole suite in containers that nothing else has, and that are gone afterwards.

What a person runs is what CI runs: one `docker compose up` of one file, which ends when its job ends.
"""

from collections.abc import Iterator

from dashtam_tasks import engine, processes, reports
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.notifying import Notify
from dashtam_tasks.pipeline import course, kept, slots, verdicts
from dashtam_tasks.settings import Settings


def run(settings: Settings, *, instance: str | None, timeout: float | None, notify: Notify) -> int:
    """Build, run the job to its end, take everything down, and return the job's exit code.

    `instance` is the copy to run in, by default the first that is free. `timeout` is in seconds; `notify` is told
    where the reports are. Raises KeyboardInterrupt after Ctrl-C, and DashtamError as slots.taken, kept.folder_of
    and verdicts.judge do.
    """
    with slots.taken(settings, instance=instance, task="ci.run", waiting=notify) as environment:
        job = slots.job_of(environment)
        folder = kept.emptied(kept.folder_of(environment, job))
        environment.require_startable(environment.model.selection([job]))
        try:
            with reports.writable(environment, job, folder):
                happened = course.follow(environment, job, timeout=timeout)
        finally:
            with processes.unhurried():
                found = engine.project_containers(environment.model.name)
                kept.save_logs(found, folder)
            notify(f"reports: {folder}")
        return verdicts.judge(environment, job, happened, found)


def lint(settings: Settings, *, instance: str | None, notify: Notify) -> int:
    """Build, run the settings' `lint` command in a container of the job's image, and return its exit code.

    Raises DashtamError as slots.taken does.
    """
    with slots.taken(settings, instance=instance, task="ci.lint", waiting=notify) as environment:
        job = slots.job_of(environment)
        environment.require_startable([job])
        environment.provide_images([job], build=True)
        arguments = environment.run_arguments(settings.lint, service=job)
        return environment.compose.attach(*arguments, stdin=processes.DEVNULL)


def clean(settings: Settings, *, notify: Notify) -> Iterator[str]:
    """Remove what runs left: containers, networks, images and reports; yield a line for each copy.

    One that is at work is left alone. Raises DashtamError as slots.taken and kept.folder_of do.
    """
    for instance in slots.known(settings, notify=notify):
        taken = slots.taken(
            settings, instance=instance, task="ci.clean", patience=0, waiting=notify, images=True
        )
        label = f"ci ({instance})" if instance else "ci"
        try:
            with taken as environment:
                kept.remove(kept.folder_of(environment, slots.job_of(environment)))
        except DashtamError as error:
            if error.code != ExitCode.BUSY:
                raise
            yield f"left {label} alone: {error.reason}"
        else:
            yield f"removed {label}"
