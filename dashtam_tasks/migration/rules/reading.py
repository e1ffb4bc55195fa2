"""What a draft's services say, as it is written: Compose has not interpolated or merged anything yet."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

from dashtam_tasks.migration.document import Document, Path
from dashtam_tasks.migration.document.nodes import MERGE_KEY, Data
from dashtam_tasks.migration.planning.equivalence import Place
from dashtam_tasks.migration.rules.draft import Draft, Rule

# The innermost of nested references: https://docs.docker.com/reference/compose-file/interpolation/
REFERENCE = re.compile(r"(?<!\$)\$(?:\{\w+(?::?-(?P<default>[^${}]*))?[^${}]*\}|\w+)")

# With one more of the kind in its default.
BRACED = r"\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}"


def with_defaults(text: object) -> str:
    """Return a text with the default of every variable in its place; one without a default leaves nothing."""
    result, changes = str(text), 1
    while changes:
        result, changes = REFERENCE.subn(lambda found: found["default"] or "", result)
    return result


def colon_separated(text: str) -> list[str]:
    """Return what colons separate; those in braces and brackets belong to a variable or to an IPv6 address."""
    depth, parts = 0, [""]
    for character in text:
        depth += (character in "{[") - (character in "}]")
        if character == ":" and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def words(command: Data) -> list[str]:
    """Return the words of a command or entrypoint in either form, defaults and single dollars in their place."""
    given = command if isinstance(command, list) else with_defaults(command or "")
    return [with_defaults(word).replace("$$", "$") for word in raw_words(given)]


def raw_words(command: Data) -> list[str]:
    """Return the words of a command or entrypoint in either form, as they are written.

    Compose splits a text as a shell does; one that cannot be split has no words.
    """
    if isinstance(command, list):
        return [str(word) for word in command]
    try:
        return shlex.split(str(command or ""))
    except ValueError:
        return []


def environment(document: Document, service: str) -> dict[str, str | None]:
    """Return what a service sets in its environment, as it is written; None for what is passed through."""
    said = value_of(document, service, "environment")
    if isinstance(said, list):
        pairs = (str(item).partition("=") for item in said)
        return {name: value if separator else None for name, separator, value in pairs}
    return {name: None if value is None else plain(value) for name, value in (said or {}).items()}


def environment_values(document: Document, service: str) -> Iterator[tuple[Path, str]]:
    """Yield the paths and the texts of what a service itself sets in its environment, in either form."""
    path: Path = ("services", service, "environment")
    said = document.get(path) or {}
    for step in range(len(said)) if isinstance(said, list) else list(said):
        value = document.get((*path, step))
        if isinstance(value, str):
            yield (*path, step), value


def plain(value: Data) -> str:
    """Return a scalar as Compose turns it into a text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def parent_of(document: Document, service: str) -> tuple[str, str]:
    """Return the service that one extends and the file where that is, both empty when it extends none."""
    said = document.get(("services", service, "extends"))
    if isinstance(said, dict):
        return str(said.get("service", "")), str(said.get("file", ""))
    return str(said or ""), ""


def value_of(document: Document, service: str, key: str) -> Data:
    """Return what a service says, together with what it has from those that it extends in the same file.

    https://docs.docker.com/reference/compose-file/services/#extends
    """
    own = document.get(("services", service, key))
    parent, file = parent_of(document, service)
    if file or parent in {"", service}:
        return own
    inherited = value_of(document, parent, key)
    if isinstance(own, dict) and isinstance(inherited, dict):
        return inherited | own
    if isinstance(own, list) and isinstance(inherited, list):
        return [*inherited, *own]
    return inherited if own is None else own


def editable(document: Document, path: Path) -> Path:
    """Return where to change what is at `path` for all that share it: where it is written.

    What is written behind a merge key itself is overridden instead.
    """
    origin = document.origin(path)
    return path if MERGE_KEY in origin else origin


def without(document: Document, path: Path) -> Document:
    """Return the document without what is at `path`, wherever it is written, so that those who share it follow.

    What has an anchor can go only after its aliases, which follow it in the file.
    """
    while found := document.tree.find(path):
        document = document.remove(path if found.own else document.origin(path), shared=True)
    return document


def changed(draft: Draft, document: Document, *, rule: str, keys: Mapping[str, str]) -> Draft:
    """Return the draft with another document, declaring every service for which one of `keys` has changed.

    `keys` say why; a service may have changed by what it extends or shares.
    """
    before = draft.document
    for service in draft.services:
        for key, why in keys.items():
            if value_of(before, service, key) != value_of(document, service, key):
                draft = draft.declare(rule, ("services", service, key), why)
    return draft.edited(document)


def rule(name: str, purpose: str, apply: Callable[[Draft], Draft]) -> Rule:
    """Return a rule that declares what it changes in shared fragments, which the resolved model shows as well."""
    return Rule(name=name, purpose=purpose, apply=lambda draft: with_fragments(apply(draft), draft, name))


def with_fragments(draft: Draft, before: Draft, rule: str) -> Draft:
    """Return the draft with what a rule has changed in fields that begin with `x-` declared."""
    old, new = before.document.data, draft.document.data
    for key in (key for key in old if key.startswith("x-")):
        for place in differing(old[key], new.get(key), (key,)):
            draft = draft.declare(rule, place, "services have this part from here")
    return draft


def differing(old: Data, new: Data, place: Place) -> Iterator[Place]:
    """Yield the places in which two values differ, as deep as both are mappings."""
    if isinstance(old, dict) and isinstance(new, dict) and old and new:
        for key in dict.fromkeys((*old, *new)):
            yield from differing(old.get(key), new.get(key), (*place, key))
    elif old != new:
        yield place


def remarked(draft: Draft, text: str) -> Draft:
    """Return the draft with a remark that it may have already."""
    return draft if text in draft.remarks else draft.remark(text)


def volume_target(item: Data) -> str:
    """Return where an entry of `volumes` is mounted, in short syntax `[SOURCE:]TARGET[:MODE]` or long."""
    if isinstance(item, dict):
        return with_defaults(item.get("target", "")).rstrip("/")
    parts = colon_separated(str(item))
    return with_defaults(parts[1] if len(parts) > 1 else parts[0]).rstrip("/")


def volume_source(item: Data) -> str:
    """Return what an entry of `volumes` mounts, as it is written; nothing for an anonymous volume."""
    if isinstance(item, dict):
        return str(item.get("source", ""))
    parts = colon_separated(str(item))
    return parts[0] if len(parts) > 1 else ""


def option(arguments: Sequence[str], name: str) -> str:
    """Return the value of `--name VALUE` or `--name=VALUE`, in a script too; nothing where there is none."""
    words_after = rf"(?:^|[\s'\"]){re.escape(name)}(?:=|\s+)['\"]?"
    found = re.search(rf"{words_after}(?P<value>(?:{BRACED}|[^\s'\"])+)", " ".join(arguments))
    return found["value"] if found else ""
