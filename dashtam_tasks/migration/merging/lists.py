"""How lists are merged, and what may be written as a list or as a mapping."""

from collections.abc import Callable, Iterator
from functools import partial

from dashtam_tasks.migration.document import Document, Path
from dashtam_tasks.migration.document.nodes import Data
from dashtam_tasks.migration.document.values import same
from dashtam_tasks.migration.merging import texts
from dashtam_tasks.migration.merging.identities import Identity, name, port, surely_differ, whole
from dashtam_tasks.migration.merging.problems import refuse

Merger = Callable[[Document, Document, Path], Document]


def appended(identity: Identity = whole) -> Merger:
    """Return what appends a list to a list, an item of the same identity being replaced."""
    return partial(listed, identity=identity)


def listed(base: Document, overlay: Document, path: Path, *, identity: Identity) -> Document:
    """Return the base with the overlay's items; a single text on either side is a list of one."""
    if isinstance(base.get(path), dict) or isinstance(overlay.get(path), dict):
        refuse(overlay, path, "a list and a mapping cannot be merged here")
    base = as_list(base, path)
    check_repetition(overlay, path, identity)
    for source in sources(overlay, path):
        base = with_item(base, path, texts.value_of(overlay, source), overlay, source, identity=identity)
    return base


def check_repetition(overlay: Document, path: Path, identity: Identity) -> None:
    """Refuse a list that says two things about one: which of them Compose takes depends on the base."""
    known: dict[str, Path] = {}
    for source in sources(overlay, path):
        first = known.setdefault(identity(overlay.get(source)), source)
        if not same(overlay.get(first), overlay.get(source)):
            reason = f"this is said to be something else in line {overlay.line(first)}"
            refuse(overlay, source, reason, hint="Remove one of the two.")


def as_list(base: Document, path: Path) -> Document:
    """Return the base where what is at a path is a list."""
    value = base.get(path)
    return base if isinstance(value, list) else texts.put(base, path, [value])


def sources(overlay: Document, path: Path) -> Iterator[Path]:
    """Yield the places of a list's items, or that of the text that stands for its only one."""
    value = overlay.get(path)
    if not isinstance(value, list):
        yield from () if value is None else (path,)
        return
    for index in range(len(value)):
        if not texts.is_reset(overlay, (*path, index)):
            yield (*path, index)


def with_item(
    base: Document, path: Path, item: Data, overlay: Document, source: Path, *, identity: Identity
) -> Document:
    """Return the base with an item in the place of the one with its identity, or at the end of the list.

    Compose replaces items once variables are known. Where one of those behind might turn out to be the same, the
    item is appended: Compose then finds its place in one file as it would in two.
    """
    items = base.get(path)
    index = max((i for i, one in enumerate(items) if identity(one) == identity(item)), default=None)
    if index is not None and identity is not whole:
        later = items[index + 1 :]
        if not all(surely_differ(item, one, identity) for one in later):
            # Of two ports that are written alike, Compose sees in one file only the first.
            if identity is port:
                refuse(
                    overlay, source, "whether this is a port that the base lists further below is not known"
                )
            index = None
    if index is None:
        return with_new(base, path, item, overlay, source)
    if same(items[index], item) or identity is whole:
        return base
    place = (*path, index)
    return texts.commented(texts.put(base, place, item), place, overlay, source)


def with_new(base: Document, path: Path, item: Data, overlay: Document, source: Path) -> Document:
    """Return the base with an item at the end of a list, as the overlay writes it if it is an item there."""
    end = (*path, len(base.get(path)))
    if isinstance(source[-1], int):
        return texts.adopted(base, end, overlay, source)
    comment = texts.uncommented(texts.comment_lines(overlay, source)) if len(source) > len(path) else ""
    return texts.append(base, path, item, comment=comment)


def pairs(base: Document, overlay: Document, path: Path, *, mapping: Merger) -> Document:
    """Return the base with the overlay's NAME=VALUE, each side being a list or a mapping."""
    ours, theirs = base.get(path), overlay.get(path)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return mapping(base, overlay, path)
    if isinstance(ours, dict):
        return with_entries(base, overlay, path)
    if isinstance(theirs, dict):
        return with_pairs(base, overlay, path)
    return listed(base, overlay, path, identity=name)


def with_entries(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base's mapping with the items of the overlay's list."""
    for source in sources(overlay, path):
        key, sign, value = str(overlay.get(source)).partition("=")
        if "$" in key:
            refuse(overlay, source, "the name is in a variable, and the base has a mapping")
        place = (*path, key)
        comment = texts.uncommented(texts.comment_lines(overlay, source))
        base = texts.put(base, place, value if sign else None, comment=comment)
    return base


def with_pairs(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base's list with the entries of the overlay's mapping."""
    for key, value in texts.value_of(overlay, path).items():
        source = (*path, key)
        if "$" in key:
            refuse(overlay, source, "the base has a list, in which $ in a name means a variable")
        item = key if value is None else f"{key}={shown(overlay, source, value)}"
        base = with_item(base, path, item, overlay, source, identity=name)
    return base


def shown(document: Document, path: Path, value: Data) -> str:
    """Return a scalar as Compose writes it behind the equals sign."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return str(value)
    text = repr(value).removesuffix(".0")
    if not text.lstrip("-").replace(".", "").isdecimal():
        refuse(document, path, f"how Compose writes the number {value} in a list is not known here")
    return text


def names(base: Document, overlay: Document, path: Path, *, mapping: Merger, default: Data) -> Document:
    """Return the base with the overlay's names, each side being a list or a mapping of what is said about them.

    A name in a list stands for `default`, which an overlay's list puts over what the base says.
    """
    ours, theirs = base.get(path), overlay.get(path)
    if isinstance(theirs, list):
        if isinstance(ours, list):
            return listed(base, overlay, path, identity=whole)
        for source in sources(overlay, path):
            base = with_default(base, path, str(overlay.get(source)), default)
        return base
    if isinstance(ours, list):
        base = texts.put(base, path, {str(key): short(default) for key in ours})
    return mapping(base, overlay, path)


def with_default(base: Document, path: Path, key: str, default: Data) -> Document:
    """Return the base's mapping with the default put over what it says about a name."""
    place = (*path, key)
    if base.get(place) is None or default is None:
        return base if base.has(place) else texts.put(base, place, short(default))
    for inner, value in default.items():
        if inner == "condition" or base.has((*place, inner)):
            base = texts.put(base, (*place, inner), value)
    return base


def short(default: Data) -> Data:
    """Return a default without what Compose adds by itself."""
    return default and {"condition": default["condition"]}


def hosts(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with the overlay's hosts; a host that both have has the addresses of both."""
    ours, theirs = base.get(path), overlay.get(path)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in texts.value_of(overlay, path).items():
            known = addresses(ours.get(key, []))
            joined = [*known, *(one for one in addresses(value) if one not in known)]
            base = texts.put(base, (*path, key), joined if len(joined) > 1 else joined[0])
        return base
    if isinstance(ours, dict):
        base = texts.put(
            base, path, [f"{key}={one}" for key, value in ours.items() for one in addresses(value)]
        )
    if not isinstance(theirs, dict):
        return listed(base, overlay, path, identity=whole)
    for key, value in texts.value_of(overlay, path).items():
        for one in addresses(value):
            base = with_item(base, path, f"{key}={one}", overlay, (*path, key), identity=whole)
    return base


def addresses(value: Data) -> list[Data]:
    """Return the addresses of a host."""
    return value if isinstance(value, list) else [value]


def subnets(base: Document, overlay: Document, path: Path) -> Document:
    """Return the base with the overlay's address pools, those of the same subnet being one."""
    for source in sources(overlay, path):
        pool, pools = texts.value_of(overlay, source), base.get(path)
        subnet = str(pool.get("subnet"))
        known = [str(one.get("subnet")) for one in pools]
        if subnet not in known and "$" in "".join([*known, subnet]):
            refuse(overlay, source, "which subnets are the same depends on a variable")
        if subnet not in known:
            base = with_new(base, path, pool, overlay, source)
            continue
        for key, value in pool.items():
            base = texts.put(base, (*path, known.index(subnet), key), value)
    return base
