"""CI: the whole suite as it runs in a pipeline, on any machine."""

from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context

from dashtam_tasks import console, settings
from dashtam_tasks.namespaces.invoking import seconds, task
from dashtam_tasks.namespaces.project import report_findings

NAME = "ci"
INSTANCE = "the copy of this name (default: the first that is free)"


@task(
    help={
        "timeout": "seconds that the run may take, its build included (default: no limit)",
        "instance": INSTANCE,
    }
)
def run(context: Context, timeout: str = "", instance: str = "") -> int:
    """Build, run all tests, remove everything; the exit code is the tests'."""
    from dashtam_tasks import pipeline

    return pipeline.run(
        settings.load(context.config),
        instance=instance or None,
        timeout=seconds(timeout),
        notify=console.note,
    )


@task(help={"no_cache": "build every layer anew"})
def build(context: Context, no_cache: bool = False) -> None:
    """Build the images that `ci.run` uses."""
    from dashtam_tasks.pipeline import slots

    opened = slots.opened(settings.load(context.config), instance=None, notify=console.note)
    opened.build(no_cache=no_cache)


@task(help={"instance": INSTANCE})
def lint(context: Context, instance: str = "") -> int:
    """Run the project's linter in the image of the tests."""
    from dashtam_tasks import pipeline

    return pipeline.lint(settings.load(context.config), instance=instance or None, notify=console.note)


@task()
def clean(context: Context) -> None:
    """Remove what runs left: containers, networks, images and reports."""
    from dashtam_tasks import pipeline

    console.lines(pipeline.clean(settings.load(context.config), notify=console.note))


@task(
    iterable=["service"],
    help={
        "service": "a service; give it again for more (default: all)",
        "follow": "keep showing what comes while a run is at work (the default)",
        "instance": "the copy of this name (default: the first, or that of the last run)",
    },
)
def logs(context: Context, service: list[str], follow: bool = True, instance: str = "") -> int:
    """Show the services' logs: of the run at work, or of the last one."""
    from dashtam_tasks import engine
    from dashtam_tasks.pipeline import kept, slots

    opened = slots.opened(settings.load(context.config), instance=instance or None, notify=console.note)
    if opened.is_ours and engine.project_containers(opened.model.name):
        return opened.logs(services=service, follow=follow)
    folder = kept.folder_of(opened, slots.job_of(opened))
    console.lines(kept.logs(folder if instance else kept.latest(folder), service))
    return 0


@task(
    name="workflow",
    help={
        "check": "only look whether the file is there and says what the settings do",
        "force": "replace a file that differs; the old one is kept beside it",
        "output": "where to (default: .github/workflows/test.yml, or as set)",
    },
)
def make_workflow(context: Context, check: bool = False, force: bool = False, output: str = "") -> int:
    """Write the workflow with which GitHub Actions runs the tests."""
    from dashtam_tasks import workflow

    opened = settings.load(context.config)
    path = Path(output) if output else opened.path(opened.workflow.path)
    if check:
        return report_findings(workflow.check(opened, path))
    console.lines(tuple(workflow.write(opened, path, force=force)) or ["Nothing to do."])
    return 0


def collection() -> Collection:
    """Return the namespace `ci`."""
    return Collection(NAME, run, build, lint, clean, logs, make_workflow)
