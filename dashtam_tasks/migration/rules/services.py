"""How services run: as their own main process, waiting for healthy ones, and seen when they die."""

from pathlib import PurePosixPath

from dashtam_tasks.isolation.endless import sleeps_for_ever
from dashtam_tasks.migration.document import Document, Flow
from dashtam_tasks.migration.document.nodes import Data
from dashtam_tasks.migration.rules import known_images
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.reading import changed, editable, remarked, rule, value_of, without, words

# Programs that are to be the first process of a container, or look after its processes themselves.
INITS = frozenset("catatonit docker-init dumb-init init my_init s6-svscan systemd tini".split())
STARTED, HEALTHY = "service_started", "service_healthy"


def awake(draft: Draft) -> Draft:
    """Return the draft without commands and entrypoints that only wait; tests get development's back."""
    document, result = draft.document, draft
    for service in reversed(draft.services):
        for key in sleeping(draft.document, service):
            own = None if draft.base is None else restorable(draft.base, service, key)
            path = ("services", service, key)
            if own is None:
                document = without(document, path)
                result = remarked(
                    result, f"{service} waited for ever as its {key}; now its image's own {key} runs in it."
                )
            else:
                document = document.set(path, own, shared=True)
    why = "it did nothing but wait"
    return changed(result, document, rule="endless-sleep", keys={"command": why, "entrypoint": why})


def sleeping(document: Document, service: str) -> tuple[str, ...]:
    """Return which of a service's entrypoint and command make it wait for ever, none where it works."""
    entrypoint, command = (words(value_of(document, service, key)) for key in ("entrypoint", "command"))
    if not sleeps_for_ever([*entrypoint, *command]):
        return ()
    if command and not (entrypoint and sleeps_for_ever(entrypoint)):
        return ("command",)
    # After an option the command is an operand, as in `sh -c`, and makes no sense without it.
    needs_operand = bool(entrypoint) and entrypoint[-1].startswith("-")
    return ("entrypoint", "command") if command and needs_operand else ("entrypoint",)


def restorable(base: Document, service: str, key: str) -> Data:
    """Return what a service says in development, in its style; nothing where that waits for ever, too."""
    said = value_of(base, service, key)
    if said is None or key in sleeping(base, service):
        return None
    flow = isinstance(said, list) and base.has(("services", service, key))
    return Flow(said) if flow and base.raw(("services", service, key)).startswith("[") else said


def reaped(draft: Draft) -> Draft:
    """Return the draft with an init process where there is none."""
    document = draft.document
    for service in draft.services:
        if value_of(draft.document, service, "init") is None and wants_init(draft.document, service):
            document = document.set(("services", service, "init"), value=True, shared=True)
    why = "an init process passes signals on and reaps what the service leaves behind"
    return changed(draft, document, rule="init", keys={"init": why})


def wants_init(document: Document, service: str) -> bool:
    """Return whether a service can do with an init process: one that is built, or that is known to."""
    first = [
        *words(value_of(document, service, "entrypoint")),
        *words(value_of(document, service, "command")),
    ][:1]
    if any(PurePosixPath(word).name in INITS for word in first) or value_of(document, service, "pid"):
        return False
    if value_of(document, service, "build") is not None:
        return True
    image = known_images.image_of(document, service)
    return image is not None and not image.kind.own_init


def waiting_for_health(draft: Draft) -> Draft:
    """Return the draft whose services wait for the health of those that have a check."""
    document, result = draft.document, draft
    checked = {name for name in draft.services if is_checked(draft.document, name)}
    for service in draft.services:
        path = ("services", service, "depends_on")
        said = draft.document.get(path)
        waits = [name for name in dependencies(said) if name in checked and condition(said, name) == STARTED]
        for name in waits:
            place = ("services", service, "depends_on", name, "condition")
            result = result.declare(
                "service-healthy", place, f"{service} needs {name} to answer, not only to run"
            )
        if waits:
            document = with_conditions(document, service, said, waits)
    return inherited_conditions(result.edited(document), draft.document)


def with_conditions(document: Document, service: str, said: Data, waits: list[str]) -> Document:
    """Return the document where a service waits for the health of others, in the place where it says so."""
    place = editable(document, ("services", service, "depends_on"))
    if isinstance(said, list):
        entries = {name: {"condition": HEALTHY if name in waits else STARTED} for name in dependencies(said)}
        return document.set(place, entries, shared=True)
    for name in waits:
        entry = editable(document, (*place, name))
        value = {**(document.get(entry) or {}), "condition": HEALTHY}
        document = document.set(entry, value, shared=True)
    return document


def inherited_conditions(draft: Draft, before: Document) -> Draft:
    """Return the draft with the changes declared that services have from those that they extend."""
    for service in draft.services:
        old, new = (value_of(one, service, "depends_on") for one in (before, draft.document))
        own = draft.document.get(("services", service, "depends_on"))
        for name in dependencies(new):
            if name not in dependencies(own) and condition(old, name) != condition(new, name):
                place = ("services", service, "depends_on", name, "condition")
                draft = draft.declare(
                    "service-healthy", place, f"{service} needs {name} to answer, not only to run"
                )
    return draft


def dependencies(said: Data) -> tuple[str, ...]:
    """Return the services that one depends on, in either form."""
    return tuple(map(str, said or ()))


def condition(said: Data, name: str) -> str:
    """Return what a service waits for of another; the short form means that it is started."""
    entry = said.get(name) if isinstance(said, dict) else None
    return str((entry or {}).get("condition", STARTED))


def is_checked(document: Document, service: str) -> bool:
    """Return whether a service has a health check that is not switched off."""
    check = value_of(document, service, "healthcheck") or {}
    return check.get("test") not in (None, [], "", ["NONE"], "NONE") and not check.get("disable")


def mortal(draft: Draft) -> Draft:
    """Return the draft without restarts, where tests run: a service that dies must be seen."""
    if draft.environment == "dev":
        return draft
    document, result = draft.document, draft
    for service in reversed(draft.services):
        document = without(document, ("services", service, "restart"))
        if draft.document.has(("services", service, "deploy", "restart_policy")):
            text = f"{service} has a deploy.restart_policy, by which a service that dies in tests is started again."
            result = remarked(result, text)
    why = "a service that dies during tests must be seen"
    return changed(result, document, rule="restart", keys={"restart": why})


ENDLESS_SLEEP = rule("endless-sleep", "Services run what they are for instead of waiting for ever.", awake)
INIT = rule("init", "Containers have an init process, so that they stop at once.", reaped)
SERVICE_HEALTHY = rule(
    "service-healthy", "Services wait until those that they need are healthy.", waiting_for_health
)
RESTART = rule("restart", "In tests and CI nothing is started again by itself.", mortal)
