"""What a project's own files say of the services that it builds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.legacy.other_files import Build
from dashtam_tasks.migration.rules.health_routes import route_in
from dashtam_tasks.migration.rules.runtimes import base_image, copied


@dataclass(frozen=True, kw_only=True)
class Application:
    """A service that is built: the image that it is built upon, and its health route, both empty if not known."""

    base: str = ""
    route: str = ""


def of(found: Legacy) -> dict[str, Application]:
    """Return what is known of each service that is built, where its Dockerfile is there."""
    return {
        build.service: application(found, build, path.read_text(encoding="utf-8", errors="replace"))
        for build in found.builds
        if (path := found.folder / build.dockerfile).is_file()
    }


def application(found: Legacy, build: Build, dockerfile: str) -> Application:
    """Return what is known of a service by its Dockerfile and by what it copies and mounts."""
    context = (found.folder / build.context).resolve()
    inside = context.is_relative_to(found.folder.resolve())
    names = copied(dockerfile, target=build.target) if inside else ()
    places = (*(context / name for name in names), *mounted(found, build.service))
    return Application(
        base=base_image(dockerfile, target=build.target), route=route_in(dict.fromkeys(places))
    )


def mounted(found: Legacy, service: str) -> Iterator[Path]:
    """Yield what a service mounts of the project."""
    for model in (one.model for one in found.resolutions if one.model):
        for mount in model.services[service].volumes if service in model.services else ():
            if mount.type == "bind" and Path(mount.source).is_relative_to(found.folder):
                yield Path(mount.source)
