"""A local certificate authority and its leaf certificates, in memory.

The profile is RFC 5280's, as OpenSSL checks it with X509_V_FLAG_X509_STRICT, which Python sets from 3.13 on.
Importing this module imports cryptography, which is slow: import it where it is used.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import (
    PrivateKeyTypes,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Marks what we issued. What has another issuer belongs to the person, and is never replaced silently.
ORGANIZATION = "dashtam-tasks"
# The clock of a virtual machine may be behind the host's.
BACKDATED = timedelta(hours=1)
# The longest common name is 64 characters: RFC 5280, appendix A.
LONGEST_PROJECT = 40

ALL_ADDRESSES = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))


class Identity(NamedTuple):
    """A certificate and the private key that it is for."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_authority(*, project: str, hosts: Sequence[str], days: int, now: datetime) -> Identity:
    """Return a new authority, valid for `days`, that can only vouch for `hosts` and names below them.

    Raises ValueError for a host that is no IP address and no ASCII name.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = subject(f"{project[:LONGEST_PROJECT]} local CA")
    builder = (
        started(name, name, key.public_key(), now=now)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(authority=True), critical=True)
        .add_extension(name_constraints(hosts), critical=True)
    )
    return Identity(builder.sign(key, hashes.SHA256()), key)


def make_leaf(
    authority: Identity, *, project: str, hosts: Sequence[str], days: int, now: datetime
) -> Identity:
    """Return a new server certificate for `hosts`, valid for `days` or until the authority ends."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    issuer_key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        # The space keeps OpenSSL from taking the common name for a host name.
        started(
            subject(f"{project[:LONGEST_PROJECT]} local server"),
            issuer.subject,
            key.public_key(),
            now=now,
        )
        .not_valid_after(min(now + timedelta(days=days), issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key_id),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName([general_name(host) for host in hosts]), critical=False)
    )
    return Identity(builder.sign(authority.key, hashes.SHA256()), key)


def started(
    name: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, *, now: datetime
) -> x509.CertificateBuilder:
    """Return what every certificate of ours begins with."""
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def subject(common_name: str) -> x509.Name:
    """Return a distinguished name of ours."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def key_usage(*, authority: bool) -> x509.KeyUsage:
    """Return what a key is for: to sign certificates, or TLS handshakes."""
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def general_name(host: str) -> x509.GeneralName:
    """Return `host` as an IP address where it is one, else as a DNS name."""
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host.lower())


def subtree(host: str) -> x509.GeneralName:
    """Return the smallest set of names with `host` in it that a name constraint can express."""
    try:
        return x509.IPAddress(ip_network(host))
    except ValueError:
        return x509.DNSName(host.lower().removeprefix("*."))


def name_constraints(hosts: Iterable[str]) -> x509.NameConstraints:
    """Return constraints to `hosts`, so that a stolen authority cannot pose as anyone else.

    A kind of name without a permitted subtree is not constrained at all (RFC 5280, section 4.2.1.10); so a kind
    that no host is of is excluded as a whole.
    """
    permitted = list(dict.fromkeys(subtree(host) for host in hosts))
    excluded: list[x509.GeneralName] = []
    if not any(isinstance(name, x509.IPAddress) for name in permitted):
        excluded.extend(x509.IPAddress(network) for network in ALL_ADDRESSES)
    if not any(isinstance(name, x509.DNSName) for name in permitted):
        excluded.append(x509.DNSName(""))
    return x509.NameConstraints(permitted, excluded or None)


def load_certificate(data: bytes) -> x509.Certificate:
    """Return the first certificate in PEM `data`. Raises ValueError when there is none."""
    return x509.load_pem_x509_certificate(data)


def load_key(data: bytes) -> PrivateKeyTypes:
    """Return the private key in PEM `data`. Raises ValueError when there is none that we can use."""
    try:
        return serialization.load_pem_private_key(data, password=None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Return `certificate` in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return `key` in PEM, as PKCS #8, not encrypted: servers start unattended."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def is_ours(certificate: x509.Certificate) -> bool:
    """Return whether an authority of ours issued `certificate`."""
    names = certificate.issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return any(name.value == ORGANIZATION for name in names)


def is_issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Return whether `authority` signed `certificate`."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def belong_together(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Return whether `certificate` is for `key`."""
    encoding = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return certificate.public_key().public_bytes(*encoding) == key.public_key().public_bytes(*encoding)


def identity(certificate: x509.Certificate, key: PrivateKeyTypes | None) -> Identity | None:
    """Return the two as one, None where the key is missing or of a kind that we do not make."""
    return Identity(certificate, key) if isinstance(key, ec.EllipticCurvePrivateKey) else None


def missing_hosts(certificate: x509.Certificate, hosts: Iterable[str]) -> list[str]:
    """Return those of `hosts` that the server certificate does not name."""
    named: list[x509.GeneralName] = []
    with suppress(x509.ExtensionNotFound):
        named.extend(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    return [host for host in hosts if general_name(host) not in named]


def forbidden_hosts(authority: x509.Certificate, hosts: Iterable[str]) -> list[str]:
    """Return those of `hosts` that the authority may not vouch for."""
    permitted: list[x509.GeneralName] = []
    with suppress(x509.ExtensionNotFound):
        constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
        permitted.extend(constraints.value.permitted_subtrees or [])
    return [host for host in hosts if subtree(host) not in permitted]
