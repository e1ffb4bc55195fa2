"""Services that end by themselves: what only runs tests is started when somebody wants them, and not by `up`."""

import re

from dashtam_tasks.isolation.alone import JOB_PROFILE
from dashtam_tasks.migration.document import Document, Flow
from dashtam_tasks.migration.legacy import runners
from dashtam_tasks.migration.legacy.recipes import inner_commands
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.needs import waiting
from dashtam_tasks.migration.rules.reading import changed, remarked, rule, value_of, words

NAME = "one-shot"
# What makes a test runner stay: https://jestjs.io/docs/cli, https://vitest.dev/guide/cli
WATCHING = re.compile(r"--watch(All)?(=true)?|watch|--ui")
LASTING = frozenset({"always", "unless-stopped"})


def runs_tests(document: Document, service: str) -> bool:
    """Return whether a service's own command runs tests and ends: by its last command, where it has several.

    What waits for others first has the command behind `--`, as wait-for-it.sh does.
    """
    said = (*words(value_of(document, service, "entrypoint")), *words(value_of(document, service, "command")))
    last = next(reversed(inner_commands(said)), ())
    behind = last[last.index("--") + 1 :] if "--" in last else ()
    tests = any(runners.runner_at(one) is not None for one in (last, behind))
    return tests and not any(WATCHING.fullmatch(word) for word in last)


def is_job(document: Document, service: str) -> bool:
    """Return whether a service is behind the profile of those that end by themselves."""
    return JOB_PROFILE in (value_of(document, service, "profiles") or ())


def held_back(draft: Draft) -> Draft:
    """Return the draft where `up` starts no service that only runs tests; in CI it is the job, and started."""
    if draft.environment == "ci":
        return draft
    for service in draft.services:
        # In tests nothing is started again by itself.
        lasts = draft.environment == "dev" and value_of(draft.document, service, "restart") in LASTING
        if runs_tests(draft.document, service) and not lasts and not is_job(draft.document, service):
            draft = behind_profile(draft, service)
    return draft


def behind_profile(draft: Draft, service: str) -> Draft:
    """Return the draft with a service behind the profile, unless one that stays up needs it or says the same."""
    document = draft.document
    lasting = [name for name in waiting(document, service) if not runs_tests(document, name)]
    if lasting:
        return remarked(
            draft, f"{service} runs tests and ends, and {lasting[0]} depends on it: `up` runs them."
        )
    profiles = [*(value_of(document, service, "profiles") or ()), JOB_PROFILE]
    path = ("services", service, "profiles")
    edited = document.set(path, Flow(profiles), shared=True)
    if any(is_job(edited, name) and not runs_tests(document, name) for name in draft.services):
        return remarked(
            draft, f"{service} runs tests and ends, and shares what it says with others: `up` runs it."
        )
    why = "it runs tests and ends; its suite, and `docker compose run`, start it all the same"
    return changed(draft, edited, rule=NAME, keys={"profiles": why})


ONE_SHOT = rule(NAME, "`up` does not start services that only run tests; a suite does.", held_back)
