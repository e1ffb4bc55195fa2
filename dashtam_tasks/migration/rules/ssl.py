"""HTTPS in tests: what can speak it runs a second time, over TLS, behind the profile ssl."""

import re
from collections.abc import Callable, Mapping
from functools import reduce

from dashtam_tasks.migration.document import Document, Flow
from dashtam_tasks.migration.document.nodes import Data
from dashtam_tasks.migration.rules.draft import Draft, Rule
from dashtam_tasks.migration.rules.names import INSTANCE
from dashtam_tasks.migration.rules.places import heirs
from dashtam_tasks.migration.rules.port_syntax import read
from dashtam_tasks.migration.rules.reading import (
    environment,
    parent_of,
    remarked,
    rule,
    value_of,
    volume_target,
    with_defaults,
)

NAME, PROFILE, SWITCH = "ssl", "ssl", "SSL_ENABLED"
CERTIFICATES = "../certs"
TRUE = frozenset({"1", "true", "yes", "on"})
# A twin on the same network is not to be taken for the original.
OWN = frozenset({"aliases", "ipv4_address", "ipv6_address", "link_local_ips", "mac_address"})
LEFT_OUT = frozenset({"ports", "profiles", "hostname", "mac_address"})
# A variable's default, where that is all: what the variable may be set to is the original's.
DEFAULT = re.compile(r"\$\{\w+:?-(?P<default>.*)\}", re.DOTALL)


def twinned(draft: Draft, folders: Mapping[str, str]) -> Draft:
    """Return the draft with a twin over HTTPS of each service that has a switch for it.

    `folders` say where a service has its certificates, for those that do not mount them in tests.
    """
    twins = tuple(name for name in draft.services if has_twin(draft, name))
    if not any(SWITCH in environment(draft.document, name) for name in draft.services):
        words = f"No service has {SWITCH} in its environment, so there is nothing to be tested over HTTPS."
        return remarked(draft, words)
    draft = reduce(lambda one, name: mounted(one, name, folders.get(name, "")), twins, draft)
    origin = draft.document
    return reduce(lambda one, name: with_twin(one, origin, name, twins), twins, draft)


def has_twin(draft: Draft, service: str) -> bool:
    """Return whether a service is to have a twin: it can speak HTTPS, does not yet, and has none."""
    said = environment(draft.document, service).get(SWITCH, "true")
    return (
        SWITCH in environment(draft.document, service)
        and str(said).lower() not in TRUE
        and twin_of(service) not in draft.services
        and not draft.document.get(("services", service, "profiles"))
        and not inherits_ports(draft.document, service)
    )


def twin_of(service: str) -> str:
    """Return the name of a service's twin."""
    return f"{service}-{PROFILE}"


def inherits_ports(document: Document, service: str) -> bool:
    """Return whether a service has ports from one that it extends, which a twin would have as well."""
    parent, file = parent_of(document, service)
    return bool(file) or bool(parent and value_of(document, parent, "ports"))


def mounted(draft: Draft, service: str, folder: str) -> Draft:
    """Return the draft where a service mounts its certificates, read-only, if it does not mount any."""
    items = value_of(draft.document, service, "volumes") or []
    if any(source.rstrip("/") == CERTIFICATES for source in map(source_of, items)):
        return draft
    if not folder or any(volume_target(item) == folder for item in items):
        words = (
            f"{service} mounts no certificates, and where it looks for them is not known: mount certs/ there."
        )
        return remarked(draft, words)
    path = ("services", service, "volumes")
    document = draft.document.detach(path) if draft.document.has(path) else draft.document
    for name in heirs(document, service):
        draft = draft.declare(NAME, ("services", name, "volumes", folder), "its certificates are there")
    return draft.edited(document.append(path, f"{CERTIFICATES}:{folder}:ro"))


def source_of(item: Data) -> str:
    """Return what an entry of `volumes` mounts, defaults in their place."""
    return with_defaults(item.get("source", "") if isinstance(item, dict) else str(item).partition(":")[0])


def with_twin(draft: Draft, origin: Document, service: str, twins: tuple[str, ...]) -> Draft:
    """Return the draft with the twin of one service of `origin`."""
    place = ("services", twin_of(service))
    said = {key: styled(origin, ("services", service, key)) for key in origin.keys(("services", service))}
    parts: dict[str, Data] = {"profiles": Flow([PROFILE])}
    parts |= {key: value for key, value in said.items() if key not in LEFT_OUT}
    changes: dict[str, Callable[[Data], Data]] = {
        "container_name": lambda name: f"{str(name).removesuffix(INSTANCE)}-{PROFILE}{INSTANCE}",
        "environment": lambda values: secured(values, origin, twins),
        "depends_on": lambda waits: of_twins(waits, twins),
        "networks": without_own,
        "healthcheck": over_https,
    }
    parts |= {key: change(parts[key]) for key, change in changes.items() if key in parts}
    document = draft.document.set(place, parts, comment=f"The {service} once more, over HTTPS.")
    return draft.declare(NAME, place, f"{service} over HTTPS, which nothing starts by itself").edited(
        document
    )


def styled(document: Document, path: tuple[str, ...]) -> Data:
    """Return what is at a path, a list in flow style as one."""
    value = document.get(path)
    if isinstance(value, dict):
        return {key: styled(document, (*path, key)) for key in value}
    return Flow(value) if isinstance(value, list) and document.raw(path).startswith("[") else value


def secured(values: Data, document: Document, twins: tuple[str, ...]) -> Data:
    """Return an environment that switches HTTPS on and names twins in the place of their originals."""
    if isinstance(values, list):
        pairs = (str(item).partition("=") for item in values)
        return [
            f"{name}=true" if name == SWITCH else f"{name}{equals}{readdressed(text, document, twins)}"
            for name, equals, text in pairs
        ]
    return {
        name: "true"
        if name == SWITCH
        else readdressed(value, document, twins)
        if isinstance(value, str)
        else value
        for name, value in values.items()
    }


def readdressed(text: str, document: Document, twins: tuple[str, ...]) -> str:
    """Return a text that names twins, over HTTPS, where it named their originals or what these publish."""
    found = DEFAULT.fullmatch(text)
    inner = found["default"] if found else text
    result = reduce(lambda one, name: address_of_twin(one, document, name), twins, inner)
    return text if result == inner else result


def address_of_twin(text: str, document: Document, service: str) -> str:
    """Return a text where a service's addresses are those of its twin."""
    for port in map(read, value_of(document, service, "ports") or []):
        twin = f"https://{twin_of(service)}:{with_defaults(port.target)}"
        known = {port.published, with_defaults(port.published)} - {""}
        numbers = "|".join(map(re.escape, sorted(known, reverse=True)))
        if numbers:
            text = re.sub(rf"https?://(?:localhost|127\.0\.0\.1):(?:{numbers})(?!\d)", twin, text)
    return re.sub(rf"https?://{re.escape(service)}(?=[:/]|$)", f"https://{twin_of(service)}", text)


def of_twins(waits: Data, twins: tuple[str, ...]) -> Data:
    """Return what a twin waits for: other twins where its original waits for theirs."""

    def name_of(name: str) -> str:
        return twin_of(name) if name in twins else name

    if isinstance(waits, dict):
        return {name_of(name): how for name, how in waits.items()}
    return [name_of(str(name)) for name in waits]


def without_own(networks: Data) -> Data:
    """Return networks as a twin joins them, without what belongs to its original there."""
    if not isinstance(networks, dict):
        return networks
    return {
        name: {key: one for key, one in (said or {}).items() if key not in OWN} or None
        for name, said in networks.items()
    }


def over_https(check: Data) -> Data:
    """Return a health check whose own requests go over HTTPS, without a look at the certificate."""
    test = check.get("test")
    if isinstance(test, str):
        return {**check, "test": secured_request(test)}
    words = [secured_request(str(word)) for word in test or ()]
    return check if words == test else {**check, "test": type(test)(with_option(words))}


OPTIONS = {"curl": "-k", "wget": "--no-check-certificate"}


def secured_request(text: str) -> str:
    """Return a text whose requests to the machine itself go over HTTPS."""
    secure = re.sub(r"http://(?=localhost|127\.0\.0\.1)", "https://", text)
    if secure == text:
        return text
    return re.sub(r"\b(curl|wget)(?=\s)", lambda found: f"{found[1]} {OPTIONS[found[1]]}", secure)


def with_option(words: list[str]) -> list[str]:
    """Return the words of a test in exec form, with the option by which its program takes any certificate."""
    place = next((place for place, word in enumerate(words) if word in OPTIONS), None)
    return words if place is None else [*words[: place + 1], OPTIONS[words[place]], *words[place + 1 :]]


def ssl(folders: Mapping[str, str]) -> Rule:
    """Return the rule for HTTPS in tests; `folders` say where services have their certificates."""
    return rule(
        NAME,
        "What can speak HTTPS runs once more behind the profile ssl, over HTTPS and with nothing published.",
        lambda draft: twinned(draft, folders),
    )
