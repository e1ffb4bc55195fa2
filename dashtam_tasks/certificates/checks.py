"""What is wrong with certificates and keys on disk, and what soon will be."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dashtam_tasks import files
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.settings import Certificates, Settings

# Importing cryptography takes longer than most commands: only what looks into a file does it.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

AUTHORITY = "ca"
RENEW = "Run `inv certs`."
REPLACE = "Move it away, or run `inv certs --force`, which keeps it beside the new one."
# To replace these would lose something that is not ours.
NOT_OURS = frozenset({"foreign", "malformed"})
# These ask for another mode or another user, not for another certificate.
NOT_MENDED_BY_ISSUING = frozenset({"mode", "unreadable"})

Parsed = TypeVar("Parsed")


class Pair(NamedTuple):
    """Where a certificate and its private key lie."""

    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """A pair: its certificate and its key, None where they cannot be had, and what is wrong with them."""

    pair: Pair
    certificate: "Certificate | None"
    key: "PrivateKeyTypes | None"
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What a new certificate mends, and nothing less."""
        return tuple(
            found
            for found in self.findings
            if found.severity is Severity.ERROR and found.kind not in NOT_MENDED_BY_ISSUING
        )

    @property
    def is_ours(self) -> bool:
        """Whether the certificate is one that we issued, and its key one that we can read."""
        return self.certificate is not None and not self.found(NOT_OURS)

    def found(self, kinds: frozenset[str]) -> tuple[Finding, ...]:
        """Return the findings of these kinds."""
        return tuple(found for found in self.findings if found.kind in kinds)


def authority_pair(settings: Settings) -> Pair:
    """Return where the authority lies."""
    folder = settings.path(settings.certificates.directory)
    return Pair(folder / f"{AUTHORITY}.pem", folder / f"{AUTHORITY}_key.pem")


def leaf_pair(settings: Settings, leaf: str) -> Pair:
    """Return where the leaf certificate called `leaf` lies, as settings.Certificates names its files."""
    folder = settings.path(settings.certificates.directory)
    return Pair(folder / f"{leaf}.pem", folder / f"{key_name(leaf)}.pem")


def key_name(certificate: str) -> str:
    """Return what the key of a certificate is called, without `.pem`: `key` for `cert`, `ca_key` for `ca`."""
    return certificate.replace("cert", "key") if "cert" in certificate else f"{certificate}_key"


def inspect(settings: Settings, *, now: datetime) -> tuple[Inspection, list[Inspection]]:
    """Return how the authority and each of the leaf certificates are at the time `now`."""
    rules = settings.certificates
    authority = inspect_authority(authority_pair(settings), rules, now=now)
    leaves = [
        inspect_leaf(leaf_pair(settings, leaf), rules, authority=authority, now=now) for leaf in rules.leaves
    ]
    return authority, leaves


def inspect_authority(pair: Pair, rules: Certificates, *, now: datetime) -> Inspection:
    """Return how the authority is. Without a readable key it still vouches for what it signed before."""
    from dashtam_tasks.certificates import x509

    certificate, key, findings = opened(pair, rules, now=now, key_severity=Severity.WARNING)
    if certificate is not None and x509.is_ours(certificate):
        for host in x509.forbidden_hosts(certificate, rules.hosts):
            findings.append(fault("host", pair.certificate, f"May not vouch for {host}."))
    return Inspection(pair=pair, certificate=certificate, key=key, findings=tuple(findings))


def inspect_leaf(pair: Pair, rules: Certificates, *, authority: Inspection, now: datetime) -> Inspection:
    """Return how a leaf certificate is."""
    from dashtam_tasks.certificates import x509

    certificate, key, findings = opened(pair, rules, now=now, key_severity=Severity.ERROR)
    if certificate is not None and x509.is_ours(certificate):
        for host in x509.missing_hosts(certificate, rules.hosts):
            findings.append(fault("host", pair.certificate, f"Does not name {host}."))
        if authority.certificate is None or not x509.is_issued_by(certificate, authority.certificate):
            message = f"Not signed by {authority.pair.certificate}."
            findings.append(fault("unsigned", pair.certificate, message))
    return Inspection(pair=pair, certificate=certificate, key=key, findings=tuple(findings))


def opened(
    pair: Pair, rules: Certificates, *, now: datetime, key_severity: Severity
) -> "tuple[Certificate | None, PrivateKeyTypes | None, list[Finding]]":
    """Return the certificate and the key of a pair, and what is wrong with either or between them.

    `key_severity` is how much it matters that the key is not there or cannot be read.
    """
    from dashtam_tasks.certificates import x509

    certificate = load(pair.certificate, x509.load_certificate)
    if isinstance(certificate, Finding):
        return None, None, [certificate]
    if not x509.is_ours(certificate):
        message = "Not issued by this project's certificate authority."
        return certificate, None, [fault("foreign", pair.certificate, message, hint=REPLACE)]
    findings = [*date_findings(pair.certificate, certificate, rules, now=now), *mode_findings(pair.key)]
    key = load(pair.key, x509.load_key, severity=key_severity)
    if isinstance(key, Finding):
        return certificate, None, [*findings, key]
    if not x509.belong_together(certificate, key):
        findings.append(fault("mismatch", pair.certificate, f"Not the certificate of {pair.key}."))
    return certificate, key, findings


def load(
    path: Path, parse: Callable[[bytes], Parsed], *, severity: Severity = Severity.ERROR
) -> Parsed | Finding:
    """Return what `parse` makes of the file at `path`, or why it could not."""
    try:
        return parse(path.read_bytes())
    except FileNotFoundError:
        return fault("missing", path, "Missing.", severity=severity)
    except OSError as error:
        message = f"Cannot be read: {os.strerror(error.errno or 0)}."
        hint = "Look at its owner and its mode, or run the command as its owner."
        return fault("unreadable", path, message, hint=hint, severity=severity)
    except ValueError:
        return fault("malformed", path, "No PEM file that can be read without a passphrase.", hint=REPLACE)


def date_findings(
    path: Path, certificate: "Certificate", rules: Certificates, *, now: datetime
) -> Iterator[Finding]:
    """Yield a finding when the certificate is not valid yet, not any more, or not for long."""
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < first:
        yield fault("early", path, f"Not valid before {first:%Y-%m-%d %H:%M} UTC; is the clock right?")
    elif now > last:
        yield fault("expired", path, f"Expired on {last:%Y-%m-%d}.")
    elif now > last - timedelta(days=rules.renew_before_days):
        yield fault("expiring", path, f"Expires on {last:%Y-%m-%d}.")


def mode_findings(key: Path) -> Iterator[Finding]:
    """Yield a finding when others than its owner have access to a private key."""
    if key.is_file() and not files.is_private(key):
        yield fault("mode", key, f"Its mode is {files.mode_of(key):04o}; a private key has 0600.")


def fault(
    kind: str, path: Path, message: str, *, hint: str = RENEW, severity: Severity = Severity.ERROR
) -> Finding:
    """Return a finding about a file."""
    return Finding(kind=kind, where=str(path), message=message, hint=hint, severity=severity)
