"""Host ports for an instance: which variables a Compose file publishes them by, and free values for these."""

import re
from collections.abc import Collection, Mapping

from dashtam_tasks import env_files
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.ports import KINDS, HostPort, published

# A copy's ports are the default's plus a multiple of this, so that a person recognises them.
STEP = 100
HIGHEST = 65535
# A port that is free here is free on each of them.
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - nothing listens there

VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)(?::?(?:-(\d+)|\?[^}]*))?\}?")
# A colon inside of braces belongs to a default value.
SEPARATOR = re.compile(r":(?![^{]*\})")


def fixed(model: Model) -> tuple[int, ...]:
    """Return the host ports that a project publishes, those of profiles included."""
    return tuple(sorted({port.number for port in published(model, frozenset(model.services))}))


def allocate(wanted: Mapping[str, int], taken: Collection[int]) -> dict[str, str]:
    """Return free host ports for the variables in `wanted`, as their values, all moved by the same number.

    Raises DashtamError (UNAVAILABLE) when there are none.
    """
    for distance in range(STEP, HIGHEST, STEP):
        chosen = {variable: port + distance for variable, port in wanted.items()}
        if max(chosen.values(), default=0) > HIGHEST:
            break
        if not any(port in taken or is_held(port) for port in chosen.values()):
            return {variable: str(port) for variable, port in chosen.items()}
    raise DashtamError(
        f"No free host ports are left for {', '.join(wanted)}.",
        code=ExitCode.UNAVAILABLE,
        hint="`inv instances` lists who has them; `inv instances.prune` removes those whose folder is gone.",
    )


def is_held(port: int) -> bool:
    """Return whether something on this machine holds the port, in any protocol."""
    return any(
        HostPort(service="", address=EVERY_ADDRESS, number=port, protocol=protocol).taken
        for protocol in KINDS
    )


def variables(compose: Compose) -> dict[str, int]:
    """Return the variables that a Compose file publishes host ports by, with the ports that they mean now.

    Raises DashtamError (CONFIGURATION) as Compose.written_ports does, and for a value that is no port.
    """
    values = {name: value for path in compose.env_files for name, value in env_files.read(path).items()}
    found: dict[str, int] = {}
    for port in compose.written_ports():
        written = VARIABLE.fullmatch(host_part(port))
        if written:
            found[written[1]] = number(written[1], values.get(written[1]) or written[2] or "")
    return found


def number(variable: str, value: str) -> int:
    """Return a variable's value as a port.

    Raises DashtamError (CONFIGURATION) when it is none.
    """
    if not (value.isdecimal() and 0 < int(value) <= HIGHEST):
        raise DashtamError(
            f"{variable} is {value!r}, which is no host port that another instance's could be counted from.",
            code=ExitCode.CONFIGURATION,
            hint="Set it to one number in the env file.",
        )
    return int(value)


def host_part(port: str | Mapping[str, object]) -> str:
    """Return the host port of a published port as it is written, in Compose's short or long syntax.

    https://docs.docker.com/reference/compose-file/services/#ports
    """
    if isinstance(port, Mapping):
        return str(port.get("published", ""))
    parts = SEPARATOR.split(port)
    return parts[-2] if len(parts) > 1 else ""
