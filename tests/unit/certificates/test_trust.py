import os
import ssl
import stat
import subprocess
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from dashtam_tasks import certificates
from dashtam_tasks.certificates import x509 as local
from dashtam_tasks.ownership import User
from dashtam_tasks.settings import Settings
from tests.unit.certificates.inspecting import FILES, KEYS, NOW, greet, load, server_context, strict

pytestmark = pytest.mark.usefixtures("hostile_umask")


def test_modes_and_owners(settings: Settings, user: User, folder: Path) -> None:
    certificates.ensure(settings, user=user)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    for name in FILES:
        expected = 0o600 if name in KEYS else 0o644
        assert stat.S_IMODE((folder / name).stat().st_mode) == expected, name
    for name in ("key.pem", "callback_key.pem"):
        present = (folder / name).stat()
        assert (present.st_uid, present.st_gid) == user
    assert (folder / "ca_key.pem").stat().st_uid == os.geteuid()


@pytest.mark.parametrize("leaf", [("cert.pem", "key.pem"), ("callback_cert.pem", "callback_key.pem")])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "app-ssl", "callback-ssl"])
def test_a_strict_client_trusts_each_host(
    settings: Settings, user: User, folder: Path, host: str, leaf: tuple[str, str]
) -> None:
    certificates.ensure(settings, user=user)
    server = server_context(folder / leaf[0], folder / leaf[1])
    client = strict(ssl.create_default_context(cafile=str(folder / "ca.pem")))
    assert greet(server, client, host) == b"hello"


def test_another_host_or_another_authority_is_refused(settings: Settings, user: User, folder: Path) -> None:
    certificates.ensure(settings, user=user)
    server = server_context(folder / "cert.pem", folder / "key.pem")
    client = strict(ssl.create_default_context(cafile=str(folder / "ca.pem")))
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for '127.0.0.2'|IP address mismatch"):
        greet(server, client, "127.0.0.2")
    stranger = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    trustme.CA().configure_trust(stranger)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get local issuer|self-signed"):
        greet(server, stranger, "localhost")


@pytest.mark.parametrize(
    ("hosts", "accepted", "refused"),
    [
        (
            ["localhost", "127.0.0.1", "::1"],
            ["localhost", "app.localhost"],
            ["example.org", "10.0.0.1", "::2"],
        ),
        (["localhost"], ["localhost"], ["example.org", "127.0.0.1", "::1"]),
        (["127.0.0.1"], ["127.0.0.1"], ["localhost", "127.0.0.2", "::1"]),
        (["*.app.test"], ["a.app.test"], ["localhost", "app.example"]),
    ],
)
def test_a_stolen_authority_cannot_pose_as_others(
    tmp_path: Path, hosts: list[str], accepted: list[str], refused: list[str]
) -> None:
    authority = local.make_authority(project="dashtam", hosts=hosts, days=100, now=NOW)
    (tmp_path / "ca.pem").write_bytes(local.certificate_pem(authority.certificate))
    client = strict(ssl.create_default_context(cafile=str(tmp_path / "ca.pem")))

    def forge(host: str) -> ssl.SSLContext:
        leaf = local.make_leaf(authority, project="x", hosts=[host], days=10, now=NOW)
        (tmp_path / "leaf.pem").write_bytes(local.certificate_pem(leaf.certificate))
        (tmp_path / "leaf_key.pem").write_bytes(local.key_pem(leaf.key))
        return server_context(tmp_path / "leaf.pem", tmp_path / "leaf_key.pem")

    for host in accepted:
        assert greet(forge(host), client, host) == b"hello"
    for host in refused:
        with pytest.raises(ssl.SSLCertVerificationError, match=r"(permitted|excluded) subtree"):
            greet(forge(host), client, host)


def test_profile_of_a_leaf(settings: Settings, user: User, folder: Path) -> None:
    certificates.ensure(settings, user=user)
    leaf, authority = load(folder / "cert.pem"), load(folder / "ca.pem")
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=398)
    alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(alternative) == [
        x509.DNSName("localhost"),
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.IPAddress(ip_address("::1")),
        x509.DNSName("app-ssl"),
        x509.DNSName("callback-ssl"),
    ]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    limits = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (limits.critical, limits.value.ca, limits.value.path_length) == (True, True, 0)
    assert len({one.serial_number for one in (leaf, authority, load(folder / "callback_cert.pem"))}) == 3


def test_openssl_agrees(settings: Settings, user: User, folder: Path) -> None:
    certificates.ensure(settings, user=user)
    verify = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "localhost"]
    argv = [*verify, "-CAfile", str(folder / "ca.pem"), str(folder / "cert.pem")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
