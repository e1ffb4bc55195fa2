"""Names of instances: which are possible, and which one a folder has by itself."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from dashtam_tasks.errors import DashtamError, ExitCode

# Compose files end their names in this variable.
SUFFIX = "INSTANCE_SUFFIX"

NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?")
# A submodule of a linked worktree is in that worktree.
LINKED_WORKTREE = re.compile(r"gitdir: .*/worktrees/([^/\n]+)(?:/modules/.+)?\n?")


def require_possible(name: str) -> str:
    """Return `name` if an instance can have it; an empty one means the default instance.

    Raises DashtamError (USAGE) for what cannot be a part of a container's name, or is too long for one.
    """
    if name and not NAME.fullmatch(name):
        raise DashtamError(
            f"{name!r} cannot be the name of an instance.",
            code=ExitCode.USAGE,
            hint="Use at most 40 lower-case letters, digits, - and _, with a letter or a digit at both ends.",
        )
    return name


def own(folder: Path) -> str:
    """Return the name of the instance that a folder has by itself: that of its linked git worktree, or none.

    Git gives each linked worktree of a repository a name (gitrepository-layout(5), `worktrees`).
    """
    here = folder.resolve()
    for marker in (one / ".git" for one in (here, *here.parents)):
        if marker.exists():
            entry = marker.read_text(encoding="utf-8") if marker.is_file() else ""
            linked = LINKED_WORKTREE.fullmatch(entry)
            return alike(linked[1]) if linked else ""
    return ""


def alike(text: str) -> str:
    """Return `text` if it can be an instance's name, else something like it, with a digest that tells it apart."""
    if NAME.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    readable = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:30].rstrip("-")
    return f"{readable}-{digest}" if readable else digest


def variables(name: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the variable that gives an instance its names; `values` are those of its env files."""
    return {SUFFIX: f"{values.get(SUFFIX, '')}-{name}"} if name else {}
