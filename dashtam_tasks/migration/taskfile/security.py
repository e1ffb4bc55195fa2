"""Security: which certificates a project has, and which of its published ports can be asked whether they answer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dashtam_tasks import settings
from dashtam_tasks.compose import Service
from dashtam_tasks.migration.planning import local_certificates
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.planning.local_certificates import Wanted

FOLDER_NAMES = re.compile(r"certs?|certificates?|ssl|tls|pki", re.IGNORECASE)
URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?[^\s'\"|;&)]*")
SWITCH = "SSL_ENABLED"
ON = frozenset({"1", "true", "yes", "on"})
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What invoke.yaml says of certificates, and whether those that the app has can be checked.

    `due` are those that step 2.1 makes, None where it makes none.
    """

    certificates: dict[str, Any] = field(default_factory=dict)
    is_ours: bool = False
    remarks: tuple[str, ...] = ()
    due: Wanted | None = None


def read(blueprint: Blueprint) -> Trust:
    """Return what certificates a project has: none, some that are still to come, or some of its own."""
    folder = next(mounted_folders(blueprint), "")
    if not folder:
        return Trust(certificates={"leaves": []})
    present = sorted(
        path.stem for path in (blueprint.found.folder / folder).glob("*.pem") if "key" not in path.stem
    )
    leaves = [name for name in present if name != "ca"]
    hosts = [*settings.Certificates().hosts[:3], *secure_services(blueprint)]
    chosen = {"directory": folder, "hosts": hosts, "leaves": leaves or list(settings.Certificates().leaves)}
    every = list(dict.fromkeys((*settings.Certificates().leaves, *leaves)))
    due = wanted(blueprint, folder, every, hosts)
    foreign = [name for name in leaves if not is_ours(blueprint.found.folder / folder / f"{name}.pem")]
    if not foreign:
        return Trust(certificates=chosen, is_ours=True, due=due if own_secure_services(blueprint) else None)
    names = ", ".join(f"{folder}/{name}.pem" for name in foreign)
    told = (
        f"{names}: no local authority has signed it, so that nothing is asked over HTTPS whether it answers. "
    )
    if own_secure_services(blueprint):
        chosen["leaves"] = every
        if due:
            return Trust(certificates=chosen, due=due)
        told += "Tests over HTTPS need one that is: `inv certs --force`, which keeps the old one beside it."
        return Trust(certificates=chosen, remarks=(told,))
    told += "For one that is, name it in dashtam.certificates.leaves and run `inv certs --force`."
    return Trust(certificates=chosen | {"leaves": []}, remarks=(told,))


def wanted(blueprint: Blueprint, folder: str, leaves: list[str], hosts: list[str]) -> Wanted | None:
    """Return the certificates that are to be made, None where those that are there are somebody's own."""
    made = Wanted(
        project=blueprint.found.folder,
        name=blueprint.facts.project,
        folder=folder,
        leaves=leaves,
        hosts=hosts,
    )
    return made if local_certificates.are_due(made) else None


def mounted_folders(blueprint: Blueprint) -> Iterator[str]:
    """Yield the folders of the project that services mount and that are called as those of certificates are."""
    folder = blueprint.found.folder
    for one in blueprint.found.resolutions:
        for service in one.model.services.values() if one.model else ():
            for mount in service.volumes:
                path = Path(mount.source)
                inside = mount.type == "bind" and path.is_relative_to(folder) and path != folder
                if inside and FOLDER_NAMES.fullmatch(path.name) and not path.is_file():
                    yield path.relative_to(folder).as_posix()


def secure_services(blueprint: Blueprint) -> list[str]:
    """Return the services that are there to speak HTTPS with each other, those of our defaults where none is."""
    return own_secure_services(blueprint) or list(settings.Certificates().hosts[3:])


def own_secure_services(blueprint: Blueprint) -> list[str]:
    """Return the services that tests reach over HTTPS."""
    own = [one for model in blueprint.models.values() for one in model.services if one.endswith("-ssl")]
    return list(dict.fromkeys(own))


def is_ours(path: Path) -> bool:
    """Return whether a certificate is one that our tasks made."""
    from dashtam_tasks.certificates import x509

    try:
        return x509.is_ours(x509.load_certificate(path.read_bytes()))
    except (OSError, ValueError):
        return False


def probes(blueprint: Blueprint, trust: Trust) -> list[dict[str, Any]]:
    """Return what must answer before development is ready: the addresses that health checks ask inside.

    One whose certificate nobody could check is left out: its health check speaks for it.
    """
    services = blueprint.models["dev"].services
    found = (
        (name, service, probe) for name, service in services.items() for probe in probe_of(name, service)
    )
    return [probe for _, service, probe in found if is_certain(service, probe, trust=trust)]


def is_certain(service: Service, probe: dict[str, Any], *, trust: Trust) -> bool:
    """Return whether an address answers with a certificate that is checked, or without one."""
    switched = (service.environment.get(SWITCH) or "").lower() in ON
    secure = probe["scheme"] == "https" or (probe["scheme"].startswith("$") and switched)
    return trust.is_ours or not secure


def probe_of(name: str, service: Service) -> Iterator[dict[str, Any]]:
    """Yield the probe of a service whose health check asks a port that is published."""
    published = {one.target for one in service.ports if one.protocol == "tcp"}
    for scheme, port, path in asked(service.healthcheck or {}):
        if port in published:
            chosen = f"${SWITCH}" if SWITCH in service.environment else scheme
            yield {"service": name, "port": port, "scheme": chosen, "path": path}
            return


def asked(healthcheck: dict[str, Any]) -> Iterator[tuple[str, int, str]]:
    """Yield what a health check asks over HTTP: scheme, port and path.

    That is a URL, or a port with a route behind it, as the rule for health checks writes them.
    """
    test = healthcheck.get("test") or ""
    words = [str(one) for one in (test if isinstance(test, list | tuple) else [test])]
    for found in URL.findall(" ".join(words)):
        address = urlsplit(found)
        if "$" not in found:
            yield address.scheme, address.port or DEFAULT_PORTS[address.scheme], address.path or "/"
    for port, route in pairwise(words):
        # What answers at / is often another page than one that says 2xx.
        if port.isdecimal() and re.fullmatch(r"/[\w/.-]+", route):
            yield "http", int(port), route
