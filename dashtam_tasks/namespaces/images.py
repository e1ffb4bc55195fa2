"""Base images: `inv images.build` and `inv images.status`."""

import dataclasses
from typing import TYPE_CHECKING

from invoke.collection import Collection
from invoke.context import Context

from dashtam_tasks import console, settings
from dashtam_tasks.namespaces.invoking import task

if TYPE_CHECKING:
    from dashtam_tasks.images import Choice


@task(
    iterable=["image"],
    help={
        "image": "postgres, redis or python; give it again for more (default: all)",
        "no_cache": "build every layer anew, the Debian system below them too",
        "install": "allow to install debootstrap (the default)",
    },
)
def build(context: Context, image: list[str], no_cache: bool = False, install: bool = True) -> None:
    """Build base images from Debian's packages, for where no registry answers."""
    from dashtam_tasks import images

    opened = settings.load(context.config)
    built = images.build(opened, names=image, no_cache=no_cache, report=console.note, install=install)
    show(built)


@task(help={"json": "print JSON"})
def status(context: Context, json: bool = False) -> None:
    """Show which base images are used, which are local builds, and their versions."""
    from dashtam_tasks import images

    choices = images.status(settings.load(context.config))
    if json:
        console.data([dataclasses.asdict(one) for one in choices])
    else:
        show(choices)


def show(choices: "tuple[Choice, ...]") -> None:
    """Print each base image as a row."""
    console.table(
        ("variable", "image", "version", "origin"),
        ((one.variable, one.reference, one.version, origin(one)) for one in choices),
    )


def origin(choice: "Choice") -> str:
    """Return where an image came from."""
    if not choice.image_id:
        return "missing"
    return "local build" if choice.local else "registry"


def collection() -> Collection:
    """Return the namespace `images`."""
    return Collection("images", build, status)
