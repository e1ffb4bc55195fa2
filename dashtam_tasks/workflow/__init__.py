"""The workflow of GitHub Actions: what a pipeline elsewhere needs around the command that runs the tests.

Its syntax: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
"""

import math
import shlex
import string
from collections.abc import Iterator
from pathlib import Path

from dashtam_tasks import env_files, files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding
from dashtam_tasks.settings import Command, Settings

ENVIRONMENT = "ci"
TEMPLATE = Path(__file__).with_name("test.yml")
# The steps that keep the layers of images, for a project that builds some.
LAYERS = Path(__file__).with_name("layers.yml")


class Placeholders(string.Template):
    """A template whose placeholders are `%{name}`, since Actions has `${{ }}`."""

    delimiter = "%"


def content(settings: Settings) -> bytes:
    """Return the workflow of the project: a YAML file, in UTF-8.

    Raises DashtamError: USAGE when the settings have no environment for CI, CONFIGURATION when its files are wrong
    or the settings do not say what is installed.
    """
    workflow = settings.workflow
    if workflow.install is None:
        raise DashtamError(
            "dashtam.workflow.install is not set, so that nothing would install dashtam-tasks in the pipeline.",
            code=ExitCode.CONFIGURATION,
            hint="Set it in invoke.yaml to a list of commands, such as [[python, -m, pip, install, -r, "
            "requirements-dev.txt]]; [] where nothing has to be installed.",
        )
    text = filled(
        TEMPLATE,
        branches=quoted(workflow.branches),
        timeout_minutes=str(workflow.timeout_minutes),
        python=quoted(workflow.python),
        layers=layers(settings),
        commands="\n      ".join(map(step, (*workflow.install, workflow.run))),
    )
    return text.encode()


def layers(settings: Settings) -> str:
    """Return the steps that keep the layers of what CI builds, none if it builds nothing."""
    environment = settings.files(ENVIRONMENT)
    built = built_services(settings.path(environment.compose_file))
    # Each has a scope of its own: of two that write to one, the last would win.
    caches = [
        line
        for name in built
        for line in (
            f"{name}.cache-from=type=gha,scope={name}",
            f"{name}.cache-to=type=gha,mode=max,scope={name},ignore-error=true",
        )
    ]
    if not built:
        return ""
    return filled(
        LAYERS,
        compose_file=quoted(environment.compose_file),
        example=quoted(str(env_files.example_of(Path(environment.env_file)))),
        caches="\n            ".join(caches),
    )


def built_services(compose_file: Path) -> tuple[str, ...]:
    """Return the services of a Compose file that it builds an image for; Compose itself is not needed for that.

    Raises DashtamError (CONFIGURATION) when the file is missing or is not YAML.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """One that passes over Compose's own tags, such as !reset, which are about merging files."""

    Loader.add_multi_constructor("!", lambda *_: None)
    try:
        services = yaml.load(compose_file.read_bytes(), Loader)["services"]  # noqa: S506 - a SafeLoader
        return tuple(sorted(name for name, service in services.items() if service and service.get("build")))
    except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise DashtamError(
            f"{compose_file} is not a Compose file that can be read: {error}", code=ExitCode.CONFIGURATION
        ) from error


def filled(template: Path, **values: str) -> str:
    """Return the text of a template with its placeholders replaced."""
    return Placeholders(template.read_text(encoding="utf-8")).substitute(values)


def step(command: Command) -> str:
    """Return the step that runs a command; Actions names it after that."""
    return f"- run: {quoted(shlex.join(command))}"


def quoted(value: str | tuple[str, ...]) -> str:
    """Return a text, or a list of them, as YAML on one line; in quotes no text means anything else."""
    import yaml

    text: str = yaml.safe_dump(
        value, default_style='"', default_flow_style=True, allow_unicode=True, width=math.inf
    )
    return text.rstrip("\n")


def is_current(settings: Settings, path: Path) -> bool:
    """Return whether the file at `path` is the project's workflow.

    Raises DashtamError (USAGE) for a folder, and as content does.
    """
    if path.is_dir():
        raise DashtamError(f"{path} is a folder.", code=ExitCode.USAGE, hint="Name the file: --output PATH")
    return path.is_file() and path.read_bytes() == content(settings)


def check(settings: Settings, path: Path) -> tuple[Finding, ...]:
    """Return what is wrong with the file at `path`: that it is missing, or another than `write` would make."""
    if is_current(settings, path):
        return ()
    if path.exists():
        message, hint = "The file differs from what the settings say.", "Run `inv ci.workflow --force`."
        return (Finding(kind="different", where=str(path), message=message, hint=hint),)
    message, hint = "The file is missing.", "Run `inv ci.workflow`."
    return (Finding(kind="missing", where=str(path), message=message, hint=hint),)


def write(settings: Settings, path: Path, *, force: bool) -> Iterator[str]:
    """Write the project's workflow to `path`, unless it is there; yield a line for each thing done.

    `force` replaces another file, and keeps a copy of it. Raises DashtamError: USAGE for a folder, DATA for another
    file without `force`, CANNOT_CREATE when nothing can be written there.
    """
    if is_current(settings, path):
        return
    if path.exists() and not force:
        raise DashtamError(
            f"{path} differs from what the settings say, and was left alone.",
            code=ExitCode.DATA,
            hint="Add --force to replace it; the old one is kept beside it.",
        )
    if path.exists():
        yield f"kept the old workflow as {files.keep_copy(path)}"
    with files.explaining(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    files.write_atomically(path, content(settings), mode=files.PUBLIC)
    yield f"wrote {path}"
