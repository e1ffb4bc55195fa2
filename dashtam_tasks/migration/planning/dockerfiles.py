"""What images bring by themselves, health checks and volumes: by their Dockerfiles, by what is there, or known."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from dashtam_tasks import engine, processes
from dashtam_tasks.compose import Model
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.planning.choices import DEVELOPMENT
from dashtam_tasks.migration.rules import known_images
from dashtam_tasks.migration.rules.reading import value_of, volume_target
from dashtam_tasks.migration.rules.runtimes import stage_lines

# https://docs.docker.com/reference/dockerfile/#healthcheck and #volume
HEALTH_CHECK = re.compile(r"HEALTHCHECK\s+(?:--\S+\s+)*(?P<kind>CMD|NONE)\b.*", re.IGNORECASE)
VOLUME = re.compile(r"VOLUME\s+(?P<folders>.+)", re.IGNORECASE)
WORD = re.compile(r"[^\s\"\[\],]+")


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What the images of a project's services bring, asked once; without an engine, what files tell."""

    blueprint: Blueprint

    @cached_property
    def dockerfiles(self) -> dict[str, tuple[str, ...]]:
        """The instructions that each built service's image is made by, where its Dockerfile is there."""
        found = self.blueprint.found
        return {
            one.service: stage_lines(text_of(path), target=one.target)
            for one in found.builds
            if (path := found.folder / one.dockerfile).is_file()
        }

    @cached_property
    def health_checks(self) -> frozenset[str]:
        """The services whose image has a health check of its own."""
        written = {name for name, lines in self.dockerfiles.items() if has_health_check(lines)}
        if not self.blueprint.found.engine.answered:
            return frozenset(written)
        images = {(name, image) for model in self.models for name, image in pulled(model)}
        present = engine.images_with_health_check({image for _, image in images})
        return frozenset(written | {name for name, image in images if image in present})

    @property
    def models(self) -> tuple[Model, ...]:
        """Every environment as Compose will resolve it."""
        return tuple(self.blueprint.models.values())

    def folders_of(self, service: str) -> tuple[str, ...]:
        """Return the folders for which development's service has volumes by its image, named or not."""
        if service in self.dockerfiles:
            return tuple(volumes(self.dockerfiles[service]))
        image = self.blueprint.models[DEVELOPMENT].image(service)
        present = image_volumes(image) if self.blueprint.found.engine.answered else None
        return self.known_folders(service) if present is None else present

    def known_folders(self, service: str) -> tuple[str, ...]:
        """Return where a service of a well-known image keeps its data."""
        document = self.blueprint.drafts[DEVELOPMENT].document
        image = known_images.image_of(document, service)
        mounted = [volume_target(item) for item in value_of(document, service, "volumes") or ()]
        return known_images.data_folders(image, mounted) if image else ()


def text_of(path: Path) -> str:
    """Return a Dockerfile's text."""
    return path.read_text(encoding="utf-8", errors="replace")


def has_health_check(lines: tuple[str, ...]) -> bool:
    """Return whether instructions give an image a health check: of several the last counts."""
    kinds = [found["kind"].upper() for line in lines if (found := HEALTH_CHECK.fullmatch(line))]
    return kinds[-1:] == ["CMD"]


def volumes(lines: tuple[str, ...]) -> Iterator[str]:
    """Yield the folders that instructions make volumes."""
    for line in lines:
        if found := VOLUME.fullmatch(line):
            yield from (word.rstrip("/") for word in WORD.findall(found["folders"]) if "$" not in word)


def pulled(model: Model) -> Iterator[tuple[str, str]]:
    """Yield the services that have no health check in their file, with their images."""
    for name, one in model.services.items():
        if not (one.healthcheck or {}).get("test"):
            yield name, model.image(name)


def image_volumes(image: str) -> tuple[str, ...] | None:
    """Return the folders for which an image makes volumes, None for one that is not on this machine."""
    form = "{{json .Config.Volumes}}"
    done = processes.run(["docker", "image", "inspect", "--format", form, image])
    if done.returncode:
        return None
    found: dict[str, object] | None = msgspec.json.decode(done.stdout)
    return tuple(sorted(found or {}))
