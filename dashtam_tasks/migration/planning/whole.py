"""The whole: every step of a migration, from those of the environments to what is told and written about them."""

from collections.abc import Iterator
from dataclasses import replace

from dashtam_tasks.files import PRIVATE
from dashtam_tasks.migration import documents, ignored, references, taskfile, volumes
from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.planning import local_certificates
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.planning.choices import CI, DEVELOPMENT
from dashtam_tasks.migration.steps import Step, outline
from dashtam_tasks.migration.taskfile import security
from dashtam_tasks.migration.volumes import Mode


def steps(blueprint: Blueprint, environments: tuple[Step, ...], *, data: Mode) -> tuple[Step, ...]:
    """Return all steps of a plan that change anything, in their order; `environments` write Compose and env files.

    `data` is what becomes of development's data.
    """
    tasks, accounts = taskfile.step(blueprint)
    issued = tuple(certificates(blueprint))
    completed = with_data(blueprint, environments, data, issued)
    before = in_order(ignoring(blueprint, issued), *completed, tasks, *ci(blueprint))
    listed = references.find(blueprint, accounts)
    guide = documents.guide_step(blueprint, accounts, listed, before)
    return (*before, guide, documents.rollback_step(blueprint, (*before, guide)))


def in_order(*chosen: Step) -> tuple[Step, ...]:
    """Return steps by their numbers."""
    return tuple(sorted(chosen, key=lambda one: one.outline.number))


def ignoring(blueprint: Blueprint, issued: tuple[Write, ...]) -> Step:
    """Return step 1.1 as far as it changes files; the backup is taken before any step."""
    keys = [one.path for one in issued if one.mode == PRIVATE]
    return Step(
        outline=outline("1.1"),
        operations=ignored.operations(blueprint.found, keys=keys),
        remarks=ignored.remarks(blueprint.found),
    )


def with_data(
    blueprint: Blueprint, environments: tuple[Step, ...], mode: Mode, issued: tuple[Write, ...]
) -> Iterator[Step]:
    """Yield the environments' steps with volumes and certificates.

    Data come before development's file, so that nothing can start on half of them.
    """
    copies = volumes.planned(blueprint.found, blueprint.models[DEVELOPMENT], mode=mode)
    for step in environments:
        before = copies if step.outline.number == "1.2" else ()
        after = issued if step.outline.number == "2.1" else ()
        yield replace(step, operations=(*before, *step.operations, *after))


def certificates(blueprint: Blueprint) -> Iterator[Write]:
    """Yield what makes the certificates that tests over HTTPS need, where there are none that could be kept."""
    due = security.read(blueprint).due
    return local_certificates.writes(due) if due else iter(())


def ci(blueprint: Blueprint) -> Iterator[Step]:
    """Yield step 2.5 where there is something that CI could run."""
    if CI in blueprint.models:
        yield taskfile.workflow_step(blueprint)
