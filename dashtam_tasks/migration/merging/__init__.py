"""Merge an overlay into a Compose file, as `docker compose -f BASE -f OVERLAY` would, by editing the base's text.

What is merged how is compose-spec's 13-merge.md, and where that leaves a choice, what Compose does.
"""

from pathlib import Path as File

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.merging import layers, rules

__all__ = ["merged"]


def merged(base: Document, overlay: Document, *, base_folder: File) -> Document:
    """Return one document that means what the two mean together, standing where the base does.

    The base's bytes stay where the overlay changes nothing. The overlay's own comments come along, above what they
    are about. Its paths stay as written: Compose takes all of them from the first file's folder, `base_folder`.
    Several overlays are merged one after the other.

    Raises DashtamError (DATA), naming file and line, for what no text can say with the same meaning, and for what
    Compose refuses itself: a list over a mapping, for one.
    """
    layers.check(base, overlay, base_folder=base_folder)
    return rules.mapping(base, overlay, ())
