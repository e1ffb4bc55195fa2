"""What tells the items of a list apart, so that an overlay's item takes the place of the base's.

compose-spec, 13-merge.md, "Unique resources". Compose compares after interpolation, which a text cannot know.
"""

import json
import posixpath
import re
from collections.abc import Callable
from typing import TypeAlias

from dashtam_tasks.migration.document.nodes import Data

Identity: TypeAlias = Callable[[Data], str]

# A colon in ${NAME:-default} separates nothing.
COLON = re.compile(r":(?![^{]*\})")
PORT_KEYS = ("host_ip", "target", "published", "protocol")


def whole(item: Data) -> str:
    """Return what stands for all of an item; Compose reads 80 and "80" alike."""
    return json.dumps(item, sort_keys=True) if isinstance(item, dict | list) else str(item)


def name(item: Data) -> str:
    """Return the name in NAME=VALUE."""
    return str(item).partition("=")[0]


def env_file(item: Data) -> str:
    """Return the path of an env file in the short or the long form."""
    return str(item.get("path")) if isinstance(item, dict) else str(item)


def port(item: Data) -> str:
    """Return what is published where; a short form stands for itself."""
    if not isinstance(item, dict):
        return str(item)
    return json.dumps([item.get(key) for key in PORT_KEYS])


def volume(item: Data) -> str:
    """Return where in the container a volume is mounted."""
    if isinstance(item, dict):
        return posixpath.normpath(str(item.get("target")))
    parts = COLON.split(str(item))
    # Compose takes a single letter in front for a Windows drive, and the whole for the target.
    if len(parts) == 1 or len(parts[0]) == 1:
        return str(item)
    return posixpath.normpath(parts[1])


def device(item: Data) -> str:
    """Return what a device is called in the container."""
    if isinstance(item, dict):
        return str(item.get("target") or item.get("source"))
    return COLON.split(str(item))[:2][-1]


def secret(item: Data) -> str:
    """Return where a secret is mounted."""
    return granted(item, "/run/secrets/")


def config(item: Data) -> str:
    """Return where a config is mounted."""
    return granted(item, "/")


def granted(item: Data, folder: str) -> str:
    """Return the target of a grant in the short or the long form, in `folder` where it names none."""
    if not isinstance(item, dict):
        return f"{folder}{item}"
    return str(item.get("target") or f"{folder}{item.get('source')}")


def surely_differ(one: Data, other: Data, identity: Identity) -> bool:
    """Return whether two items are different ones whatever variables are."""
    if identity is port and all(target.isdecimal() for target in (port_inside(one), port_inside(other))):
        if port_inside(one) != port_inside(other):
            return True
        if isinstance(one, dict) != isinstance(other, dict):
            return False
    keys = identity(one), identity(other)
    return keys[0] != keys[1] and "$" not in "".join(keys)


def port_inside(item: Data) -> str:
    """Return the port in the container, as it is written."""
    if isinstance(item, dict):
        return str(item.get("target"))
    return COLON.split(str(item))[-1].partition("/")[0]
