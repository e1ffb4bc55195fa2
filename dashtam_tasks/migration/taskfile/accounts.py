"""Accounts: what becomes of each target of a Makefile, so that nothing which people type is lost unsaid."""

from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile import makefile_text, preferences
from dashtam_tasks.migration.taskfile.account import Account, Decision
from dashtam_tasks.migration.taskfile.carrying import Carrier
from dashtam_tasks.migration.taskfile.judging import Judge
from dashtam_tasks.migration.taskfile.preferences import Preferences
from dashtam_tasks.migration.taskfile.replacing import Replacer
from dashtam_tasks.migration.taskfile.rewriting import Rewriter


def accounts(blueprint: Blueprint) -> tuple[Account, ...]:
    """Return what becomes of each target of the project's Makefile, in its order; nothing without one."""
    return tuple(one.account for one in decisions(blueprint, preferences.read(blueprint)))


def decisions(blueprint: Blueprint, chosen: Preferences) -> tuple[Decision, ...]:
    """Return the decision about each target of the project's Makefile."""
    makefile = blueprint.found.makefile
    if makefile is None:
        return ()
    replacer = Replacer(blueprint=blueprint, preferences=chosen)
    moved = {**new_names(blueprint), **blueprint.facts.moved}
    rewriter = Rewriter(blueprint=blueprint, replacer=replacer, moved=moved)
    text = makefile_text.read(blueprint.found.folder, makefile)
    carrier = Carrier(blueprint=blueprint, text=text, rewriter=rewriter)
    judge = Judge(
        blueprint=blueprint, makefile=makefile, text=text, replacer=replacer, carrier=carrier, moved=moved
    )
    return tuple(judge.decide(one) for one in makefile.targets)


def new_names(blueprint: Blueprint) -> dict[str, str]:
    """Return where the env files go, and the examples beside them."""
    sources = tuple(one for one in reversed(tuple(blueprint.sources.values())) if one.env_file)
    known = {one.file: one.example for one in blueprint.found.env_files}
    examples = {
        known[one.env_file]: f"{one.new_env_file}.example" for one in sources if known.get(one.env_file)
    }
    return {**examples, **{one.env_file: one.new_env_file for one in sources}}
