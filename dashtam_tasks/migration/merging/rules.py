"""Which rule merges what, from the top of a Compose file downwards."""

from functools import partial

from dashtam_tasks.migration.document import Document, Path, dotted
from dashtam_tasks.migration.merging import identities, layers, lists, texts
from dashtam_tasks.migration.merging.lists import Merger, appended
from dashtam_tasks.migration.merging.problems import refuse

# A service of a list is one that has been started, and has to be there: compose-spec, 05-services.md, depends_on.
STARTED = {"condition": "service_started", "required": True}
ANY = "*"


def mapping(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with the overlay's keys merged in."""
    for key in overlay.keys(path):
        base = entry(base, overlay, (*path, key))
    return base


def entry(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with what the overlay has at a path merged in."""
    # Compose has ignored the version for long, and warns of it.
    if path == ("version",):
        return base
    if texts.is_reset(overlay, path):
        return without(base, overlay, path)
    if overlay.tag(path) == texts.OVERRIDE:
        return instead(base, overlay, path)
    if is_absent(base, path):
        return new(base, overlay, path)
    result = merger(path)(base, overlay, path)
    return result if result.text == base.text else texts.commented(result, path, overlay, path)


def is_absent(base: Document, path: Path) -> bool:
    """Return whether the base has nothing at a path, or takes it back itself."""
    if not base.has(path):
        return True
    if texts.is_reset(base, path) and layers.extends(base, path):
        refuse(base, path, "what is reset here, in a service that extends another, is set by the overlay")
    return texts.is_reset(base, path)


def new(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with what only the overlay has; a project's name comes first."""
    if path == ("name",):
        comment = texts.uncommented(texts.comment_lines(overlay, path))
        return texts.put(base, path, overlay.get(path), first=True, comment=comment)
    tags = layers.extends(base, path) and any(layers.tagged(overlay, path))
    return texts.adopted(base, path, overlay, path, tags=tags)


def without(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base without what the overlay resets; what an extended service gives is reset by the tag alone."""
    if layers.extends(base, path):
        return texts.adopted(base, path, overlay, path, tags=True)
    return texts.removed(base, path)


def instead(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with what the overlay has in the place of its own."""
    if layers.extends(base, path):
        return texts.adopted(base, path, overlay, path, tags=True)
    if is_absent(base, path):
        return texts.adopted(base, path, overlay, path)
    result = texts.put(base, path, texts.value_of(overlay, path))
    return texts.commented(result, path, overlay, path)


def usual(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with a mapping merged, a list appended, or a scalar replaced; nothing changes nothing."""
    ours, theirs = base.get(path), overlay.get(path)
    if theirs is None:
        return base
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return mapping(base, overlay, path)
    if isinstance(ours, list) and isinstance(theirs, list):
        return appended()(base, overlay, path)
    if isinstance(ours, dict | list):
        reason = f"{dotted(path)} is a {'list' if isinstance(ours, list) else 'mapping'} in the base"
        refuse(overlay, path, f"{reason}, and something else here", hint="Write both in the same form.")
    return replaced(base, overlay, path)


def replaced(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with the overlay's value."""
    return texts.put(base, path, texts.value_of(overlay, path))


def unless_empty(rule: Merger, base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with what a rule makes of it; an empty side has nothing to be merged."""
    if overlay.get(path) is None:
        return base
    return replaced(base, overlay, path) if base.get(path) is None else rule(base, overlay, path)


def build(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with the overlay's build; a text is its context."""
    ours, theirs = base.get(path), overlay.get(path)
    if not isinstance(theirs, dict):
        place = (*path, "context") if isinstance(ours, dict) else path
        return texts.put(base, place, theirs)
    if not isinstance(ours, dict):
        base = texts.put(base, path, {"context": ours})
    return mapping(base, overlay, path)


def logging(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with the overlay's options of the same driver, or with another driver and its options."""
    ours, theirs = base.get((*path, "driver")), overlay.get((*path, "driver"))
    if ours is None and theirs is not None and layers.extends(base, path):
        refuse(overlay, path, "whether this driver is that of the extended service is not known here")
    if ours is None or theirs is None or ours == theirs:
        return mapping(base, overlay, path)
    if "$" in f"{ours}{theirs}":
        refuse(overlay, (*path, "driver"), "whether the driver is the base's depends on a variable")
    return replaced(base, overlay, path)


def ulimit(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with the overlay's limit; one for both is no soft and hard one."""
    both = isinstance(base.get(path), dict) and isinstance(overlay.get(path), dict)
    return (mapping if both else replaced)(base, overlay, path)


PAIRS: Merger = partial(lists.pairs, mapping=mapping)

PAIRED = """
    services.*.environment services.*.labels services.*.annotations services.*.sysctls services.*.deploy.labels
    services.*.build.args services.*.build.labels services.*.build.additional_contexts
    networks.*.labels volumes.*.labels
""".split()
REPLACED = "services.*.command services.*.entrypoint services.*.healthcheck.test".split()
LISTED = "dns dns_opt dns_search tmpfs label_file expose".split()

RULES: dict[str, Merger] = {
    **dict.fromkeys(PAIRED, PAIRS),
    **{f"services.*.{key}": appended() for key in LISTED},
    "services.*.env_file": appended(identities.env_file),
    "services.*.ports": appended(identities.port),
    "services.*.volumes": appended(identities.volume),
    "services.*.devices": appended(identities.device),
    "services.*.secrets": appended(identities.secret),
    "services.*.configs": appended(identities.config),
    "services.*.extra_hosts": lists.hosts,
    "services.*.build.extra_hosts": lists.hosts,
    "services.*.depends_on": partial(lists.names, mapping=mapping, default=STARTED),
    "services.*.networks": partial(lists.names, mapping=mapping, default=None),
    "services.*.models": partial(lists.names, mapping=mapping, default=None),
    "services.*.build": build,
    "services.*.logging": logging,
    "services.*.ulimits.*": ulimit,
    "networks.*.ipam.config": lists.subnets,
}
# Nothing is a value to these: a command that is empty, a variable that is passed through.
EVEN_EMPTY: dict[str, Merger] = dict.fromkeys([*REPLACED, *(f"{key}.*" for key in PAIRED)], replaced)


def merger(path: Path) -> Merger:
    """Return the rule for a place."""
    if rule := found(EVEN_EMPTY, path):
        return rule
    return partial(unless_empty, found(RULES, path) or usual)


def found(table: dict[str, Merger], path: Path) -> Merger | None:
    """Return the rule of a table whose pattern a path fits."""
    for pattern, rule in table.items():
        steps = pattern.split(".")
        if len(steps) == len(path) and all(map(fits, steps, path)):
            return rule
    return None


def fits(wanted: str, step: str | int) -> bool:
    """Return whether a step of a path is as wanted."""
    return wanted in {ANY, step}
