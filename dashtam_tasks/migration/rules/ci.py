"""What makes a test file one for CI: a job that runs all tests, and beside it no more than that job needs."""

from collections.abc import Collection, Iterable, Iterator

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.document.nodes import walk
from dashtam_tasks.migration.legacy.shell_lines import script_argument
from dashtam_tasks.migration.planning.equivalence import Place
from dashtam_tasks.migration.rules import health_checks, known_images
from dashtam_tasks.migration.rules.draft import Draft, Rule
from dashtam_tasks.migration.rules.jobs import REPORTS, Job, as_command
from dashtam_tasks.migration.rules.names import INSTANCE
from dashtam_tasks.migration.rules.needs import extended, hosts, needed
from dashtam_tasks.migration.rules.places import declare_all
from dashtam_tasks.migration.rules.reading import (
    changed,
    environment,
    environment_values,
    remarked,
    rule,
    value_of,
    volume_source,
    volume_target,
    with_defaults,
    without,
    words,
)
from dashtam_tasks.migration.rules.services import HEALTHY, STARTED, dependencies, is_checked

NAME, TRUST = "job", "trust"
REPORTS_FOLDER = f"../reports/ci{INSTANCE}"
AUTH_METHOD, PASSWORD = "POSTGRES_HOST_AUTH_METHOD", "POSTGRES_PASSWORD"


def only_needed(draft: Draft, job: Job) -> Draft:
    """Return the draft with the job's service and those that it needs, which no profile holds back."""
    kept = {job.service, *needed(draft.document, job.service)}
    parents = {one for name in kept for one in extended(draft.document, name)} - kept
    document = draft.document
    for name in reversed(draft.services):
        if name in kept:
            document = without(document, ("services", name, "profiles"))
        elif name in parents or is_shared(document, name):
            document = document.set(("services", name, "scale"), 0, shared=True)
        else:
            document = document.remove(("services", name), shared=True)
            draft = draft.declare(NAME, ("services", name), f"{job.service} does not need it")
    for name in kept:
        # Those who say what another says have its number of containers, too.
        if value_of(document, name, "scale") == 0:
            document = document.set(("services", name, "scale"), 1)
    why = "the job and what it needs are started, and nothing else"
    draft = declare_all(draft, NAME, unused(draft.document, document, kept), why)
    return changed(draft, document, rule=NAME, keys={"profiles": why, "scale": why})


def is_shared(document: Document, service: str) -> bool:
    """Return whether another part of the file is an alias of something that a service says."""
    inside = {id(node) for node in walk(document.tree.node(("services", service)))}
    aliases = (alias for node in inside for alias in document.tree.references.get(node, ()))
    return any(id(alias) not in inside for alias in aliases)


def unused(before: Document, after: Document, kept: Collection[str]) -> Iterator[Place]:
    """Yield what no service is left for, at the top: Compose leaves that out of the model."""
    for section in ("networks", "volumes", "secrets", "configs"):
        used = {one for name in kept for one in mentioned(after, name, section)}
        yield from ((section, key) for key in before.keys((section,)) if key not in used)


def mentioned(document: Document, service: str, section: str) -> set[str]:
    """Return what a service uses of a section at the top; without a network it is in the default one."""
    said = value_of(document, service, section)
    if section == "networks" and said is None:
        return {"default"}
    if section == "volumes":
        return {with_defaults(volume_source(item)) for item in said or ()}
    return {str(item.get("source")) if isinstance(item, dict) else str(item) for item in said or ()}


def run(draft: Draft, job: Job) -> Draft:
    """Return the draft where the job's service prepares and runs the suite, and has a folder for its reports."""
    path = ("services", job.service)
    document = without(draft.document, (*path, "healthcheck"))
    if not is_as_it_is(document, job):
        document = document.set((*path, "command"), as_command(job), shared=True)
    if any(volume_target(item) == REPORTS for item in value_of(document, job.service, "volumes") or []):
        draft = remarked(draft, f"{job.service} mounts something in {REPORTS}, where its reports are to be.")
    else:
        document = with_reports(document, job.service)
        why = "reports outlive the container"
        draft = draft.declare(NAME, (*path, "volumes", REPORTS), why)
    keys = {"command": "the job runs all tests", "healthcheck": "the job ends, and is not asked"}
    return certified(changed(draft, document, rule=NAME, keys=keys), job.service)


def is_as_it_is(document: Document, job: Job) -> bool:
    """Return whether a service runs the suite by its own command, which takes no further options.

    A script of its own may do more than is known of it.
    """
    entrypoint, command = (value_of(document, job.service, key) for key in ("entrypoint", "command"))
    own = entrypoint is not None or script_argument(tuple(words(command))) is not None
    return job.inside and (own or not job.is_pytest)


def with_reports(document: Document, service: str) -> Document:
    """Return the document where a service mounts the folder for its reports."""
    path = ("services", service, "volumes")
    if document.has(path):
        document = document.detach(path)
    return document.append(path, f"{REPORTS_FOLDER}:{REPORTS}")


def certified(draft: Draft, service: str) -> Draft:
    """Return the draft where a service that CI serves without HTTPS mounts no certificates, which git never has."""
    path = ("services", service, "volumes")
    if "SSL_ENABLED" not in environment(draft.document, service):
        return draft
    for index, item in reversed(list(enumerate(draft.document.get(path) or []))):
        if volume_source(item).rstrip("/").endswith("/certs"):
            place = ("services", service, "volumes", volume_target(item))
            draft = draft.declare(NAME, place, "a fresh checkout has no certificates, and the job needs none")
            draft = draft.edited(draft.document.remove((*path, index), shared=True))
    return draft


def waited_for(draft: Draft, job: Job) -> Draft:
    """Return the draft where the job waits for all that it needs, also for what it only names as a host."""
    path = ("services", job.service, "depends_on")
    said = value_of(draft.document, job.service, "depends_on")
    names = [*hosts(draft.document, job.service)] or [*needed(draft.document, job.service)]
    missing = [name for name in names if name not in dependencies(said) and name in draft.services]
    if not missing:
        return draft
    known = said if isinstance(said, dict) else {name: {"condition": STARTED} for name in said or ()}
    added = {name: {"condition": condition(draft.document, name)} for name in missing}
    places = (("services", job.service, "depends_on", name) for name in missing)
    draft = declare_all(draft, NAME, places, "the job needs it from its first test on")
    document = draft.document.detach(path) if draft.document.has(path) else draft.document
    return draft.edited(document.set(path, {**known, **added}))


def condition(document: Document, service: str) -> str:
    """Return what is to be waited for of a service."""
    return HEALTHY if is_checked(document, service) else STARTED


def trusting(draft: Draft) -> Draft:
    """Return the draft where PostgreSQL asks nobody for a password, since nobody from outside can reach it."""
    for service in draft.services:
        image = known_images.image_of(draft.document, service)
        if image is not None and image.kind.check is health_checks.postgresql:
            draft = trusted(draft, service)
    return draft


def trusted(draft: Draft, service: str) -> Draft:
    """Return the draft where one PostgreSQL has no password."""
    document, path = draft.document, ("services", service, "environment")
    own = {name: place for place, name in named(document, service)}
    if not document.has(path) or AUTH_METHOD in own:
        return draft
    document = document.detach(path)
    is_list = isinstance(document.get(path), list)
    value = f"{AUTH_METHOD}=trust" if is_list else "trust"
    # The new one comes in the place of the old one, so that the list or the mapping is never empty.
    document = document.append(path, value) if is_list else document.set((*path, AUTH_METHOD), value)
    if PASSWORD in own and document.written((*path, own[PASSWORD])):
        document = document.remove((*path, own[PASSWORD]))
    why = "only this file's own network reaches it"
    places = (("services", service, "environment", name) for name in (AUTH_METHOD, PASSWORD))
    return declare_all(draft, TRUST, places, why).edited(document)


def named(document: Document, service: str) -> Iterable[tuple[str | int, str]]:
    """Yield the steps and the names of what a service itself sets in its environment."""
    for place, value in environment_values(document, service):
        yield place[-1], value.partition("=")[0] if isinstance(place[-1], int) else str(place[-1])


def only_job(job: Job) -> Rule:
    """Return the rule that leaves a file nothing but the job and what it needs."""
    purpose = "CI starts the job and what that needs; the job prepares, runs all tests and ends as they do."
    return rule(NAME, purpose, lambda draft: run(only_needed(draft, job), job))


def job_waits(job: Job) -> Rule:
    """Return the rule by which the job waits for all that it needs."""
    return rule(
        NAME,
        "The job starts when all that it needs is healthy.",
        lambda draft: waited_for(draft, job),
    )


TRUSTING = rule(TRUST, "PostgreSQL in CI trusts its own network, which nobody else reaches.", trusting)
