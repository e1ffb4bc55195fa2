"""Installation: by what command a pipeline gets the very package that the migration was run from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from dashtam_tasks.settings import Command

PACKAGE = "dashtam-tasks"
PIP = ("python", "-m", "pip", "install")
TO_DO = (
    f"CI cannot install {PACKAGE} yet: in invoke.yaml set dashtam.workflow.install to a command that does, "
    "then run inv ci.workflow --force."
)
# sysexits.h: EX_CONFIG.
UNSAID = ("sh", "-c", f"echo '{TO_DO}' >&2; exit 78")


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The command that installs our package, and what a person has to do for one that works elsewhere."""

    command: Command
    remarks: tuple[str, ...] = ()


def read(project: Path) -> Installation:
    """Return how a pipeline installs what is installed here, by its record of origin (PEP 610).

    A path is written only where it is in the project; another exists on this machine alone.
    """
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        return unsaid("it is run from its sources here")
    text = package.read_text("direct_url.json")
    if text is None:
        return Installation(command=(*PIP, f"{PACKAGE}=={package.version}"))
    origin = json.loads(text)
    address = urlsplit(origin["url"])
    if address.scheme != "file":
        if address.query:
            return unsaid("it was installed from a URL with a query, which may hold a secret")
        return Installation(command=(*PIP, f"{PACKAGE} @ {requirement(origin)}"))
    path, folder = Path(unquote(address.path)).resolve(), project.resolve()
    if "vcs_info" in origin or not path.is_relative_to(folder):
        return unsaid("it was installed from a path of this machine")
    # Without the dot, pip would look for a package of that name.
    return Installation(command=(*PIP, f"./{path.relative_to(folder).as_posix()}"))


def unsaid(reason: str) -> Installation:
    """Return a command that fails and says what to do, with that as a remark."""
    told = (
        f"No pipeline can install {PACKAGE} as it is here: {reason}. The workflow fails until "
        "dashtam.workflow.install in invoke.yaml says how, for example by a git URL or a wheel in the project."
    )
    return Installation(command=UNSAID, remarks=(told,))


def requirement(origin: Mapping[str, Any]) -> str:
    """Return the URL by which pip installs the same again, without credentials that it may hold."""
    address = urlsplit(origin["url"])
    user, _, host = address.netloc.rpartition("@")
    # The user of a git server's SSH is no secret.
    netloc = f"git@{host}" if user == "git" else host
    url = urlunsplit((address.scheme, netloc, address.path, "", ""))
    if vcs := origin.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    known = {
        "sha256": (origin.get("archive_info", {}).get("hashes") or {}).get("sha256"),
        "subdirectory": origin.get("subdirectory"),
    }
    fragment = "&".join(f"{name}={value}" for name, value in known.items() if value)
    return f"{url}#{fragment}" if fragment else url
