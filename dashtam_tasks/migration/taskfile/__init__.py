"""Tasks in place of a Makefile: what becomes of each target, and the files that make the tasks of one project."""

from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.steps import Step, outline
from dashtam_tasks.migration.taskfile import accounts as accounting
from dashtam_tasks.migration.taskfile import preferences, render, workflow
from dashtam_tasks.migration.taskfile.account import Account, Fate
from dashtam_tasks.migration.taskfile.accounts import accounts

__all__ = ["Account", "Fate", "accounts", "step", "workflow_step"]

NUMBER = "1.5"
RUNNERS = ("justfile", "taskfile", "package.json")


def step(blueprint: Blueprint) -> tuple[Step, tuple[Account, ...]]:
    """Return step 1.5 of a project, which writes its tasks, and the account of each target of its Makefile."""
    chosen = preferences.read(blueprint)
    decided = accounting.decisions(blueprint, chosen)
    told = tuple(one.account for one in decided)
    made = Step(
        outline=outline(NUMBER),
        operations=tuple(render.files(blueprint, chosen, decided)),
        remarks=(
            *map(left, (one for one in told if one.fate is Fate.LEFT)),
            *chosen.remarks,
            *others(blueprint),
        ),
    )
    return made, told


def left(account: Account) -> str:
    """Return what a person should know of a target that is left to them."""
    return f"{account.target} is left to you: {account.reason}."


def others(blueprint: Blueprint) -> tuple[str, ...]:
    """Return what other task runners call Compose for, by its place: they are left as they are."""
    found = {
        f"{one.where}: {one.owner} calls Compose as before; see the table of old commands and new.": None
        for one in blueprint.found.uses
        if one.source.value in RUNNERS and one.subcommand
    }
    return tuple(found)


def workflow_step(blueprint: Blueprint) -> Step:
    """Return step 2.5 of a project, which writes the workflow that runs its tests.

    Raises DashtamError (CONFIGURATION) for a Compose file of CI that cannot be read.
    """
    return workflow.step(blueprint, preferences.read(blueprint))
