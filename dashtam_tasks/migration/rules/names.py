"""Rules about names: no two environments, nor two instances of one, share a container, a network or a volume."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial, reduce

from dashtam_tasks.migration.document import Document, Path
from dashtam_tasks.migration.document.nodes import Data
from dashtam_tasks.migration.planning.equivalence import ANY, Place
from dashtam_tasks.migration.rules.draft import Draft, Rule
from dashtam_tasks.migration.rules.places import (
    declare_all,
    extension_places,
    heirs,
    leaves,
    matches,
    model_places,
    mounts,
    parted,
    remark_at,
    rewritten,
)
from dashtam_tasks.migration.rules.reading import parent_of, with_defaults

INSTANCE = "${INSTANCE_SUFFIX:-}"
# What stands behind a variable's name matters for its value, not for which one it is.
REFERENCE = re.compile(r"\$\{?(\w+)(?:[^{}]*\})?")
PROJECT = re.compile(r"\$\{?COMPOSE_PROJECT_NAME\b")
# What has a name that begins with the project's where the file gives it none.
SECTIONS = ("networks", "volumes", "secrets", "configs")
# Compose makes these by itself.
IMPLIED = {"networks": ("default",)}
# What a service says here are no names of hosts.
NO_HOSTS = frozenset("build container_name env_file image networks volumes".split())


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Networks or volumes: the rule about them, their section, their keys to be, and what follows a new key."""

    rule: str
    section: str
    key_for: Callable[[Draft, str], str]
    follow: Callable[[Draft, str, str], Draft]


def name_project(draft: Draft) -> Draft:
    """Return the draft with the name of the environment's own project, which no other shares."""
    document, name = draft.document, f"{draft.prefix}{INSTANCE}"
    if document.get(("name",)) == name:
        return draft
    why = f"the project is {draft.prefix}, and so begins what Compose names after it"
    draft = declare_all(draft, "project-name", named_after_project(document), why)
    if document.has(("include",)):
        included = ((section, ANY, "name") for section in SECTIONS)
        draft = declare_all(draft, "project-name", included, f"{why}, in included files, too")
        draft = remark_at(draft, ("include",), "names files whose ports and fixed names stay as they are.")
    return draft.edited(document.set(("name",), name, first=True))


def named_after_project(document: Document) -> Iterator[Place]:
    """Yield the places of the resolved model that the project's name is part of."""
    yield ("name",)
    for section in SECTIONS:
        for key in dict.fromkeys((*keys(document, section), *IMPLIED.get(section, ()))):
            value = document.get((section, key)) or {}
            if not is_external(value) and not value.get("name"):
                yield section, key, "name"
    for path, value in leaves(document.data):
        if PROJECT.search(str(value)):
            yield from model_places(document, path)


def name_containers(draft: Draft) -> Draft:
    """Return the draft where each container that has a fixed name has one of this environment and instance."""
    document, texts = draft.document, dict[Path, str]()
    for path, value in matches(document.data, ("services", ANY, "container_name")):
        new = environment_name(draft, str(value))
        if value is not None and new != value:
            texts[path] = new
            places = model_places(document, path)
            draft = declare_all(draft, "container-name", places, f"{value} became {new}")
            draft = told(draft, str(value), f"may mean the container {value}, which is not called that now.")
    for service in draft.services:
        if parent_of(document, service)[1]:
            reason = "leads to another file: a fixed name or a port from there stays as it is."
            draft = remark_at(draft, ("services", service, "extends"), reason)
    return rewritten(draft, texts, rule="container-name", why="a container has the environment in its name")


def told(draft: Draft, name: str, reason: str) -> Draft:
    """Return the draft with a remark wherever services may mean what is not called so any more."""
    return reduce(partial(remark_at, text=reason), mentions(draft.document, name), draft)


def mentions(document: Document, name: str) -> Iterator[Path]:
    """Yield where services may mean what has a name; a service of that name is reached all the same."""
    word = re.compile(rf"(?<![\w.-]){re.escape(plain(name))}(?![\w-])")
    for path, value in leaves(document.data):
        may_be_host = path[0] == "services" and not NO_HOSTS & {*path[2:3]}
        if may_be_host and word.search(plain(str(value))) and name not in document.keys(("services",)):
            yield path


def plain(text: str) -> str:
    """Return a text with its variables by their names alone."""
    return REFERENCE.sub(r"${\1}", text)


def environment_name(draft: Draft, name: str) -> str:
    """Return a name as this environment and this instance have it: `shop-app` is `shop-dev-app` in dev.

    What begins with Compose's variable for the project's name is that already.
    """
    if PROJECT.match(name):
        return name
    name = name.removesuffix(INSTANCE)
    if begins_with(name, draft.prefix) or name.endswith((f"-{draft.environment}", f"_{draft.environment}")):
        return name + INSTANCE
    if begins_with(name, draft.project):
        return draft.prefix + name.removeprefix(draft.project) + INSTANCE
    return f"{name}-{draft.environment}{INSTANCE}"


def begins_with(name: str, word: str) -> bool:
    """Return whether a name begins with a word and goes on."""
    return name.startswith((f"{word}-", f"{word}_"))


def name_all(draft: Draft, kind: Kind) -> Draft:
    """Return the draft with this environment's own networks or volumes; development keeps what others have made."""
    for key in keys(draft.document, kind.section):
        place = (kind.section, key)
        if not is_external(draft.document.get(place)):
            draft = with_key(with_name(draft, kind, key), kind, key)
        elif draft.environment == "dev":
            reason = "is external: development keeps it, shares it and does not remove it"
            draft = remark_at(draft, place, f"{reason}.")
        else:
            draft = with_key(made_own(draft, kind, key), kind, key)
    return draft


def keys(document: Document, section: str) -> tuple[str, ...]:
    """Return the networks, volumes and the like of a section, extension fields aside."""
    return tuple(key for key in document.keys((section,)) if not key.startswith("x-"))


def is_external(value: Data) -> bool:
    """Return whether a network or a volume is somebody else's; older files name it there."""
    external = value.get("external") if isinstance(value, dict) else None
    return bool(external) and external != "false"


def made_own(draft: Draft, kind: Kind, key: str) -> Draft:
    """Return the draft where what was external belongs to the project."""
    document, place = parted(draft.document, kind.section), (kind.section, key)
    own = {name: value for name, value in document.get(place).items() if name not in {"external", "name"}}
    why = f"{key} was external; {draft.environment} has one of its own"
    return draft.declare(kind.rule, place, why).edited(document.set(place, own))


def with_name(draft: Draft, kind: Kind, key: str) -> Draft:
    """Return the draft where a fixed name is one of this environment and instance."""
    place = (kind.section, key, "name")
    name = draft.document.get(place)
    new = environment_name(draft, str(name)) if name else name
    if new == name:
        return draft
    why = f"{name} became {new}"
    if kind.section == "networks":
        draft = told(draft, str(name), f"may mean the network {name}, which is not called that now.")
    return rewritten(draft.declare(kind.rule, place, why), {place: new}, rule=kind.rule, why=why)


def with_key(draft: Draft, kind: Kind, key: str) -> Draft:
    """Return the draft with another key where it has to be another, and with all that refers to it."""
    new = kind.key_for(draft, key)
    if new == key:
        return draft
    why = f"{key} became {new}"
    renamed = draft.edited(draft.document.rename((kind.section, key), new))
    for name in (key, new):
        renamed = renamed.declare(kind.rule, (kind.section, name), why)
    return kind.follow(renamed, key, new)


def network_key(draft: Draft, key: str) -> str:
    """Return the key of a network: the environment stands for the project's name."""
    return draft.environment + key.removeprefix(draft.project) if begins_with(key, draft.project) else key


def volume_key(draft: Draft, key: str) -> str:
    """Return the key of a volume: it begins with the environment, unless a variable may name it."""
    may_be_named = any(key == with_defaults(mount.text) != mount.text for mount in mounts(draft.document))
    is_named_so = key.startswith(f"{draft.environment}_")
    return key if is_named_so or may_be_named else f"{draft.environment}_{key}"


def follow_network(draft: Draft, key: str, new: str) -> Draft:
    """Return the draft whose services join a network by its new key."""
    document, why = draft.document, f"{key} became {new}"
    joined = [path for path, _ in matches(document.data, ("services", ANY, "networks", key))]
    items = matches(document.data, ("services", ANY, "networks", ANY))
    listed = [path for path, name in items if isinstance(path[-1], int) and name == key]
    for path in (*joined, *listed):
        for service in heirs(document, str(path[1])):
            places = [("services", service, "networks", name) for name in (key, new)]
            draft = declare_all(draft, "network", places, why)
    draft = rewritten(draft, dict.fromkeys(listed, new), rule="network", why=why)
    return reduce(lambda one, path: rejoined(one, path, new), joined, draft)


def rejoined(draft: Draft, path: Path, new: str) -> Draft:
    """Return the draft where a service's network has another key, if it has not got that by sharing."""
    if not draft.document.has(path):
        return draft
    origin = draft.document.origin(path)
    draft = declare_all(draft, "network", extension_places(origin[:-1]), f"{path[-1]} became {new}")
    return draft.edited(draft.document.rename(origin, new, shared=True))


def follow_volume(draft: Draft, key: str, new: str) -> Draft:
    """Return the draft whose services mount a volume by its new key."""
    texts: dict[Path, str] = {}
    why = f"{key} became {new}"
    for mount in mounts(draft.document):
        if mount.text == key and mount.kind in {"", "volume"}:
            texts[mount.place] = mount.becoming(new)
            draft = declare_all(draft, "volume", mount.sources(draft.document), why)
    return rewritten(draft, texts, rule="volume", why=why)


NETWORKS = Kind(rule="network", section="networks", key_for=network_key, follow=follow_network)
VOLUMES = Kind(rule="volume", section="volumes", key_for=volume_key, follow=follow_volume)


def name_networks(draft: Draft) -> Draft:
    """Return the draft with networks that no other environment joins."""
    for place, _ in matches(draft.document.data, ("networks", ANY, "ipam", "config", ANY, "subnet")):
        reason = (
            "can belong to one network at a time: two environments that have it do not start side by side"
        )
        draft = remark_at(draft, place, f"{reason}.")
    return name_all(draft, NETWORKS)


def name_volumes(draft: Draft) -> Draft:
    """Return the draft with volumes that no other environment mounts; tests keep none that nobody mounts."""
    document = draft.document
    used = {with_defaults(mount.text) for mount in mounts(document)}
    for key in keys(document, "volumes") if draft.environment != "dev" else ():
        if key not in used:
            document = parted(document, "volumes").remove(("volumes", key), prune=True)
            draft = draft.declare("volume", ("volumes", key), "no service mounts it")
    return name_all(draft.edited(document), VOLUMES)


PROJECT_NAME = Rule(
    name="project-name",
    purpose="Each environment, and each instance of one, is a Compose project of its own.",
    apply=name_project,
)
CONTAINER_NAME = Rule(
    name="container-name",
    purpose="A container with a fixed name has the environment and the instance in it.",
    apply=name_containers,
)
NETWORK = Rule(
    name="network",
    purpose="No two environments share a network that the project makes.",
    apply=name_networks,
)
VOLUME = Rule(
    name="volume",
    purpose="No two environments share a volume that the project makes.",
    apply=name_volumes,
)
