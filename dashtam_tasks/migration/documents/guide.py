"""The migration guide: what has changed for a team, what to type now, and what is left to do."""

import posixpath
import shlex
from collections.abc import Iterable, Iterator, Sequence

from dashtam_tasks.migration import rules
from dashtam_tasks.migration.documents import environments
from dashtam_tasks.migration.documents.markdown import (
    bullets,
    code,
    codes,
    commands,
    document,
    section,
    series,
    table,
)
from dashtam_tasks.migration.legacy.compose_files import BASE_NAMES
from dashtam_tasks.migration.operations import CopyVolume, Operation
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.references import Account, Reference, References
from dashtam_tasks.migration.references.names import What, example_of, renamed

NAME = "MIGRATION_GUIDE.md"
# The tables of names and files say these better.
TOLD = frozenset("container-name env-file network project-name relative-path volume".split())
DUMP = 'pg_dump --format=custom -U "${POSTGRES_USER:-postgres}" "${POSTGRES_DB:-${POSTGRES_USER:-postgres}}"'


def text(
    blueprint: Blueprint,
    accounts: Sequence[Account],
    references: References,
    operations: Iterable[Operation],
) -> str:
    """Return the guide for a project whose steps do `operations`."""
    return document(
        f"# {blueprint.facts.project}: what the migration has changed",
        introduction(blueprint),
        section("## What to type now", commands_now(blueprint), targets(accounts), left(accounts)),
        section(
            "## The environments",
            environments.files(blueprint),
            environments.services(blueprint),
            without_tasks(blueprint),
        ),
        section("## What has another name", names(blueprint)),
        section("## Where the data are", environments.data(blueprint), old_data(blueprint, operations)),
        section(
            "## What is different in the Compose files", differences(blueprint), bullets(notes(blueprint))
        ),
        section("## Once, in every other checkout", checkout(blueprint)),
        section("## Left for a person", left_to_do(references)),
        "## The way back\n\n[ROLLBACK_PROCEDURE.md](ROLLBACK_PROCEDURE.md) says how to undo all of it.",
    )


def introduction(blueprint: Blueprint) -> str:
    """Return what it was all for."""
    every = environments.present(blueprint)
    own = "a Compose file and an env file of its own, complete in themselves"
    if len(every) == 1:
        return f"Development has {own}."
    shared = set.intersection(*(set(one.legacy_files) for one in every if one.name != "ci"))
    before = f"They used to share {codes(sorted(shared))}.\n" if shared else "\n"
    titles = environments.titles(blueprint)
    return (
        f"{titles[0].upper()}{titles[1:]} have environments of their own. {before}Now each has {own},\n"
        "and they run side by side without sharing a container, a network, a volume or a port."
    )


def commands_now(blueprint: Blueprint) -> str:
    """Return the commands to begin with."""
    lines = [
        "inv --list      # every task",
        "inv dev.up      # start development, and wait until it is healthy",
    ]
    if "test" in blueprint.models:
        lines.append("inv test.up     # the same for what tests need; development goes on running")
    return commands((*lines, "inv doctor      # what needs a hand"))


def targets(accounts: Sequence[Account]) -> str:
    """Return a table of the Makefile's targets with the tasks that do the same."""
    rows = ((code(f"make {one.target}"), code(one.command), one.reason) for one in accounts if one.command)
    return table(("before", "now", "good to know"), rows)


def left(accounts: Sequence[Account]) -> str:
    """Return a list of the targets that no task replaces."""
    kept = [one for one in accounts if not one.command]
    items = (f"{code(f'make {one.target}')}, line {one.line}: {one.reason}" for one in kept)
    return (
        document("Nothing replaces these yet; somebody has to look at them:", bullets(items)) if kept else ""
    )


def without_tasks(blueprint: Blueprint) -> str:
    """Return how the same goes with plain Compose."""
    lasting = [one for one in environments.present(blueprint) if one.name != "ci"]
    lines = (f"{environments.plain(one)} up -d" for one in lasting)
    return document("Without the tasks, plain Compose does as well:", commands(lines))


def names(blueprint: Blueprint) -> str:
    """Return a table of what has another name."""
    rows = [
        (one.what.value, code(one.old), code(one.new)) for one in renamed(blueprint) if one.what != What.KEY
    ]
    return table(("what", "before", "now"), rows)


def old_data(blueprint: Blueprint, operations: Iterable[Operation]) -> str:
    """Return what became of the old volumes."""
    old = {one.old for one in renamed(blueprint) if one.what is What.VOLUME and one.environment == "dev"}
    copied = {one.source for one in operations if isinstance(one, CopyVolume)}
    present = [one for one in sorted(old) if one in {each.name for each in blueprint.found.engine.volumes}]
    came = [
        f"{code(name)} was copied" if name in copied else f"{code(name)} was not copied" for name in present
    ]
    kept = "The migration only reads the old volumes and removes none, so that there is a way back."
    return document(kept, bullets(came)) if present else ""


def differences(blueprint: Blueprint) -> str:
    """Return a list of what is different on purpose, names aside, and where."""
    purposes = {one.name: one.purpose for one in rules.all_of(taken=(), applications={})}
    found: dict[str, dict[str, None]] = {}
    for name, draft in blueprint.drafts.items():
        for one in draft.declared:
            if one.rule not in TOLD:
                found.setdefault(purposes.get(one.rule, f"{one.why}."), {})[name] = None
    return bullets(f"{purpose} ({series(list(where))})" for purpose, where in found.items())


def notes(blueprint: Blueprint) -> Iterator[str]:
    """Yield what is worth a look in the new files, each once, whatever machine the project is on."""
    remarks = (remark for draft in blueprint.drafts.values() for remark in draft.remarks)
    yield from dict.fromkeys(remark.replace(f"{blueprint.found.folder}/", "") for remark in remarks)


def checkout(blueprint: Blueprint) -> str:
    """Return what everybody else does who pulls the change."""
    before = (*dumping(blueprint), f"{legacy(blueprint)} down     # not with -v: that would remove the data")
    after = (*moves(blueprint), "inv dev.up", *restoring(blueprint))
    dev = environments.present(blueprint)[0]
    has_example = bool(example_of(blueprint, dev.legacy_env_file))
    return document(
        "The tasks come with the package `dashtam-tasks`; install it with pip into a virtual environment.",
        "Before pulling, stop the old containers. What this keeps of the database is put back below.\n"
        if environments.postgres(blueprint)
        else "Before pulling, stop the old containers:",
        commands(before),
        "After pulling, give env files their new places, and start:"
        if dev.legacy_env_file
        else "After pulling:",
        commands(after),
        f"Who has no {code(dev.env_file)} yet runs `inv setup`." if has_example else "",
    )


def dumping(blueprint: Blueprint) -> Iterator[str]:
    """Yield the commands that keep what is in the old database."""
    for name in environments.postgres(blueprint)[:1]:
        yield "mkdir -p backups"
        yield f"{legacy(blueprint)} exec -T {name} sh -c '{DUMP}' > backups/before.dump"


def restoring(blueprint: Blueprint) -> Iterator[str]:
    """Yield the commands that put into the new database what was kept."""
    for _ in environments.postgres(blueprint)[:1]:
        yield "inv db.restore backups/before.dump"


def moves(blueprint: Blueprint) -> Iterator[str]:
    """Yield the commands that bring people's own env files to their places; one that two used is copied first."""
    every = [one for one in environments.present(blueprint) if one.legacy_env_file and one.name != "ci"]
    if every:
        yield f"mkdir -p {shlex.quote(posixpath.dirname(every[0].env_file))}"
    for position, one in reversed([*enumerate(every)]):
        is_shared = one.legacy_env_file in {other.legacy_env_file for other in every[:position]}
        old, new = shlex.quote(one.legacy_env_file), shlex.quote(one.env_file)
        yield f"{'cp' if is_shared else 'mv'} {old} {new}"


def legacy(blueprint: Blueprint) -> str:
    """Return how development was called before: plainly, where Compose finds its files by itself."""
    names = environments.present(blueprint)[0].legacy_files
    options = (
        () if names[0] in BASE_NAMES else tuple(part for name in names for part in ("-f", shlex.quote(name)))
    )
    return " ".join(("docker compose", *options))


def left_to_do(references: References) -> str:
    """Return the places that name what is called otherwise now, those that say the same together."""
    changed = [f"{code(one.path)} names the new Compose file." for one in references.changes]
    places: dict[tuple[str, str], list[str]] = {}
    for one in references.listed:
        places.setdefault((code(one.text), advice(one)), []).append(one.where)
    rows = ((text, new, ", ".join(where)) for (text, new), where in sorted(places.items()))
    found = table(("text", "should say", "where"), rows)
    intro = "These places may mean what has another name now. Look at each before changing it."
    skipped = codes(references.skipped)
    return document(
        bullets(changed),
        document(intro, found) if found else "",
        f"Too long, or closed to us, and so not searched: {skipped}." if skipped else "",
    )


def advice(one: Reference) -> str:
    """Return what a place should say."""
    return "; ".join(filter(None, (code(one.becomes), one.note))) or "see the commands above"
