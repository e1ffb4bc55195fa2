"""Data that tests do not keep: in memory instead of volumes."""

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.document.nodes import Mapping
from dashtam_tasks.migration.rules import known_images
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.known_images import Image
from dashtam_tasks.migration.rules.reading import (
    changed,
    remarked,
    rule,
    value_of,
    volume_source,
    volume_target,
)

NAME = "tmpfs"


def in_memory(draft: Draft) -> Draft:
    """Return the draft whose well-known images keep their data in memory, where tests run."""
    if draft.environment == "dev":
        return draft
    result = draft
    for service in draft.services:
        image = known_images.image_of(draft.document, service)
        if image and known_images.serves(draft.document, service, image.kind):
            result = ephemeral(result, service, image)
    return result


def ephemeral(draft: Draft, service: str, image: Image) -> Draft:
    """Return the draft where one service keeps its data in memory."""
    mounted = [volume_target(item) for item in value_of(draft.document, service, "volumes") or []]
    if not image.kind.data:
        words = f"{service} keeps its data in a volume: whether its image takes a tmpfs is not certain."
        return remarked(draft, words) if mounted else draft
    for folder in known_images.data_folders(image, mounted):
        draft = with_tmpfs(draft, service, folder)
    return draft


def with_tmpfs(draft: Draft, service: str, folder: str) -> Draft:
    """Return the draft with a tmpfs in a folder of a service, in the place of a volume."""
    before = value_of(draft.document, service, "tmpfs") or []
    present = [before] if isinstance(before, str) else before
    if any(str(one).partition(":")[0].rstrip("/") == folder for one in present) or is_tmpfs(
        draft, service, folder
    ):
        return draft
    options = ownership(draft.document, service)
    if options is None:
        user = value_of(draft.document, service, "user")
        return remarked(
            draft, f"{service} runs as {user}, who could not write to a tmpfs in {folder}: it stays on disk."
        )
    own = draft.document.get(("services", service, "tmpfs")) or []
    value = [*([own] if isinstance(own, str) else own), f"{folder}{options}"]
    document = draft.document.set(("services", service, "tmpfs"), value, shared=True)
    result = changed(draft, document, rule=NAME, keys={"tmpfs": "what tests write is not kept"})
    return unmounted(result, service, folder)


def is_tmpfs(draft: Draft, service: str, folder: str) -> bool:
    """Return whether a service mounts a tmpfs in a folder by its volumes."""
    items = value_of(draft.document, service, "volumes") or []
    return any(
        isinstance(item, dict) and item.get("type") == "tmpfs" and volume_target(item) == folder
        for item in items
    )


def ownership(document: Document, service: str) -> str | None:
    """Return the options by which a tmpfs belongs to a service's user, None where that cannot be said.

    A server that starts as root, or in a folder of its own below, needs none.
    """
    user, _, group = str(value_of(document, service, "user") or "").partition(":")
    if not user or user in {"0", "root"}:
        return ""
    if not user.isdecimal() or not (group or user).isdecimal():
        return None
    return f":uid={user},gid={group or user},mode=0700"


def unmounted(draft: Draft, service: str, folder: str) -> Draft:
    """Return the draft where nothing else is mounted in a folder, which Compose refuses beside a tmpfs."""
    document, path = draft.document, ("services", service, "volumes")
    items = document.get(path) or []
    for index, item in reversed(list(enumerate(items))):
        if volume_target(item) == folder:
            document = document.detach(path).remove((*path, index), prune=not merges(document, service))
            why = "a tmpfs is in its place"
            for name in sharing(draft, service, document):
                draft = draft.declare(NAME, ("services", name, "volumes", folder), why)
            draft, document = unused(draft, document, volume_source(item))
            draft = kept(draft, service, volume_source(item), folder)
    return draft.edited(document)


def merges(document: Document, service: str) -> bool:
    """Return whether a service merges others in, whose list comes back where an emptied one goes."""
    node = document.tree.node(("services", service))
    return isinstance(node, Mapping) and any(node.merged)


def sharing(draft: Draft, service: str, document: Document) -> tuple[str, ...]:
    """Return the services whose volumes have changed, those that extend one among them."""
    names = [
        name
        for name in draft.services
        if value_of(draft.document, name, "volumes") != value_of(document, name, "volumes")
    ]
    return tuple(names) or (service,)


def unused(draft: Draft, document: Document, source: str) -> tuple[Draft, Document]:
    """Return both without a volume at the top that no service mounts any more."""
    mounts = [
        volume_source(item)
        for service in draft.services
        for item in document.get(("services", service, "volumes")) or []
    ]
    if source in mounts or not document.has(("volumes", source)) or not document.written(("volumes", source)):
        return draft, document
    draft = draft.declare(NAME, ("volumes", source), "nothing mounts it any more")
    return draft, document.remove(("volumes", source), prune=True)


def kept(draft: Draft, service: str, source: str, folder: str) -> Draft:
    """Return the draft with a remark where a folder of the host was mounted: it may hold prepared data."""
    if not source.startswith((".", "/", "~", "$")):
        return draft
    return remarked(draft, f"{service} mounted {source} in {folder}, where tests now start with no data.")


TMPFS = rule(NAME, "In tests and CI well-known databases keep their data in memory.", in_memory)
