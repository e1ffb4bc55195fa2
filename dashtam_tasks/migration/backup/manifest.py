"""The manifest of a backup: what was at each path, in a file that tells by itself when it is torn or edited."""

import hashlib
from datetime import datetime
from typing import Literal

import msgspec

from dashtam_tasks.migration.snapshots import Snapshot


class Dump(msgspec.Struct, frozen=True, kw_only=True):
    """A dump in a backup's `dumps/`: its file there, and the volume and the service that the data are from.

    `database` is empty for the server's roles and tablespaces, and `server_version` for a tar archive of what lies
    in a volume. `size` is in bytes, and `objects` is how many
    objects the dump lists.
    """

    name: str
    volume: str
    service: str
    database: str = ""
    size: int
    sha256: str
    objects: int
    server_version: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup holds: `entries` and `hard_links` go by paths as `snapshots.quoted` writes them.

    `hard_links` has the link count of each file that had more names than one. `sha256` is the checksum of all
    the rest.
    """

    version: Literal[1] = 1
    taken: datetime
    reason: str
    entries: dict[str, Snapshot]
    hard_links: dict[str, int]
    dumps: tuple[Dump, ...] = ()
    sha256: str = ""


def encode(manifest: Manifest) -> bytes:
    """Return the one text of a manifest, with its checksum."""
    bare = msgspec.structs.replace(manifest, sha256="")
    checksum = hashlib.sha256(msgspec.json.encode(bare)).hexdigest()
    whole = msgspec.structs.replace(manifest, sha256=checksum)
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def decode(data: bytes) -> Manifest:
    """Return the manifest that a text holds; raise ValueError when the text is not the one that `encode` makes."""
    manifest = msgspec.json.decode(data, type=Manifest)
    if encode(manifest) != data:
        raise ValueError("its checksum is another")
    return manifest
