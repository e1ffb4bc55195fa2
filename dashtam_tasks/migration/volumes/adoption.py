"""Adoption: development's file uses the old volumes as they are, for data that are too large to copy."""

from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.volumes.planning import PREFIX, legacy_model

RULE = "volume"


def adopted(draft: Draft, found: Legacy) -> Draft:
    """Return development's draft, in whose file each volume that is on the engine is the old one.

    It is external, so that no `down --volumes` removes it.
    """
    model = legacy_model(found)
    present = {one.name for one in found.engine.volumes}
    volumes = model.volumes if model else {}
    for key, volume in volumes.items():
        if volume.name in present and not volume.driver_opts.get("device"):
            draft = with_old(draft, key, volume.name)
    return draft


def with_old(draft: Draft, key: str, name: str) -> Draft:
    """Return the draft where a volume's new key means the volume of an old name."""
    new = next(
        (one for one in (f"{PREFIX}{key}", key) if one in draft.document.keys(("volumes",))),
        "",
    )
    place = ("volumes", new)
    if not new or is_external(draft, place):
        return draft
    why = f"{new} is the volume {name}, which was there before"
    document = draft.document.set(place, {"external": True, "name": name})
    return (
        draft.declare(RULE, place, why)
        .edited(document)
        .remark(
            f"{new} is the old volume {name} itself, and shared by every instance of development: run one at a "
            "time. Nothing but `docker volume rm` removes it."
        )
    )


def is_external(draft: Draft, place: tuple[str, str]) -> bool:
    """Return whether a volume is somebody else's already."""
    value = draft.document.get(place)
    return isinstance(value, dict) and bool(value.get("external"))
