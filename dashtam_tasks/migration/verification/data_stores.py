"""Where well-known data stores keep their data: in memory, if they are there for tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dashtam_tasks.migration.rules import known_images
from dashtam_tasks.migration.rules.known_images import Kind
from dashtam_tasks.migration.verification.evidence import looked
from dashtam_tasks.migration.verification.subject import Subject
from dashtam_tasks.migration.verification.ticking import Verdict, holds, not_applicable


def keeps_in_memory(subject: Subject, name: str) -> Verdict:
    """Decide whether every well-known data store of an environment keeps its data in a tmpfs."""
    services = subject.resolved(name)["services"]
    stores = {one: kind for one, service in services.items() if (kind := kind_of(service.get("image", "")))}
    if not stores:
        return not_applicable("No service is a data store that is known.")
    places = {one: tuple(in_memory(services[one])) for one in stores}
    wrong = (
        f"Service {one} does not keep {' or '.join(kind.data)} in a tmpfs."
        for one, kind in stores.items()
        if kind.data and not any(holds_data(place, kind) for place in places[one])
    )
    shown = "\n".join(f"{one}: {' '.join(found) or 'no tmpfs'}" for one, found in places.items())
    return holds(wrong, looked(subject, subject.shown(name), shown))


def kind_of(image: str) -> Kind | None:
    """Return what is known of an image; one that was built here has the well-known name at its end."""
    return known_images.kind_of(image) or known_images.kind_of(image.rpartition("/")[2])


def in_memory(service: dict[str, Any]) -> Iterator[str]:
    """Yield the folders that a resolved service has in memory."""
    tmpfs = service.get("tmpfs") or ()
    yield from (text.partition(":")[0] for text in ([tmpfs] if isinstance(tmpfs, str) else tmpfs))
    yield from (mount["target"] for mount in service.get("volumes") or () if mount["type"] == "tmpfs")


def holds_data(place: str, kind: Kind) -> bool:
    """Return whether the data of a well-known image lie at, above or below a folder."""
    folders = (*kind.data, *kind.alternatives, *(kind.earlier or ())[1:])
    here = Path(place)
    return any(here.is_relative_to(str(one)) or Path(str(one)).is_relative_to(here) for one in folders)
