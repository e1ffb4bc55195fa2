"""What the engine shows of a Compose project: its containers and their events."""

import json
from typing import Any

PROJECT = "dashtam-dev"


def event(
    action: str, service: str = "app", *, project: str = PROJECT, one_off: str = "False", **attributes: str
) -> str:
    """Return a line of `docker events`."""
    labels = {
        "com.docker.compose.project": project,
        "com.docker.compose.service": service,
        "com.docker.compose.oneoff": one_off,
    }
    actor = {"ID": f"id-{service}", "Attributes": {**labels, **attributes}}
    return json.dumps({"Type": "container", "Action": action, "Actor": actor, "scope": "local"}) + "\n"


def container(
    service: str, status: str, *, project: str = PROJECT, code: int = 0, **state: Any
) -> dict[str, Any]:
    """Return what `docker inspect` shows of a container."""
    return {
        "Id": f"id-{service}",
        "Name": f"/{project}-{service}",
        "State": {"Status": status, "ExitCode": code, "StartedAt": "2026-01-01T00:00:00Z", **state},
        "Config": {"Image": "some:image", "Labels": {"com.docker.compose.service": service}},
        "NetworkSettings": {"Ports": {}},
    }
