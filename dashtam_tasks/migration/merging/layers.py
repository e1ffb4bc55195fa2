"""What stands below a file: services that it extends, and files that it includes.

Compose resolves both within one file before it merges the next one over it.
"""

from collections.abc import Iterator
from pathlib import Path as File

from dashtam_tasks.migration.document import Document, Path
from dashtam_tasks.migration.document.nodes import Data
from dashtam_tasks.migration.merging.problems import refuse
from dashtam_tasks.migration.merging.texts import OVERRIDE, RESET

SERVICES = "services"
SECTIONS = (SERVICES, "networks", "volumes", "secrets", "configs", "models")


def check(base: Document, overlay: Document, *, base_folder: File) -> None:
    """Refuse an overlay whose changes would reach, in one file, what they do not reach from a second one."""
    for name in overlay.keys((SERVICES,)):
        check_extension(base, overlay, name)
    for name in base.keys((SERVICES,)):
        extended = local_extension(base, name)
        if extended and overlay.get((SERVICES, extended)) is not None:
            reason = f"the overlay changes {extended}, which {name} extends as it is without the overlay"
            refuse(base, (SERVICES, name, "extends"), reason)
    check_includes(base, overlay, base_folder)


def check_extension(base: Document, overlay: Document, name: str) -> None:
    """Refuse `extends` in a service of the overlay when the base has a say in the result."""
    place = (SERVICES, name, "extends")
    if not overlay.has(place) or overlay.tag(place[:-1]) == RESET:
        return
    if base.has(place[:-1]) and overlay.tag(place[:-1]) != OVERRIDE:
        refuse(
            overlay, place, f"{name} is in the base too, and what it extends here would come below the base"
        )
    extended = local_extension(overlay, name)
    if extended and base.has((SERVICES, extended)):
        refuse(overlay, place, f"{name} extends the overlay's {extended} alone, and the base has one too")


def check_includes(base: Document, overlay: Document, folder: File) -> None:
    """Refuse what is included when its order, or a tag of the overlay, makes a difference to it."""
    own = set(resources(base))
    for path in set(included(overlay, folder)) & own:
        refuse(overlay, ("include",), f"it includes {'.'.join(path)}, which the base has too")
    below = set(included(base, folder))
    for path in resources(overlay):
        if path in below and any(tagged(overlay, path)):
            refuse(overlay, path, f"a tag here is about {'.'.join(path)} of a file that the base includes")


def resources(document: Document) -> Iterator[tuple[str, str]]:
    """Yield the services, networks, volumes and the like of a document, each with its section."""
    for section in SECTIONS:
        yield from ((section, name) for name in document.keys((section,)))


def included(document: Document, folder: File) -> Iterator[tuple[str, str]]:
    """Yield the resources of all files that a document in `folder` includes.

    Raises DashtamError (DATA) when such a file cannot be read, or its name holds a variable.
    """
    for index, item in enumerate(document.get(("include",)) or []):
        for name in names_of(item):
            if "$" in name:
                refuse(document, ("include", index), f"which file {name} is depends on a variable")
            file = folder / name
            inner = Document.read(file)
            yield from resources(inner)
            yield from included(inner, file.parent)


def names_of(item: Data) -> list[str]:
    """Return the files that an item of `include` names."""
    paths = item.get("path") if isinstance(item, dict) else item
    return [str(path) for path in (paths if isinstance(paths, list) else [paths])]


def tagged(document: Document, path: Path) -> Iterator[Path]:
    """Yield the places at a path and below it that are tagged !reset or !override."""
    if document.tag(path) in {RESET, OVERRIDE}:
        yield path
    data = document.get(path)
    steps: list[str | int] = list(data) if isinstance(data, dict) else []
    for step in steps:
        yield from tagged(document, (*path, step))


def extends(document: Document, path: Path) -> bool:
    """Return whether a place is inside of a service that extends another."""
    service, inner = path[:2], path[2:]
    return bool(inner) and service[0] == SERVICES and document.has((*service, "extends"))


def local_extension(document: Document, name: str) -> str:
    """Return the service of the same file that one extends; nothing where there is none."""
    value = document.get((SERVICES, name, "extends"))
    if isinstance(value, dict):
        return "" if value.get("file") else str(value.get("service") or "")
    return str(value or "")
