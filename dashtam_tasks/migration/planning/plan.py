"""The plan: what each step would do to this very project, and the proof that nothing else changes."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dashtam_tasks import env_files
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.instances.names import SUFFIX
from dashtam_tasks.migration import legacy, operations
from dashtam_tasks.migration.facts import EnvironmentFacts, Facts
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.planning import (
    apartness,
    drafting,
    environment_files,
    foreseen,
    provenance,
    refusals,
    whole,
)
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.planning.choices import DEVELOPMENT, Choices, sources
from dashtam_tasks.migration.planning.drafting import Drafted
from dashtam_tasks.migration.planning.equivalence import Resolvable
from dashtam_tasks.migration.planning.staging import staged
from dashtam_tasks.migration.planning.standalone import Source
from dashtam_tasks.migration.steps import Step

# What a variable is that nobody has set yet: it fits a name, a number and a port.
STAND_IN = "1"
# Folders that tasks and the migration make; what appears there goes with a rollback.
MADE = ("compose", "envs", "reports")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was found, why it is refused if it is, and the steps; refused, there are none and no facts."""

    found: Legacy = field(repr=False)
    refusals: tuple[Finding, ...]
    facts: Facts | None = None
    steps: tuple[Step, ...] = ()


def make(folder: Path, choices: Choices) -> Plan:
    """Return the plan for the project in `folder`, of which nothing is changed.

    Raises DashtamError: as legacy.survey does, and DATA, naming file and line, for what cannot be made standalone.
    """
    found = legacy.survey(folder)
    refused = tuple(one for one in found.refusals if not choices.answer(one))
    refused = refused or tuple(refusals.of_legacy(found, tuple(sources(found, choices))))
    if refused:
        return Plan(found=found, refusals=refused)
    drafted = drafting.draft(found, choices)
    steps = tuple(environment_files.steps(drafted))
    return refused_plan(found, steps) or proven(drafted, choices, steps)


def refused_plan(found: Legacy, steps: Iterable[Step]) -> Plan | None:
    """Return the plan that is refused because a person's own files are where steps would write, if any are."""
    way = operations.in_the_way((one for step in steps for one in step.operations), found.folder)
    return Plan(found=found, refusals=tuple(map(refusals.in_the_way, way))) if way else None


def proven(drafted: Drafted, choices: Choices, steps: tuple[Step, ...]) -> Plan:
    """Return the plan with what only the project as it would be can tell: the proofs, and what is not apart."""
    found = drafted.found
    with staged(found.folder, (one for step in steps for one in step.operations)) as stage:
        proofs = drafted.unproven(stage)
        steps = tuple(replace(one, unproven=proofs.get(one.outline.number, ())) for one in steps)
        if any(one.unproven for one in steps):
            return Plan(found=found, refusals=(), steps=steps)
        blueprint = blueprint_of(drafted, stage)
        planned = provenance.planned(blueprint)
        breaches = apartness.breaches(planned, folder=found.folder, stage=stage)
        if breaches:
            return Plan(found=found, refusals=breaches)
    blueprint, steps = foreseen.told(blueprint, steps)
    every = whole.steps(blueprint, steps, data=choices.data.value)
    return refused_plan(found, every) or Plan(found=found, refusals=(), facts=blueprint.facts, steps=every)


def blueprint_of(drafted: Drafted, stage: Path) -> Blueprint:
    """Return what a project will be; `stage` is the project as it would be."""
    return Blueprint(
        found=drafted.found,
        facts=facts_of(drafted),
        sources=drafted.sources,
        drafts=drafted.drafts,
        models={name: model_of(one, stage) for name, one in drafted.sources.items()},
    )


def model_of(source: Source, stage: Path) -> Model:
    """Return what Compose makes of an environment's staged file; a variable without a value gets a stand-in."""
    resolvable = Resolvable(root=stage, files=(stage / source.compose_file,))
    env_file = stage / source.new_env_file
    set_ones = env_files.read(env_file) if env_file.is_file() else {}
    known = {*set_ones, SUFFIX}
    unset = (name for name, default in resolvable.variables().items() if not default and name not in known)
    return Compose(
        file=stage / source.compose_file,
        env_files=(env_file,) if env_file.is_file() else (),
        variables=dict.fromkeys(unset, STAND_IN),
    ).model


def facts_of(drafted: Drafted) -> Facts:
    """Return what has to be known of a project when its legacy files are gone."""
    found, roles = drafted.found, drafted.found.services
    return Facts(
        project=drafted.sources[DEVELOPMENT].project,
        legacy_project=found.project.name,
        environments=tuple(map(environment_facts, drafted.sources.values())),
        app=roles.app.service if roles.app else "",
        databases=tuple(one.service for one in roles.databases),
        caches=tuple(one.service for one in roles.caches),
        moved=dict(drafted.moved),
        folders=MADE,
    )


def environment_facts(source: Source) -> EnvironmentFacts:
    """Return what has to be known of an environment."""
    return EnvironmentFacts(
        name=source.environment,
        compose_file=source.compose_file,
        env_file=source.new_env_file,
        legacy_files=source.files,
        legacy_env_file=source.env_file,
    )


def is_sound(plan: Plan) -> bool:
    """Return whether every step could be taken."""
    errors = any(one.severity is Severity.ERROR for one in plan.refusals)
    return not errors and not any(step.unproven for step in plan.steps)


def as_data(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data, for JSON, without a value of any env file."""
    return {
        "found": plan.found.as_data(),
        "refusals": [asdict(one) for one in plan.refusals],
        "steps": [
            {
                **asdict(step.outline),
                "operations": [str(one) for one in step.operations],
                "declared": [asdict(one) for one in step.declared],
                "remarks": step.remarks,
                "places": step.places,
                "unproven": [".".join(one.place) for one in step.unproven],
            }
            for step in plan.steps
        ],
    }
