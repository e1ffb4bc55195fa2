"""Foreseen: what verification will ask of a person once the project is migrated, said before anything is changed.

None of it stands in the way: it can be written into the legacy file before, or into the new one afterwards.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from dashtam_tasks.isolation import alone
from dashtam_tasks.migration.planning import provenance, standing_up
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.planning.choices import DEVELOPMENT
from dashtam_tasks.migration.planning.dockerfiles import Brought
from dashtam_tasks.migration.planning.provenance import Planned
from dashtam_tasks.migration.steps import Step

# The steps whose files a person completes.
STEPS = {"dev": "1.2", "test": "1.4", "ci": "2.2"}
ASKED = "migrate.verify will ask for"


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """What will be asked about one environment of a project; `brought` is what images have by themselves."""

    blueprint: Blueprint
    planned: Planned
    brought: Brought

    def remarks(self) -> Iterator[str]:
        """Yield what a person is to write, each with its place."""
        yield from self.health_checks()
        yield from self.paces()
        yield from self.waits()
        if self.planned.name == DEVELOPMENT:
            yield from self.names_of_volumes()

    @cached_property
    def written(self) -> Collection[str]:
        """The services that a person wrote, not those that the migration makes of them."""
        files = self.blueprint.sources[self.planned.name].files
        models = (one.model for one in self.blueprint.found.resolutions if one.files == files and one.model)
        return {name for model in models for name in model.services} or self.planned.model.services.keys()

    def into(self, *keys: str) -> str:
        """Return where a person writes something: where it comes from, or in the new file once that is there."""
        new = self.blueprint.sources[self.planned.name].compose_file
        place = self.planned.source.line_of(*keys).replace(f"{self.blueprint.found.folder}/", "")
        return f"{place}, or {new} once it is there"

    def health_checks(self) -> Iterator[str]:
        """Yield which services need a health check that only a person can write."""
        for name in self.planned.model.services:
            image = self.planned.model.image(name)
            checked = {image} if name in self.brought.health_checks else ()
            for _ in alone.unchecked(self.planned, name, checked) if name in self.written else ():
                yield (
                    f"{ASKED} a health check of {name}: write a `healthcheck` with a `test` that asks the service "
                    f"itself into {self.into('services', name)}. If it ends by itself, give it "
                    f"`profiles: [{alone.JOB_PROFILE}]` instead."
                )

    def paces(self) -> Iterator[str]:
        """Yield which health checks are asked too seldom or too often."""
        for one in standing_up.unreasonable(self.planned.model):
            place = self.into("services", one.service, "healthcheck", one.key)
            yield (
                f"{ASKED} another {one.key} of {one.service}'s health check than {one.value}: write one of "
                f"{standing_up.REASONABLE} into {place}."
            )

    def waits(self) -> Iterator[str]:
        """Yield which services do not wait for the health check that another one's image brings."""
        model = self.planned.model
        healthy = standing_up.checked(model) | self.brought.health_checks
        for service, needed in standing_up.impatient(model, healthy):
            place = self.into("services", service, "depends_on", needed)
            yield (
                f"{ASKED} {service} to wait until {needed} is healthy: write `{needed}: {{ condition: "
                f"service_healthy }}` below `depends_on` into {place}."
            )

    def names_of_volumes(self) -> Iterator[str]:
        """Yield which data are in volumes that no name leads to."""
        for name in sorted(self.planned.model.selection()):
            for folder in standing_up.nameless(
                self.planned.model.services[name], self.brought.folders_of(name)
            ):
                key = f"{name}_{folder.rpartition('/')[2]}".replace("-", "_")
                yield (
                    f"{ASKED} a name for the volume in {folder} of {name}, whose data would be out of reach once "
                    f"it is stopped: write `- {key}:{folder}` below its `volumes`, and `{key}:` below `volumes` at "
                    f"the top, into {self.into('services', name, 'volumes')}. Save what you need of it before."
                )


def told(blueprint: Blueprint, steps: tuple[Step, ...]) -> tuple[Blueprint, tuple[Step, ...]]:
    """Return a blueprint and its steps with what will be asked of a person among the remarks of each file."""
    brought = Brought(blueprint=blueprint)
    asked = {
        one.name: tuple(Foreseen(blueprint=blueprint, planned=one, brought=brought).remarks())
        for one in provenance.planned(blueprint)
    }
    drafts = {
        name: replace(one, remarks=(*one.remarks, *asked[name])) for name, one in blueprint.drafts.items()
    }
    by_step = {STEPS[name]: remarks for name, remarks in asked.items()}
    told_steps = tuple(
        replace(one, remarks=(*one.remarks, *by_step.get(one.outline.number, ()))) for one in steps
    )
    return replace(blueprint, drafts=drafts), told_steps
