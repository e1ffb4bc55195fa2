"""Certificates for tests over HTTPS: what nobody can verify gives way to what a local authority has signed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dashtam_tasks import settings
from dashtam_tasks.certificates.checks import AUTHORITY, key_name
from dashtam_tasks.files import PRIVATE, PUBLIC
from dashtam_tasks.migration.operations import Write

if TYPE_CHECKING:
    from dashtam_tasks.certificates.x509 import Identity

NAME = "localhost"
CERTIFICATE = ".pem"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The certificates that the project `name` in `project` is to have: where, which, and for which hosts."""

    project: Path
    name: str
    folder: str
    leaves: Sequence[str]
    hosts: Sequence[str]

    def path(self, name: str) -> Path:
        """Return where a file of the folder is."""
        return self.project / self.folder / f"{name}{CERTIFICATE}"


def are_due(wanted: Wanted) -> bool:
    """Return whether new certificates take nothing away: no client could verify those that are there, if any.

    A certificate without this machine's name is refused by every client (RFC 9525, section 6.3), and one that an
    authority beside it has signed is somebody's own.
    """
    return not wanted.path(AUTHORITY).exists() and not any(
        names_host(wanted.path(one)) for one in wanted.leaves
    )


def names_host(path: Path) -> bool:
    """Return whether there is a certificate that a client can hold to this machine's name."""
    from dashtam_tasks.certificates import x509

    try:
        return not x509.missing_hosts(x509.load_certificate(path.read_bytes()), [NAME])
    except FileNotFoundError:
        return False
    except ValueError:
        # What cannot be read is somebody's own until they say otherwise.
        return True


def writes(wanted: Wanted) -> Iterator[Write]:
    """Yield what makes a new authority, and the certificates that it has signed, with their keys."""
    from dashtam_tasks.certificates import x509

    rules, now = settings.Certificates(), datetime.now(UTC)
    name, hosts = wanted.name, list(wanted.hosts)
    authority = x509.make_authority(project=name, hosts=hosts, days=rules.ca_days, now=now)
    yield from written(wanted, AUTHORITY, authority)
    for leaf in wanted.leaves:
        made = x509.make_leaf(authority, project=name, hosts=hosts, days=rules.leaf_days, now=now)
        yield from written(wanted, leaf, made)


def written(wanted: Wanted, name: str, made: "Identity") -> Iterator[Write]:
    """Yield what writes a certificate and its key."""
    from dashtam_tasks.certificates import x509

    for file, data, mode in (
        (name, x509.certificate_pem(made.certificate), PUBLIC),
        (key_name(name), x509.key_pem(made.key), PRIVATE),
    ):
        path = f"{wanted.folder}/{file}{CERTIFICATE}"
        yield Write(path=path, data=data, mode=mode, rewrites=wanted.path(file).exists())
