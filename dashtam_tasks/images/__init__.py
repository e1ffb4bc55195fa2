"""Base images: which reference each variable of the compose files has, a registry's or a local build's.

The choice is written to the env file `images.env_file`, which plain `docker compose --env-file` reads too. What a
person writes there stays.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from dashtam_tasks import env_files, files
from dashtam_tasks.engine import LOCAL_LABEL, VERSION_LABEL
from dashtam_tasks.env_files.syntax import edited
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.images import local_builds, references
from dashtam_tasks.images.local_builds import PREFIX
from dashtam_tasks.notifying import Notify
from dashtam_tasks.settings import Image, Settings

HEADER = "# Base images of this machine, chosen by `inv setup`. Write your own references here: they stay.\n"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choice:
    """The image that a variable of the compose files has; `image_id` is empty when the engine does not have it.

    `version` is the packaged software's, such as `17.6`, or else the reference's tag.
    """

    variable: str
    reference: str
    local: bool
    version: str
    image_id: str


def chosen(settings: Settings) -> dict[str, str]:
    """Return the references that the env file of images has, by variable; none when there is no such file.

    Raises DashtamError (CONFIGURATION) when the file is malformed.
    """
    path = settings.path(settings.images.env_file)
    return env_files.read(path) if path.exists() else {}


def status(settings: Settings) -> tuple[Choice, ...]:
    """Return the image that each variable has now, in the engine or not.

    Raises DashtamError: UNAVAILABLE when no engine answers, CONFIGURATION when the env file is malformed.
    """
    named = chosen(settings)
    return tuple(
        describe(variable, named.get(variable) or image.reference)
        for variable, image in settings.images.used.items()
    )


def describe(variable: str, reference: str) -> Choice:
    """Return what the engine knows about `reference`."""
    image = references.find(reference)
    labels = references.labels(image) if image else {}
    return Choice(
        variable=variable,
        reference=reference,
        local=LOCAL_LABEL in labels or reference.startswith(PREFIX),
        version=labels.get(VERSION_LABEL) or tag(reference),
        image_id=image.id if image else "",
    )


def tag(reference: str) -> str:
    """Return the tag of a reference, empty when it has none."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[2]


def choose(
    settings: Settings, *, report: Notify, pull: bool = True, install: bool = True
) -> tuple[Choice, ...]:
    """Choose an image for each variable, so that the engine has all of them, and write the choice down.

    In this order: a person's own reference; a local build that is current; the setting's reference if the engine
    has it, or `pull` is set and a registry answers within `registry_timeout` seconds; a local build made now.
    Raises DashtamError: UNAVAILABLE when a registry refuses, or what a build needs is missing or fails.
    """
    named = chosen(settings)
    ready: dict[str, str] = {}
    missing: dict[str, str] = {}
    registry = pull
    for variable, image in settings.images.used.items():
        own = named.get(variable, "")
        if own and own != image.reference and not own.startswith(PREFIX):
            keep(variable, own, settings, pull=pull, report=report)
        elif here := present(own, image, settings):
            ready[variable] = here
        elif registry and fetch(image.reference, settings, report=report):
            ready[variable] = image.reference
        else:
            # One registry that does not answer is enough to wait for.
            registry = False
            missing[variable] = image.build
    if missing:
        names = tuple(missing.values())
        built = local_builds.build(settings.images, names=names, report=report, install=install)
        ready |= {variable: built[name] for variable, name in missing.items()}
    record(settings, ready)
    return status(settings)


def present(own: str, image: Image, settings: Settings) -> str:
    """Return what the engine has for an image: the local build that was chosen, the setting's, or nothing."""
    if own.startswith(PREFIX):
        local = local_builds.recipe(settings.images, image.build)
        if own == local.reference and local.is_current:
            return own
    return "" if references.find(image.reference) is None else image.reference


def build(
    settings: Settings,
    *,
    names: Sequence[str] = (),
    no_cache: bool = False,
    report: Notify,
    install: bool = True,
) -> tuple[Choice, ...]:
    """Build base images here, by default all, and choose them; `names` are those of folders below images/.

    Raises DashtamError as local_builds.build does.
    """
    built = local_builds.build(
        settings.images, names=names, no_cache=no_cache, report=report, install=install
    )
    base = settings.images.used
    choices = {name: built[image.build] for name, image in base.items() if image.build in built}
    record(settings, choices)
    return tuple(choice for choice in status(settings) if choice.variable in choices)


def keep(variable: str, reference: str, settings: Settings, *, pull: bool, report: Notify) -> None:
    """See that the engine has the reference that a person chose.

    Raises DashtamError (UNAVAILABLE) when it does not, and no registry gives it.
    """
    if references.find(reference) is not None:
        return
    if not (pull and fetch(reference, settings, report=report)):
        raise DashtamError(
            f"{settings.images.env_file}: {variable}={reference}: the engine does not have this image, "
            "and no registry answers for it.",
            code=ExitCode.UNAVAILABLE,
            hint="Load it with `docker load`, or remove the line to have an image chosen.",
        )


def fetch(reference: str, settings: Settings, *, report: Notify) -> bool:
    """Pull `reference`; return False when no registry answers for it.

    Raises DashtamError (UNAVAILABLE) when one answers and refuses.
    """
    if not references.registry_answers(reference, timeout=settings.images.registry_timeout):
        report(f"No registry answers for {reference}")
        return False
    report(f"Pulling {reference}")
    references.pull(reference)
    return True


def record(settings: Settings, choices: Mapping[str, str]) -> None:
    """Write `choices` to the env file of images, if they change anything there; all else in it stays.

    Raises DashtamError (CANNOT_CREATE) when the file cannot be written.
    """
    path = settings.path(settings.images.env_file)
    before = chosen(settings)
    changed = {name: value for name, value in choices.items() if before.get(name) != value}
    if changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomically(path, changed_text(path, before, changed).encode(), mode=files.PUBLIC)


def changed_text(path: Path, before: Mapping[str, str], changed: Mapping[str, str]) -> str:
    """Return the text of the env file with some values changed, new ones at its end."""
    text = path.read_text(encoding="utf-8") if before else HEADER
    text = edited(text, {name: value for name, value in changed.items() if name in before}, where=path)
    new = "".join(f"{name}={value}\n" for name, value in changed.items() if name not in before)
    return f"{text}\n{new}" if new and text and not text.endswith("\n") else text + new
