"""The local certificate authority and the leaf certificates that it issues: `inv certs`.

A certificate is written before its key. What a kill between the two leaves is a certificate of ours without its
key, which the next run replaces.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dashtam_tasks import files
from dashtam_tasks.certificates.checks import (
    AUTHORITY,
    NOT_OURS,
    REPLACE,
    Inspection,
    Pair,
    authority_pair,
    inspect,
    leaf_pair,
)
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.ownership import User, owner_for
from dashtam_tasks.settings import Certificates, Settings

if TYPE_CHECKING:
    from dashtam_tasks.certificates.x509 import Identity

# CA/Browser Forum, Baseline Requirements 6.3.2: the most that a public authority may ever have issued.
LONGEST_LEAF_DAYS = 398


@dataclass(frozen=True, kw_only=True)
class Made:
    """A file that was made or mended, why, and where what it replaced is kept, if that was not ours."""

    path: Path
    reason: str
    kept: tuple[Path, ...] = ()


def ensure(
    settings: Settings, *, user: User, force: bool = False, now: datetime | None = None
) -> tuple[Made, ...]:
    """Make or renew what is missing, wrong or about to expire, and return it; what is valid is not touched.

    Where there are no leaves, there is nothing to make: not the authority either.
    `force` renews every leaf, and replaces certificates that are not ours, which are kept beside the new ones.
    A valid authority stays even then, since people trust it: to change it, remove its two files. `user` is who
    must read the leaves' keys. Raises DashtamError: CONFIGURATION for settings that cannot be met, DATA for a
    file that is not ours, IO for one that cannot be read, CANNOT_CREATE for one that cannot be written.
    """
    refuse_impossible(settings.certificates)
    if not settings.certificates.leaves:
        return ()
    now = now or datetime.now(UTC)
    folder = settings.path(settings.certificates.directory)
    make_folder(folder)
    with files.locked(folder):
        authority, leaves = inspect(settings, now=now)
        refuse_unreadable(authority, *leaves)
        if not force:
            refuse_foreign(authority, *leaves)
        due = [leaf for leaf in leaves if force or leaf.faults]
        issued: tuple[Made, ...] = ()
        if due or authority.faults:
            issued = tuple(issue(settings, authority, leaves, due, owner=owner_for(user), now=now))
        return (*issued, *mend_keys(settings, owner=owner_for(user)))


def check(settings: Settings, *, now: datetime | None = None) -> tuple[Finding, ...]:
    """Return what is wrong with the authority and the leaf certificates, and what soon will be.

    A project without leaves needs no authority either, and there is nothing to look at.
    """
    if not settings.certificates.leaves:
        return ()
    authority, leaves = inspect(settings, now=now or datetime.now(UTC))
    return tuple(found for one in (authority, *leaves) for found in one.findings)


def trust_hint(settings: Settings) -> str:
    """Return how to make curl, the system and browsers trust the authority."""
    authority = authority_pair(settings).certificate
    hosts = ", ".join(settings.certificates.hosts)
    store = f"/usr/local/share/ca-certificates/{settings.project}.crt"
    return f"""\
Trust {authority}, and the app opens without a warning; `inv status` shows its URL.
It can only vouch for {hosts}.
  curl            curl --cacert {authority} URL
  Debian, Ubuntu  sudo cp {authority} {store} && sudo update-ca-certificates
  macOS           security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db {authority}
  Chrome (Linux)  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n "{settings.project} local CA" -i {authority}
  Firefox         Settings, Privacy & Security, View Certificates, Authorities, Import"""


def refuse_impossible(rules: Certificates) -> None:
    """Raise DashtamError (CONFIGURATION) for settings that no certificate can meet."""
    for problem in impossible(rules):
        raise DashtamError(
            f"dashtam.certificates.{problem}.",
            code=ExitCode.CONFIGURATION,
            hint="The settings and their types are in docs/settings.md.",
        )


def impossible(rules: Certificates) -> Iterator[str]:
    """Yield each setting that cannot be met, with the reason."""
    if rules.leaf_days > LONGEST_LEAF_DAYS:
        yield f"leaf_days: {rules.leaf_days} is more than {LONGEST_LEAF_DAYS}, which browsers may refuse"
    if rules.renew_before_days >= min(rules.leaf_days, rules.ca_days):
        yield f"renew_before_days: {rules.renew_before_days} must be less than leaf_days and ca_days"
    if AUTHORITY in rules.leaves:
        yield f"leaves: {AUTHORITY} is the authority's own name"
    if not rules.hosts:
        yield "hosts: at least one is needed"
    for host in rules.hosts:
        if not host.isascii() or not host.strip():
            yield f"hosts: {host!r} is no IP address and no ASCII name (write other names in punycode)"


def make_folder(folder: Path) -> None:
    """Make the folder of certificates, which the container's user may enter whatever the umask is."""
    if not folder.exists():
        with files.explaining(folder):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)


def refuse_unreadable(*inspections: Inspection) -> None:
    """Raise DashtamError (IO) for a file that must be read and cannot be."""
    for found in findings_of({"unreadable"}, inspections):
        if found.severity is Severity.ERROR:
            raise DashtamError(f"{found.where}: {found.message}", code=ExitCode.IO, hint=found.hint)


def refuse_foreign(*inspections: Inspection) -> None:
    """Raise DashtamError (DATA) for a file that is not ours to replace."""
    for found in findings_of(NOT_OURS, inspections):
        raise DashtamError(f"{found.where}: {found.message}", code=ExitCode.DATA, hint=REPLACE)


def findings_of(kinds: Iterable[str], inspections: Iterable[Inspection]) -> Iterator[Finding]:
    """Yield the findings of these kinds in all of `inspections`."""
    for one in inspections:
        yield from one.found(frozenset(kinds))


def issue(
    settings: Settings,
    authority: Inspection,
    leaves: list[Inspection],
    due: list[Inspection],
    *,
    owner: User | None,
    now: datetime,
) -> Iterator[Made]:
    """Issue the leaves that are `due`, or all of them where the authority itself must be a new one."""
    from dashtam_tasks.certificates import x509

    rules = settings.certificates
    hosts = list(dict.fromkeys(rules.hosts))
    signer, reason = signing(authority), "renewal was forced"
    if signer is None:
        signer = x509.make_authority(project=settings.project, hosts=hosts, days=rules.ca_days, now=now)
        yield store(authority, signer, reason="its key is missing", owner=None)
        due, reason = leaves, "the authority is a new one"
    for leaf in due:
        identity = x509.make_leaf(
            signer, project=settings.project, hosts=hosts, days=rules.leaf_days, now=now
        )
        yield store(leaf, identity, reason=reason, owner=owner)


def signing(authority: Inspection) -> "Identity | None":
    """Return the authority if it can sign, None if a new one is needed.

    Raises DashtamError (IO) when its key is there for another user only: a new one would be distrusted needlessly.
    """
    from dashtam_tasks.certificates import x509

    if authority.faults or authority.certificate is None:
        return None
    for found in authority.found(frozenset({"unreadable"})):
        raise DashtamError(f"{found.where}: {found.message}", code=ExitCode.IO, hint=found.hint)
    return x509.identity(authority.certificate, authority.key)


def store(replaced: Inspection, identity: "Identity", *, reason: str, owner: User | None) -> Made:
    """Write a certificate and its key, keeping beside them what they replace if that is not ours.

    `reason` is for a certificate that has no fault of its own.
    """
    from dashtam_tasks.certificates import x509

    pair = replaced.pair
    kept = () if replaced.is_ours else tuple(keep_copies(pair))
    certificate, key = x509.certificate_pem(identity.certificate), x509.key_pem(identity.key)
    files.write_atomically(pair.certificate, certificate, mode=files.PUBLIC)
    files.write_atomically(pair.key, key, mode=files.PRIVATE, owner=owner)
    for found in replaced.faults[:1]:
        reason = found.message[0].lower() + found.message[1:].rstrip(".")
    return Made(path=pair.certificate, reason=reason, kept=kept)


def keep_copies(pair: Pair) -> Iterator[Path]:
    """Copy what is there of a pair beside it, still ending in .pem: ignore rules go by that."""
    for path in pair:
        if path.exists():
            yield files.keep_copy(path, suffix=".pem")


def mend_keys(settings: Settings, *, owner: User | None) -> Iterator[Made]:
    """Give every private key its mode, and the leaves' keys their owner, where they have another."""
    yield from mend_key(authority_pair(settings).key, owner=None)
    for leaf in settings.certificates.leaves:
        yield from mend_key(leaf_pair(settings, leaf).key, owner=owner)


def mend_key(key: Path, *, owner: User | None) -> Iterator[Made]:
    """Give one private key its mode and its owner, where it has another."""
    if not key.exists():
        return
    present = key.stat()
    with files.explaining(key):
        if owner is not None and owner != (present.st_uid, present.st_gid):
            os.chown(key, *owner)
            yield Made(path=key, reason=f"its owner was {present.st_uid}:{present.st_gid}")
        if not files.is_private(key):
            mode = files.mode_of(key)
            key.chmod(files.PRIVATE)
            yield Made(path=key, reason=f"its mode was {mode:04o}")
