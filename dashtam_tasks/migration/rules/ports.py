"""Published ports: each has a variable and a number of its own, and only this machine reaches it."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import reduce

from dashtam_tasks.migration.document import Document, Path
from dashtam_tasks.migration.merging.texts import RESET
from dashtam_tasks.migration.rules.draft import Draft, Rule
from dashtam_tasks.migration.rules.places import heirs
from dashtam_tasks.migration.rules.port_syntax import Port, Published, ports_of, put, read
from dashtam_tasks.migration.rules.reading import (
    changed,
    editable,
    environment,
    environment_values,
    parent_of,
    remarked,
    rule,
    with_defaults,
    without,
)

PORT_NAME, LOOPBACK_NAME = "port", "loopback"
LOOPBACKS = {4: "127.0.0.1", 6: "[::1]"}

# A number or a range, by itself or as the default of a variable, or of one in another's default.
# A variable, with or without a default that names no other one.
VARIABLE = re.compile(r"\$\{?(?P<name>\w+)(?::?-[^${}]*)?\}?")
NUMBERED = re.compile(r"(?P<before>(?:\$\{\w+:?-)*)(?P<first>\d+)(?:-(?P<last>\d+))?(?P<after>\}*)")


def own_numbers(draft: Draft, taken: Collection[str]) -> Draft:
    """Return the draft with a variable for every host port, moved by the offset; CI publishes nothing."""
    if draft.environment == "ci":
        return unpublished(draft)
    document, result = draft.document, draft
    moves: dict[str, str] = {}
    done = set[Path]()
    for one in (one for service in draft.services for one in ports_of(draft, service)):
        moved = own_number(draft, document, one, taken)
        result = shared(result, one)
        if moved == one.port.published or one.is_declared_in(draft, rule=PORT_NAME, field="published"):
            continue
        result = one.declared_in(result, rule=PORT_NAME, field="published", why=reason(draft))
        moves[one.port.published] = moved
        if document.origin(one.path) not in done:
            done.add(document.origin(one.path))
            document = put(document, one, replace(one.port, published=moved), field="published")
    return followed(result.edited(document), moves)


def followed(draft: Draft, moves: Mapping[str, str]) -> Draft:
    """Return the draft whose environments name host ports as they are now, where they name a variable."""
    before = document = draft.document
    variables = {old: new for old, new in moves.items() if old.startswith("$")}
    for service in draft.services:
        for path, value in environment_values(document, service):
            text = reduce(lambda one, old: one.replace(old, variables[old]), variables, value)
            if text != value:
                document = document.set(editable(document, path), text, shared=True)
            for old in (old for old in moves if old not in variables):
                draft = left_behind(draft, path, value, old)
    return declared_environment(draft.edited(document), before)


def left_behind(draft: Draft, path: Path, value: str, number: str) -> Draft:
    """Return the draft with a remark where an environment's value names a moved host port by its number."""
    if not draft.offset or not re.search(rf"(?:localhost|127\.0\.0\.1):{number}\b", value):
        return draft
    name = value.partition("=")[0] if isinstance(path[-1], int) else path[-1]
    words = (
        f"{path[1]} names host port {number} in {name}; in {draft.environment} that is another environment's."
    )
    return remarked(draft, words)


def declared_environment(draft: Draft, before: Document) -> Draft:
    """Return the draft with the variables declared that have changed in services' environments."""
    for service in draft.services:
        old, new = (environment(one, service) for one in (before, draft.document))
        for name in (name for name in new if old.get(name) != new[name]):
            place = ("services", service, "environment", name)
            draft = draft.declare(PORT_NAME, place, "it names a host port that has moved")
    return draft


def reason(draft: Draft) -> str:
    """Return why a host port changes."""
    words = "it has a variable, so that every copy can have its own"
    return f"{words}, and a number that development does not use" if draft.offset else words


def unpublished(draft: Draft) -> Draft:
    """Return the draft without any published port, those from another file that a service extends included."""
    document, why = draft.document, "a run in CI is asked from inside its own network"
    for service in reversed(draft.services):
        document = without(document, ("services", service, "ports"))
        if parent_of(document, service)[1]:
            document = with_reset(document, ("services", service, "ports"))
            for name in heirs(document, service):
                draft = draft.declare(PORT_NAME, ("services", name, "ports"), why)
    return changed(draft, document, rule=PORT_NAME, keys={"ports": why})


def with_reset(document: Document, path: Path) -> Document:
    """Return the document that takes back at `path` what other files say there.

    https://docs.docker.com/reference/compose-file/merge/#reset-value
    """
    if document.has(path) and document.tag(path) == RESET:
        return document
    document = document.set(path, [], shared=True)
    at = len(document.text) - len(document.tree.text) + document.tree.node(path).content
    return Document(f"{document.text[:at]}{RESET} {document.text[at:]}", document.where)


def own_number(draft: Draft, document: Document, one: Published, taken: Collection[str]) -> str:
    """Return the host port of a service as it is to be written; as it is where nothing can be moved.

    A range keeps no variable: instances count single ports on.
    """
    own = own_variable(draft, one)
    if own:
        return own
    found = NUMBERED.fullmatch(one.port.published)
    if not found or not one.port.is_readable or len(found["after"]) != found["before"].count("{"):
        return one.port.published
    first, last = int(found["first"]), int(found["last"] or found["first"])
    distance = draft.offset * (last - first + 1)
    moved = f"{first + distance}-{last + distance}" if found["last"] else str(first + distance)
    if not found["before"] and not found["last"]:
        return f"${{{variable(document, one, draft, taken)}:-{moved}}}"
    return f"{found['before']}{moved}{found['after']}"


def own_variable(draft: Draft, one: Published) -> str:
    """Return the host port with a variable of this environment's, where it would have development's number.

    Else it is empty. The env file that sets the number is copied, and so would set the same for both.
    """
    found = VARIABLE.fullmatch(one.port.published) if draft.offset else None
    number = draft.shared.get(found["name"], "") if found else ""
    if not found or not number.isdecimal():
        return ""
    return f"${{{draft.environment.upper()}_{found['name']}:-{int(number) + draft.offset}}}"


def variable(document: Document, one: Published, draft: Draft, taken: Collection[str]) -> str:
    """Return a name for a host port's variable that means nothing else: APP_PORT, APP_PORT_9000."""
    alike = [
        other.path
        for other in ports_of(draft, one.service)
        if other.port.published == one.port.published and other.path < one.path
    ]
    if alike:
        return str(re.findall(r"\w+", read(document.get(alike[0])).published)[0])
    used = {*taken, *re.findall(r"\$\{?(\w+)", document.text)}
    return next(name for name in candidates(one) if name not in used)


def candidates(one: Published) -> Iterator[str]:
    """Yield names for a host port's variable, the plainest first."""
    name = re.sub(r"\W", "_", one.service.upper())
    name = f"_{name}" if name[0].isdecimal() else name
    if one.path[-1] == 0:
        yield f"{name}_PORT"
    target = re.sub(r"\W", "_", with_defaults(one.port.target))
    yield f"{name}_PORT_{target}"
    yield f"{name}_PORT_{target}_{(one.port.protocol or 'tcp').upper()}"
    number = 2
    while True:
        yield f"{name}_PORT_{target}_{number}"
        number += 1


def shared(draft: Draft, one: Published) -> Draft:
    """Return the draft with a remark about a host port that another environment, or a copy, has as well."""
    numbered = NUMBERED.fullmatch(one.port.published) if one.port.is_readable else None
    if own_variable(draft, one):
        return draft
    if numbered and numbered["last"] and len(one.keys) > 1:
        words = f"{one.service} publishes {one.port.target} by a range: a second copy has no ports for it."
        return remarked(draft, words)
    if not draft.offset or not one.port.published or numbered:
        return draft
    return remarked(
        draft,
        f"{one.service} publishes {one.port.target} on {one.port.published}, which has no number by default: it "
        f"has to be set for {draft.environment}, to another than development's.",
    )


def on_loopback(draft: Draft) -> Draft:
    """Return the draft with every port published for this machine alone."""
    document, result, done = draft.document, draft, set[Path]()
    for one in (one for service in draft.services for one in ports_of(draft, service)):
        if one.port.is_on_loopback or not one.port.is_readable:
            result = unread(result, one)
            continue
        host_ip = LOOPBACKS[6 if ":" in with_defaults(one.port.host_ip) else 4]
        result = one.declared_in(result, rule=LOOPBACK_NAME, field="host_ip", why=exposure(one.port))
        if document.origin(one.path) not in done:
            done.add(document.origin(one.path))
            document = put(document, one, replace(one.port, host_ip=host_ip), field="host_ip")
    return without_doubles(result.edited(document))


def exposure(port: Port) -> str:
    """Return why a port's address changes."""
    where = f"on {port.host_ip}" if port.host_ip else "on every address of the host"
    return f"other machines reach it {where}"


def unread(draft: Draft, one: Published) -> Draft:
    """Return the draft with a remark about a port whose parts cannot be told apart."""
    if one.port.is_readable:
        return draft
    return remarked(
        draft,
        f"{one.service} publishes {one.port}: its parts are in one variable, so it stays as it is; give it an "
        "address of its own, 127.0.0.1.",
    )


def without_doubles(draft: Draft) -> Draft:
    """Return the draft without ports that have become one, which Compose refuses: `0.0.0.0` beside no address."""
    document, result = draft.document, draft
    for service in draft.services:
        known = ports_of(draft, service)
        first = {str(one.port): one for one in reversed(known)}
        for one in reversed(known):
            if first[str(one.port)] is not one:
                for key in one.keys:
                    place = ("services", service, "ports", key)
                    result = result.declare(
                        LOOPBACK_NAME, place, "on the loopback address it is published already"
                    )
                document = document.remove(document.origin(one.path), shared=True)
    return result.edited(document)


def port(taken: Collection[str] = ()) -> Rule:
    """Return the rule for host ports; `taken` are variables that env files set, for something else than a port."""
    return rule(
        PORT_NAME,
        "Every published port has a variable and, in tests, a number of its own; CI publishes none.",
        lambda draft: own_numbers(draft, taken),
    )


PORT = port()
LOOPBACK = rule(
    LOOPBACK_NAME,
    "Published ports are on the loopback address, where only this machine reaches them.",
    on_loopback,
)
