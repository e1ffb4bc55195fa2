"""The plan: what each step would do to this very project, and the proof that nothing else changes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from dashtam_tasks.files import PRIVATE, PUBLIC
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.isolation.source import SourceFile
from dashtam_tasks.migration import legacy, operations, standalone
from dashtam_tasks.migration.equivalence import Difference
from dashtam_tasks.migration.legacy import Legacy, Role, TestFile
from dashtam_tasks.migration.operations import Copy, Move, Operation, Write
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.staging import staged
from dashtam_tasks.migration.standalone import Source
from dashtam_tasks.migration.steps import Step, outline

DEVELOPMENT, TESTS = "dev", "test"
DEFAULT_ENV_FILE = ".env"
UNDECIDED = "test-file-undecided"


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a person decided: what names begin with (empty: as they do now), and what the test file is."""

    project: str = ""
    test_file: Role | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was found, why it is refused if it is, and the steps; refused, there are none."""

    found: Legacy = field(repr=False)
    refusals: tuple[Finding, ...]
    steps: tuple[Step, ...] = ()


def make(folder: Path, choices: Choices) -> Plan:
    """Return the plan for the project in `folder`, of which nothing is changed.

    Raises DashtamError: as legacy.survey does, and DATA, naming file and line, for what cannot be made standalone.
    """
    found = legacy.survey(folder)
    refusals = tuple(one for one in found.refusals if not is_answered(one, choices))
    if refusals:
        return Plan(found=found, refusals=refusals)
    chosen = tuple(sources(found, choices))
    refusals = (*host_networks(found), *linked_env_files(found, chosen))
    if refusals:
        return Plan(found=found, refusals=refusals)
    moved = {one.env_file: one.new_env_file for one in reversed(chosen) if one.env_file}
    drafts = {one: standalone.draft(one, found, moved=moved) for one in chosen}
    planned = tuple(step for one in chosen for step in steps_for(found, one, drafts[one], moved))
    todo = tuple(one for step in planned for one in step.operations)
    way = tuple(map(blocked, operations.in_the_way(todo, found.folder)))
    if way:
        return Plan(found=found, refusals=way)
    with staged(found.folder, todo) as stage:
        proofs = {
            one.compose_file: standalone.unproven(one, made, folder=found.folder, stage=stage)
            for one, made in drafts.items()
        }
    return Plan(found=found, refusals=(), steps=tuple(proven(one, proofs) for one in planned))


def is_answered(finding: Finding, choices: Choices) -> bool:
    """Return whether a person's choice settles what a finding asks."""
    return finding.kind == UNDECIDED and choices.test_file is not None


def host_networks(found: Legacy) -> Iterator[Finding]:
    """Yield the refusal of each service on the host's own network, where two environments cannot be kept apart."""
    models = [(one.files[-1], one.model) for one in found.resolutions[:1] if one.model]
    for file, model in models:
        for name, service in model.services.items():
            if service.network_mode == "host":
                where = SourceFile(found.folder / file).line_of("services", name, "network_mode")
                yield Finding(
                    kind="host-network",
                    where=where,
                    message=f"Service {name} has `network_mode: host`, and so shares every port with all others.",
                    hint="Let it publish the ports that it needs, and migrate then.",
                )


def linked_env_files(found: Legacy, chosen: Iterable[Source]) -> Iterator[Finding]:
    """Yield the refusal of each env file that is a link: moved it would lead nowhere, and a copy would go stale."""
    for name in dict.fromkeys(one.env_file for one in chosen if one.env_file):
        if (found.folder / name).is_symlink():
            target = (found.folder / name).readlink()
            yield Finding(
                kind="env-is-link",
                where=name,
                message=f"It is a link to {target}, which a migration can neither move nor copy.",
                hint=f"Put the file itself in its place: cp --remove-destination {target} {name}",
            )


def blocked(path: str) -> Finding:
    """Return the refusal to overwrite a person's own file."""
    return Finding(
        kind="in-the-way",
        where=path,
        message="A file of your own is there, and the migration would write one of this name.",
        hint="Give yours another name, or take it away.",
    )


def sources(found: Legacy, choices: Choices) -> Iterator[Source]:
    """Yield what each environment is made from: development, and tests where the project has a file for them."""
    project = choices.project or prefix(found)
    plain = tuple(name for name in (found.base, found.override) if name)
    known = {one.file for one in found.env_files}
    beside = str(PurePosixPath(found.base).parent / DEFAULT_ENV_FILE)
    default = beside if beside in known else ""
    yield Source(environment=DEVELOPMENT, project=project, files=plain, env_file=default)
    if found.tests:
        test = found.tests[0]
        own = next((one for one in test.env_files if one in known), "")
        files = files_of(test, choices)
        yield Source(environment=TESTS, project=project, files=files, env_file=own or default, offset=1)


def files_of(test: TestFile, choices: Choices) -> tuple[str, ...]:
    """Return the Compose files that tests use together."""
    role = choices.test_file or test.role
    return test.standalone if role is Role.STANDALONE else test.overlay


def prefix(found: Legacy) -> str:
    """Return what the project's names begin with now: what all container names share, else the project's name."""
    named = [
        service.container_name
        for resolution in found.resolutions[:1]
        if resolution.model
        for service in resolution.model.services.values()
        if service.container_name
    ]
    first = {name.partition("-")[0] for name in named if "-" in name}
    return first.pop() if len(first) == 1 and len(named) > 1 else found.project.name


def steps_for(found: Legacy, source: Source, made: Draft, moved: Mapping[str, str]) -> Iterator[Step]:
    """Yield the steps that make an environment: its Compose file, and its env file."""
    file = Write(path=source.compose_file, data=made.document.text.encode())
    env_file = tuple(env_file_operations(found, source, moved))
    step = Step(outline=outline("1.4"), declared=made.declared, remarks=made.remarks)
    if source.environment == DEVELOPMENT:
        yield replace(step, outline=outline("1.2"), operations=(file,))
        yield Step(outline=outline("1.3"), operations=env_file)
    else:
        yield replace(step, operations=(file, *env_file))


def env_file_operations(found: Legacy, source: Source, moved: Mapping[str, str]) -> Iterator[Operation]:
    """Yield what brings an environment's env file and its example to their place; without one, an empty one."""
    there = bool(source.env_file) and (found.folder / source.env_file).is_file()
    if moved.get(source.env_file) != source.new_env_file:
        # Tests were resolved with development's file, or with none; from now on they have their own.
        default = f"# Values for {source.compose_file}; every variable has its default there.\n".encode()
        made_of = moved.get(source.env_file, source.env_file)
        yield (
            Copy(source=made_of, target=source.new_env_file)
            if there
            else Write(path=source.new_env_file, data=default, mode=PRIVATE)
        )
        return
    if there:
        yield Move(source=source.env_file, target=source.new_env_file)
    example = next((one.example for one in found.env_files if one.file == source.env_file), "")
    if example and (found.folder / example).is_file():
        yield Move(source=example, target=f"{source.new_env_file}.example", mode=PUBLIC)


def proven(step: Step, proofs: Mapping[str, tuple[Difference, ...]]) -> Step:
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
