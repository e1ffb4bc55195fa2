"""The plan: what each step would do to this very project, and the proof that nothing else changes."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dashtam_tasks import env_files
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration import apartness, environment_files, legacy, operations, refusals, standalone
from dashtam_tasks.migration.blueprint import Blueprint
from dashtam_tasks.migration.choices import DEVELOPMENT, TESTS, Choices, sources
from dashtam_tasks.migration.equivalence import Difference, Resolvable
from dashtam_tasks.migration.facts import EnvironmentFacts, Facts
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.staging import staged
from dashtam_tasks.migration.standalone import Source
from dashtam_tasks.migration.steps import Step

# What a variable is that nobody has set yet: it fits a name, a number and a port.
STAND_IN = "1"


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
    if refused:
        return Plan(found=found, refusals=refused)
    chosen = {one.environment: one for one in sources(found, choices)}
    linked = refusals.linked_env_files(found, (one.env_file for one in chosen.values()))
    named = refusals.named_projects(found, chosen.values())
    refused = tuple(dict.fromkeys((*refusals.host_networks(found), *linked, *named)))
    if refused:
        return Plan(found=found, refusals=refused)
    moved = {one.env_file: one.new_env_file for one in reversed(chosen.values()) if one.env_file}
    drafts = {name: standalone.draft(one, found, moved=moved) for name, one in chosen.items()}
    steps = tuple(environment_steps(found, chosen, drafts, moved))
    way = operations.in_the_way((one for step in steps for one in step.operations), found.folder)
    if way:
        return Plan(found=found, refusals=tuple(map(refusals.in_the_way, way)))
    return proven(found, chosen, drafts, steps)


def environment_steps(
    found: Legacy, chosen: Mapping[str, Source], drafts: Mapping[str, Draft], moved: Mapping[str, str]
) -> Iterator[Step]:
    """Yield the steps that give each environment its files."""
    yield from environment_files.development(found, chosen[DEVELOPMENT], drafts[DEVELOPMENT], moved, ())
    if TESTS in chosen:
        yield environment_files.tests(found, chosen[TESTS], drafts[TESTS], moved)


def proven(
    found: Legacy, chosen: Mapping[str, Source], drafts: Mapping[str, Draft], steps: tuple[Step, ...]
) -> Plan:
    """Return the plan with what only the project as it would be can tell: the proofs, and what is not apart."""
    with staged(found.folder, (one for step in steps for one in step.operations)) as stage:
        proofs = {
            one.compose_file: standalone.unproven(one, drafts[name], folder=found.folder, stage=stage)
            for name, one in chosen.items()
        }
        done = tuple(with_proofs(one, proofs) for one in steps)
        if any(one.unproven for one in done):
            return Plan(found=found, refusals=(), steps=done)
        models = {name: model_of(one, stage) for name, one in chosen.items()}
        breaches = apartness.breaches(stage, {name: one.compose_file for name, one in chosen.items()}, models)
    if breaches:
        return Plan(found=found, refusals=breaches)
    blueprint = Blueprint(
        found=found, facts=facts_of(found, chosen), sources=chosen, drafts=drafts, models=models
    )
    return Plan(found=found, refusals=(), facts=blueprint.facts, steps=done)


def model_of(source: Source, stage: Path) -> Model:
    """Return what Compose makes of an environment's staged file; a variable without a value gets a stand-in."""
    resolvable = Resolvable(root=stage, files=(stage / source.compose_file,))
    env_file = stage / source.new_env_file
    set_ones = env_files.read(env_file) if env_file.is_file() else {}
    unset = (name for name, default in resolvable.variables().items() if not (default or set_ones.get(name)))
    return Compose(
        file=stage / source.compose_file,
        env_files=(env_file,) if env_file.is_file() else (),
        variables=dict.fromkeys(unset, STAND_IN),
    ).model


def facts_of(found: Legacy, chosen: Mapping[str, Source]) -> Facts:
    """Return what has to be known of a project when its legacy files are gone."""
    roles = found.services
    return Facts(
        project=chosen[DEVELOPMENT].project,
        legacy_project=found.project.name,
        environments=tuple(map(environment_facts, chosen.values())),
        app=roles.app.service if roles.app else "",
        databases=tuple(one.service for one in roles.databases),
        caches=tuple(one.service for one in roles.caches),
        legacy_containers=tuple(one.container for one in found.engine.running),
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


def with_proofs(step: Step, proofs: Mapping[str, tuple[Difference, ...]]) -> Step:
    """Return a step with what the proof of its Compose file found."""
    found = [proofs[one.made] for one in step.operations if one.made in proofs]
    return replace(step, unproven=found[0]) if found else step


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
                "unproven": [".".join(one.place) for one in step.unproven],
            }
            for step in plan.steps
        ],
    }
