"""The rollback procedure: how a project gets back to what it was, with the tool and without it."""

import shlex
from collections.abc import Iterable, Iterator, Sequence

from dashtam_tasks import files
from dashtam_tasks.migration.documents import contacts, environments
from dashtam_tasks.migration.documents.guide import legacy
from dashtam_tasks.migration.documents.markdown import (
    bullets,
    code,
    codes,
    commands,
    document,
    section,
    table,
)
from dashtam_tasks.migration.operations import Copy, CopyVolume, Move, Operation, Write
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.references.names import What, renamed
from dashtam_tasks.migration.steps import Step

NAME = "ROLLBACK_PROCEDURE.md"


def text(blueprint: Blueprint, steps: Sequence[Step]) -> str:
    """Return the procedure for a project that `steps` have migrated."""
    done = [one for step in steps for one in step.operations]
    return document(
        f"# {blueprint.facts.project}: the way back",
        "One command takes the migration back, also half-way through it and after `migrate.cleanup`:",
        commands(
            (
                "dashtam-tasks migrate.status              # where the project stands",
                "dashtam-tasks migrate.rollback --dry-run  # what would be done",
                "dashtam-tasks migrate.rollback",
            )
        ),
        "Every file then has its old bytes, mode and time again, and what the migration made is gone.\n"
        "If it is interrupted, run it again.",
        section("## What it keeps", bullets(kept(blueprint, done))),
        section("## What was changed", table(("step", "file", "what happened"), changes(blueprint, steps))),
        section("## By hand, without the tool", by_hand(blueprint, done)),
        section("## Known problems", bullets(problems(blueprint))),
        section("## Whom to ask", contacts.text(blueprint.found)),
    )


def kept(blueprint: Blueprint, done: Iterable[Operation]) -> Iterator[str]:
    """Yield what a rollback leaves as it is."""
    yield (
        "A file that somebody changed after the migration is named and left as it is. With `--force` it goes into\n"
        "  the backup's folder `set-aside/`; it is never deleted."
    )
    copied = [one for one in done if isinstance(one, CopyVolume)]
    old = [one.old for one in renamed(blueprint) if one.what is What.VOLUME and one.environment == "dev"]
    if old:
        yield f"The old volumes, to which the migration never writes: {codes(old)}."
    if copied:
        yield (
            f"What was written to the new volumes, {codes(one.target for one in copied)}: it is dumped\n"
            "  into the backup's folder `dumps/` before they are removed."
        )


def changes(blueprint: Blueprint, steps: Iterable[Step]) -> Iterator[tuple[str, str, str]]:
    """Yield each change of a step: its number, the file, and what happened to it."""
    for step in steps:
        for one in step.operations:
            yield step.outline.number, *change(blueprint, one)


def change(blueprint: Blueprint, one: Operation) -> tuple[str, str]:
    """Return what an operation is about, and what it does."""
    if isinstance(one, CopyVolume):
        return f"volume {code(one.target)}", f"copied from the volume {code(one.source)}"
    if isinstance(one, Write):
        was_there = (blueprint.found.folder / one.path).exists()
        return code(one.path), "changed" if was_there else "made"
    return code(one.made), f"{'moved' if isinstance(one, Move) else 'copied'} from {code(one.source)}"


# The plan's own JSON, read with nothing but sed.
BACKUP_FOLDER = """backup=backups/$(sed -n 's/.*"backup":"\\([^"]*\\)".*/\\1/p' .dashtam/plan.json)"""


def by_hand(blueprint: Blueprint, done: Sequence[Operation]) -> str:
    """Return how to go back with nothing but a shell."""
    stop = (f"{environments.plain(one)} down" for one in environments.present(blueprint))
    back = (restored(blueprint, name) for name in dict.fromkeys(originals(blueprint, done)))
    return document(
        "`migrate.backup` put every file, as it was, under its own path into a folder `backups/pre-migration-*`.\n"
        "`migrate.status` names the one that this migration began with, as does `.dashtam/plan.json`. Its\n"
        "`manifest.json` has the SHA-256, size, mode and time of each file; `sha256sum FILE` compares. What was\n"
        "edited since is lost this way, in `envs/` for example: keep a copy of that.",
        commands((*stop, BACKUP_FOLDER, *back)),
        "When all of these have succeeded, remove what the migration made, and start as before:",
        commands(
            (
                *(f"rm -f {shlex.quote(name)}" for name in made(blueprint, done)),
                f"{legacy(blueprint)} up -d",
            )
        ),
    )


def restored(blueprint: Blueprint, name: str) -> str:
    """Return the command that puts a file back with its mode and time; those in the backup are all private."""
    mode = files.mode_of(blueprint.found.folder / name)
    return f'install -p -m {mode:o} "$backup"/{shlex.quote(name)} {shlex.quote(name)}'


def originals(blueprint: Blueprint, done: Iterable[Operation]) -> Iterator[str]:
    """Yield the files that were there before and are changed or moved, by cleanup, too."""
    folder = blueprint.found.folder
    for one in blueprint.facts.environments:
        yield from (name for name in one.legacy_files if (folder / name).is_file())
    for each in done:
        path = each.source if isinstance(each, Move) else each.path if isinstance(each, Write) else ""
        if path and (folder / path).is_file():
            yield path


def made(blueprint: Blueprint, done: Iterable[Operation]) -> Iterator[str]:
    """Yield the files that were not there before."""
    for one in done:
        if isinstance(one, Write | Move | Copy) and not (blueprint.found.folder / one.made).exists():
            yield one.made


def problems(blueprint: Blueprint) -> Iterator[str]:
    """Yield what may go wrong on the way back, with what helps."""
    models = tuple(blueprint.models.values())
    if any(service.ports for model in models for service in model.services.values()):
        stop = " and ".join(code(f"docker compose -p {model.name} down") for model in models)
        yield f"A port or a container's name is taken: the new containers are still there. {stop} removes them."
    yield "`migrate.rollback` exits with 75: another `migrate` task is at work here. Wait for it, then try again."
    yield (
        "It names files that it keeps: they were changed since. `--dry-run` names them before, and `--force` sets "
        "them aside, if it is given at first."
    )
    yield "It says that the backup is damaged: `dashtam-tasks migrate.backups --verify` names the file."
    if environments.postgres(blueprint):
        yield (
            "The app cannot log in to its database: a volume keeps the password that it was made with.\n"
            "  The env file with that password is in the backup."
        )
    yield "`dashtam-tasks` is not found: it is in a virtual environment that is not active."
