"""The images that environments run or are built on, as their resolved files name them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from dashtam_tasks import images
from dashtam_tasks.compose import Model
from dashtam_tasks.doctor.machine import Fact, Seen
from dashtam_tasks.findings import Finding
from dashtam_tasks.settings import Settings


def images_seen(settings: Settings, models: Iterable[Model]) -> Iterator[Seen]:
    """Yield what each image is and who needs it, and a finding for one that the engine does not have."""
    users: defaultdict[str, list[str]] = defaultdict(list)
    for model in models:
        for reference in dict.fromkeys(needed(model, settings.images.base)):
            users[reference].append(model.name)
    for reference, projects in users.items():
        one = images.describe("", reference)
        if one.image_id:
            origin = "local build" if one.local else "registry"
            told = f"version {one.version or 'unknown'}, {origin}, for {', '.join(projects)}"
            yield Fact(f"image {reference}", told)
        else:
            yield missing(reference, projects, settings)


def needed(model: Model, arguments: Collection[str]) -> Iterator[str]:
    """Yield the images that `up` needs and does not build; `arguments` are those of builds that name a base."""
    services = [model.services[name] for name in sorted(model.selection())]
    built = {one.image for one in services if one.build is not None}
    for one in services:
        if one.build is None and one.image not in built:
            yield one.image
        given = (one.build or {}).get("args") or {}
        yield from (given[name] for name in arguments if given.get(name))


def missing(reference: str, projects: Iterable[str], settings: Settings) -> Finding:
    """Return the finding for an image that the engine does not have."""
    hint = f"Run `docker pull {reference}`, or name another image in the env file or the Compose file."
    if is_provided(reference, settings):
        hint = "Run `inv setup`, or `inv images.build` where no registry answers."
    message = f"The engine does not have this image, which is for {', '.join(projects)}."
    return Finding(kind="image-missing", where=reference, message=message, hint=hint)


def is_provided(reference: str, settings: Settings) -> bool:
    """Return whether `inv setup` sees that the engine has an image."""
    chosen = images.chosen(settings)
    return any(
        reference == (chosen.get(variable) or image.reference)
        for variable, image in settings.images.used.items()
    )
