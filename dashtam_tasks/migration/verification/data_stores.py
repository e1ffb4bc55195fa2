"""Where well-known data stores keep their data: in memory, if they are there for tests."""

from collections.abc import Iterator
from typing import Any

from dashtam_tasks.migration.rules import known_images
from dashtam_tasks.migration.verification.evidence import looked
from dashtam_tasks.migration.verification.subject import Subject
from dashtam_tasks.migration.verification.ticking import Verdict, holds, not_applicable


def keeps_in_memory(subject: Subject, name: str) -> Verdict:
    """Decide whether every well-known data store of an environment keeps its data in a tmpfs."""
    services = subject.resolved(name)["services"]
    stores = {
        one: kind
        for one, service in services.items()
        if (kind := known_images.kind_of(service.get("image", "")))
    }
    if not stores:
        return not_applicable("No service is a data store that is known.")
    places = {one: tuple(in_memory(services[one])) for one in stores}
    wrong = (
        f"Service {one} does not keep {' or '.join(kind.data)} in a tmpfs."
        for one, kind in stores.items()
        if kind.data and not any(known_images.holds_data(kind, place) for place in places[one])
    )
    shown = "\n".join(f"{one}: {' '.join(found) or 'no tmpfs'}" for one, found in places.items())
    return holds(wrong, looked(subject, subject.shown(name), shown))


def in_memory(service: dict[str, Any]) -> Iterator[str]:
    """Yield the folders that a resolved service has in memory."""
    tmpfs = service.get("tmpfs") or ()
    yield from (text.partition(":")[0] for text in ([tmpfs] if isinstance(tmpfs, str) else tmpfs))
    yield from (mount["target"] for mount in service.get("volumes") or () if mount["type"] == "tmpfs")
