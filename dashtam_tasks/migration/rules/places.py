"""Where things are named in a draft, and how to change them there when aliases and merges share them."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import takewhile

from dashtam_tasks.migration.document import Document, Path, dotted
from dashtam_tasks.migration.document.nodes import MERGE_KEY, Data
from dashtam_tasks.migration.planning.equivalence import ANY, Place
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.reading import colon_separated, parent_of


@dataclass(frozen=True, kw_only=True)
class Named:
    """A path or a volume as a Compose file names it: `text`, from `before` to `after` in the scalar at `place`.

    Of a mount, `target` is where it is in the container, and `kind` its type, empty in the short form.
    """

    place: Path
    text: str
    before: str = ""
    after: str = ""
    target: str = ""
    kind: str = ""

    def becoming(self, text: str) -> str:
        """Return the scalar with another text in the place of this one."""
        return f"{self.before}{text}{self.after}"

    def sources(self, document: Document) -> Iterator[Place]:
        """Yield the places of the resolved model with the source of a mount: its service's, and its heirs'."""
        target = ANY if "$" in self.target else posixpath.normpath(self.target)
        for service in heirs(document, str(self.place[1])):
            yield "services", service, "volumes", target, "source"


def matches(data: Data, pattern: Path, place: Path = ()) -> Iterator[tuple[Path, Data]]:
    """Yield what is at the places of a pattern, in which `*` stands for any one key or item."""
    if not pattern:
        yield place, data
        return
    step, rest = pattern[0], pattern[1:]
    if isinstance(data, dict):
        for key in data if step == ANY else {step} & data.keys():
            yield from matches(data[key], rest, (*place, key))
    elif isinstance(data, list) and step == ANY:
        for index, item in enumerate(data):
            yield from matches(item, rest, (*place, index))


def leaves(data: Data, place: Path = ()) -> Iterator[tuple[Path, Data]]:
    """Yield every scalar that Compose reads, with its place; it does not read extension fields."""
    if isinstance(data, dict):
        for key, value in data.items():
            if not key.startswith("x-"):
                yield from leaves(value, (*place, key))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from leaves(item, (*place, index))
    else:
        yield place, data


def mounts(document: Document) -> Iterator[Named]:
    """Yield the sources of what services mount: folders, files and named volumes."""
    for place, mount in matches(document.data, ("services", ANY, "volumes", ANY)):
        if isinstance(mount, dict):
            if isinstance(mount.get("source"), str):
                target, kind = str(mount.get("target", "")), str(mount.get("type", ""))
                yield Named(place=(*place, "source"), text=mount["source"], target=target, kind=kind)
        # One letter is a drive of Windows to Compose.
        elif len(parts := colon_separated(str(mount))) > 1 and not (
            len(parts[0]) == 1 and parts[0].isalpha()
        ):
            yield Named(place=place, text=parts[0], after=mount[len(parts[0]) :], target=parts[1])


def heirs(document: Document, service: str) -> tuple[str, ...]:
    """Return a service and those of the same file that extend it, directly or not."""
    found = [service]
    for one in found:
        names = document.keys(("services",))
        found += [name for name in names if parent_of(document, name) == (one, "") and name not in found]
    return tuple(found)


def remark_at(draft: Draft, place: Path, text: str) -> Draft:
    """Return the draft with a remark on a place, where it is written; one that it has already is not repeated."""
    document = draft.document
    words = f": {dotted(document.origin(place))} {text}"
    if any(remark.endswith(words) for remark in draft.remarks):
        return draft
    return draft.remark(f"{document.where}:{document.line(place)}{words}")


def model_places(document: Document, path: Path) -> Iterator[Place]:
    """Yield where the resolved model shows a scalar: of a list, the whole; of a service, its heirs', too."""
    steps = named_steps(path)
    for name in heirs(document, steps[1]) if steps[0] == "services" else steps[1:2]:
        yield steps[0], name, *steps[2:]


def rewritten(draft: Draft, texts: Mapping[Path, str], *, rule: str, why: str) -> Draft:
    """Return the draft with other texts; one that aliases or merges share is changed once, where it is written.

    Where others share it and keep it, the two are parted first. What is written in an extension field at the top is
    declared, as the resolved model shows these, too.
    """
    document = draft.document
    changed = {place: text for place, text in texts.items() if document.get(place) != text}
    for place in to_part(document, changed):
        document = document.detach(place)
    for place, text in changed.items():
        origin = document.origin(place)
        # A mapping that is written behind its merge key is changed by what overrides it.
        document = document.set(place if MERGE_KEY in origin else origin, text, shared=True)
        draft = declare_all(draft, rule, extension_places(origin), why)
    return draft.edited(document)


def extension_places(origin: Path) -> Iterator[Place]:
    """Yield where the resolved model shows what is written in an extension field: of a list, the whole."""
    steps = named_steps(origin)
    if steps[0].startswith("x-"):
        yield steps


def named_steps(path: Path) -> Place:
    """Return as much of a path as leads through mappings."""
    return tuple(str(step) for step in takewhile(lambda step: isinstance(step, str), path))


def parted(document: Document, section: str) -> Document:
    """Return the document where nothing at the top of a section is an alias of something else there."""
    return reduce(lambda one, key: one.detach((section, key)), document.keys((section,)), document)


def to_part(document: Document, changed: Mapping[Path, str]) -> Iterator[Path]:
    """Yield the places to write out first, as only some of those that share a text change."""
    sharers: defaultdict[Path, list[Path]] = defaultdict(list)
    for place, _ in leaves(document.data) if changed else ():
        sharers[document.origin(place)].append(place)
    for place in changed:
        origin = document.origin(place)
        keeping = [other for other in sharers[origin] if changed.get(other) != changed[place]]
        yield from keeping if place == origin else [place] if keeping else []


def declare_all(draft: Draft, rule: str, places: Iterable[Place], why: str) -> Draft:
    """Return the draft with changes at several places declared, each once."""
    known = {(one.rule, one.place) for one in draft.declared}
    for place in dict.fromkeys(places):
        if (rule, place) not in known:
            draft = draft.declare(rule, place, why)
    return draft
