"""Health checks: every service says itself when it can be used, as soon as that is so."""

import re
from collections.abc import Mapping

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.document.nodes import Data
from dashtam_tasks.migration.rules import known_images, runtimes
from dashtam_tasks.migration.rules.applications import Application
from dashtam_tasks.migration.rules.draft import Draft, Rule
from dashtam_tasks.migration.rules.health_checks import over_tcp
from dashtam_tasks.migration.rules.known_images import Image
from dashtam_tasks.migration.rules.one_shot import is_job
from dashtam_tasks.migration.rules.port_syntax import read
from dashtam_tasks.migration.rules.reading import environment, remarked, rule, value_of, with_defaults, words

NAME = "health-check"

# How often a running server is asked, and how often it may fail before it counts as dead.
INTERVALS = {"dev": "2s", "test": "2s", "ci": "1s"}
RETRIES = {"dev": 5, "test": 10, "ci": 30}
TIMEOUT = "5s"
# What somebody built may be busy with more than answering.
BUILT = {"interval": "5s", "timeout": TIMEOUT, "retries": 5, "start_period": "60s", "start_interval": "500ms"}

# Go's durations, as Compose takes them: https://docs.docker.com/reference/compose-file/extension/#specifying-durations
DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+")
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
DEFAULT_INTERVAL = "30s"


def asked(draft: Draft, applications: Mapping[str, Application], job: str) -> Draft:
    """Return the draft with a health check wherever it is known how to ask; what ends by itself needs none."""
    lasting = (name for name in draft.services if name != job and not is_job(draft.document, name))
    for service in lasting:
        image = known_images.image_of(draft.document, service)
        if value_of(draft.document, service, "build") is not None:
            draft = built(draft, service, applications.get(service, Application()))
        elif image is None:
            draft = unknown(draft, service)
        elif known_images.serves(draft.document, service, image.kind):
            draft = well_known(draft, service, image)
    return draft


def unknown(draft: Draft, service: str) -> Draft:
    """Return the draft with a remark about a service of which nothing is known."""
    name = value_of(draft.document, service, "image")
    words = (
        f"The image {name} of {service} is not among the well-known ones"
        if name
        else f"What {service} runs is said elsewhere"
    )
    return remarked(draft, f"{words}: its data, its health check and its init process are left as they are.")


def well_known(draft: Draft, service: str, image: Image) -> Draft:
    """Return the draft with the check of a well-known image; one that is there gets what it lacks."""
    check = dict(value_of(draft.document, service, "healthcheck") or {})
    if is_off(check):
        return remarked(draft, f"{service} has its health check switched off, so nothing can wait for it.")
    timing = {"start_period": image.kind.patience, "start_interval": image.kind.pace}
    if check.get("test"):
        wanted = {"test": tcp_test(draft.document, service, check["test"])}
    else:
        fresh = {"timeout": TIMEOUT, "retries": RETRIES[draft.environment]}
        wanted = {"test": image.kind.check(image.server), "interval": INTERVALS[draft.environment], **fresh}
    return with_check(
        draft, service, {**wanted, **timing, **check, **sooner(draft, check), "test": wanted["test"]}
    )


def is_off(check: Mapping[str, Data]) -> bool:
    """Return whether a health check is switched off."""
    return bool(check.get("disable")) or check.get("test") in (["NONE"], "NONE")


def sooner(draft: Draft, check: Mapping[str, Data]) -> dict[str, str]:
    """Return the interval for a check that would let everyone wait for too long.

    Engines before 25 know no start_interval: whoever starts there waits for a whole interval.
    """
    wanted, present = INTERVALS[draft.environment], str(check.get("interval", DEFAULT_INTERVAL))
    if not DURATION.fullmatch(present):
        return {}
    return {"interval": wanted} if seconds(present) > seconds(wanted) else {}


def seconds(duration: str) -> float:
    """Return a duration of Compose in seconds."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)", duration)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def tcp_test(document: Document, service: str, test: Data) -> Data:
    """Return a test that asks over TCP, unless the service says where its clients ask."""
    return test if "PGHOST" in environment(document, service) else over_tcp(test)


def built(draft: Draft, service: str, application: Application) -> Draft:
    """Return the draft with a check of the one port that a built service publishes, if its language can ask it.

    A check that another service would get as well is none for it.
    """
    if value_of(draft.document, service, "healthcheck"):
        return draft
    test = question(draft.document, service, application)
    result = with_check(draft, service, {"test": test, **BUILT}) if test else draft
    return result if test and not reaches_others(draft, result, service) else draft


def question(document: Document, service: str, application: Application) -> list[str] | None:
    """Return the test that asks a built service for its health or, where no route of it is known, for a connection.

    A server that its command gives a certificate speaks HTTPS, whatever a variable says.
    """
    port = port_of(document, service)
    switched = "SSL_ENABLED" in environment(document, service)
    plain = not re.search(r"ssl|tls|cert", " ".join(words(value_of(document, service, "command"))))
    route = application.route if switched or plain else ""
    return runtimes.asks(application.base, port, route, switched=switched) or runtimes.connects(
        application.base, port
    )


def port_of(document: Document, service: str) -> str:
    """Return the container's port of a service that publishes exactly one by TCP, as it is written."""
    ports = [read(item) for item in value_of(document, service, "ports") or []]
    targets = [one.target for one in ports if one.protocol in {"", "tcp"}]
    return targets[0] if len(targets) == 1 and with_defaults(targets[0]).isdecimal() else ""


def reaches_others(before: Draft, after: Draft, service: str) -> bool:
    """Return whether another service than this one has got another health check, too."""
    return any(
        value_of(before.document, name, "healthcheck") != value_of(after.document, name, "healthcheck")
        for name in before.services
        if name != service
    )


def with_check(draft: Draft, service: str, wanted: Mapping[str, Data]) -> Draft:
    """Return the draft where a service has these parts of a health check; parts that are right stay as written."""
    document, path = draft.document, ("services", service, "healthcheck")
    present = value_of(document, service, "healthcheck") or {}
    missing = {key: value for key, value in wanted.items() if present.get(key) != value}
    if not document.get(path):
        document = document.set(path, missing, shared=True) if missing else document
    else:
        for key, value in missing.items():
            document = document.set((*path, key), value, shared=True)
    return declared(draft, document)


def declared(draft: Draft, document: Document) -> Draft:
    """Return the draft with another document, declaring the parts of health checks that have changed."""
    before = draft.document
    for service in draft.services:
        old, new = (value_of(one, service, "healthcheck") or {} for one in (before, document))
        for key in dict.fromkeys((*old, *new)):
            if old.get(key) != new.get(key):
                draft = draft.declare(NAME, ("services", service, "healthcheck", key), reason(key))
    return draft.edited(document)


def reason(key: str) -> str:
    """Return why a part of a health check changes."""
    if key == "test":
        return "the check asks the server itself, over TCP where a first start is not yet to be used"
    return "whoever waits is to know within a moment"


def health_check(applications: Mapping[str, Application] | None = None, *, job: str = "") -> Rule:
    """Return the rule for health checks; `applications` are the built services, of which `job` only ends."""
    return rule(
        NAME,
        "Services have a health check that works in their image and is quick to pass.",
        lambda draft: asked(draft, applications or {}, job),
    )


HEALTH_CHECK = health_check()
