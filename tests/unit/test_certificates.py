import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
import trustme
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from dashtam_tasks import certificates
from dashtam_tasks.certificates import x509 as local
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.ownership import User, container_user
from dashtam_tasks.settings import Settings

NOW = datetime.now(UTC).replace(microsecond=0)
FILES = ("ca.pem", "ca_key.pem", "callback_cert.pem", "callback_key.pem", "cert.pem", "key.pem")
KEYS = ("ca_key.pem", "callback_key.pem", "key.pem")
MADE = ["ca.pem", "cert.pem", "callback_cert.pem"]

KILLED_AT_REPLACE = """
import os, signal, sys
from pathlib import Path
from dashtam_tasks import certificates
from dashtam_tasks.ownership import container_user
from dashtam_tasks.settings import Settings

calls = []
real = Path.replace

def replace(path, target):
    calls.append(target)
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(path, target)

Path.replace = replace
folder = Path(sys.argv[1])
settings = Settings(project_dir=str(folder))
certificates.ensure(settings, user=container_user(folder), force=True)
"""


pytestmark = pytest.mark.usefixtures("hostile_umask")


@pytest.fixture
def user(tmp_path: Path) -> User:
    return container_user(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "certs"


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def changed(settings: Settings, **values: object) -> Settings:
    rules = msgspec.structs.replace(settings.certificates, **values)
    return msgspec.structs.replace(settings, certificates=rules)


def names(made: tuple[certificates.Made, ...]) -> list[str]:
    return [one.path.name for one in made]


def state(folder: Path) -> dict[str, tuple[bytes, int, int, int]]:
    """Return what a run that changes nothing must leave as it is."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode, path.stat().st_uid)
        for path in folder.iterdir()
    }


def kinds(settings: Settings, now: datetime = NOW) -> set[tuple[str, str]]:
    return {(found.kind, Path(found.where).name) for found in certificates.check(settings, now=now)}


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def strict(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return a context that checks as Python 3.13 does by default."""
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def greet(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> bytes:
    """Return what a client that asks for `host` receives over real TLS. Raises ssl.SSLError."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            connection, _ = listener.accept()
            connection.settimeout(30)
            with closing(connection):
                try:
                    with server.wrap_socket(connection, server_side=True) as wrapped:
                        wrapped.sendall(b"hello")
                except ssl.SSLError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname(), timeout=30) as plain,
                client.wrap_socket(plain, server_hostname=host) as wrapped,
            ):
                return wrapped.recv(5)
        finally:
            thread.join(timeout=30)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_makes_an_authority_and_leaves_once(settings: Settings, user: User, folder: Path) -> None:
    made = certificates.ensure(settings, user=user)
    assert names(made) == MADE
    assert {one.reason for one in made} == {"missing"}
    assert entries(folder) == list(FILES)
    assert certificates.check(settings) == ()
    before = state(folder)
    assert certificates.ensure(settings, user=user) == ()
    assert state(folder) == before


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


def test_renews_what_is_about_to_expire_and_only_that(settings: Settings, user: User, folder: Path) -> None:
    certificates.ensure(settings, user=user, now=NOW)
    before = state(folder)
    early, late = NOW + timedelta(days=366), NOW + timedelta(days=368)
    assert certificates.ensure(settings, user=user, now=early) == ()
    assert state(folder) == before
    assert kinds(settings, now=early) == set()
    assert kinds(settings, now=late) == {("expiring", "cert.pem"), ("expiring", "callback_cert.pem")}
    made = certificates.ensure(settings, user=user, now=late)
    assert names(made) == ["cert.pem", "callback_cert.pem"]
    assert made[0].reason == f"expires on {NOW + timedelta(days=397):%Y-%m-%d}"
    assert state(folder)["ca.pem"] == before["ca.pem"]
    assert kinds(settings, now=late) == set()


def test_an_expired_leaf_is_named_with_its_date(settings: Settings, user: User, folder: Path) -> None:
    certificates.ensure(settings, user=user, now=NOW)
    later = NOW + timedelta(days=400)
    found = certificates.check(settings, now=later)
    assert {(one.kind, one.where) for one in found} == {
        ("expired", str(folder / "cert.pem")),
        ("expired", str(folder / "callback_cert.pem")),
    }
    assert f"{NOW + timedelta(days=397):%Y-%m-%d}" in found[0].message
    assert found[0].hint == "Run `inv certs`."


def test_a_new_authority_signs_all_leaves_anew(settings: Settings, user: User) -> None:
    certificates.ensure(settings, user=user, now=NOW)
    later = NOW + timedelta(days=3650 - 29)
    assert names(certificates.ensure(settings, user=user, now=later)) == MADE
    assert kinds(settings, now=later) == set()


def test_no_leaf_outlives_the_authority(settings: Settings, user: User, folder: Path) -> None:
    certificates.ensure(settings, user=user, now=NOW)
    later = NOW + timedelta(days=3650 - 100)
    certificates.ensure(settings, user=user, now=later)
    assert load(folder / "cert.pem").not_valid_after_utc == load(folder / "ca.pem").not_valid_after_utc
    assert certificates.ensure(settings, user=user, now=later) == ()


def test_a_new_host_makes_all_anew(settings: Settings, user: User) -> None:
    certificates.ensure(settings, user=user)
    more = changed(settings, hosts=(*settings.certificates.hosts, "app.test"))
    assert kinds(more) == {("host", "ca.pem"), ("host", "cert.pem"), ("host", "callback_cert.pem")}
    assert names(certificates.ensure(more, user=user)) == MADE
    assert kinds(more) == set()
    assert certificates.ensure(settings, user=user) == (), "one host more is no fault"


def test_a_leaf_of_another_authority_of_ours_is_replaced(
    settings: Settings, user: User, folder: Path, tmp_path: Path
) -> None:
    certificates.ensure(settings, user=user)
    other = msgspec.structs.replace(settings, project_dir=str(tmp_path / "other"))
    certificates.ensure(other, user=user)
    for name in ("cert.pem", "key.pem"):
        shutil.copy2(tmp_path / "other/certs" / name, folder / name)
    assert kinds(settings) == {("unsigned", "cert.pem")}
    (made,) = certificates.ensure(settings, user=user)[:1]
    assert (made.path, made.kept) == (folder / "cert.pem", ())
    assert kinds(settings) == set()


def test_a_key_of_another_certificate_is_replaced(settings: Settings, user: User, folder: Path) -> None:
    certificates.ensure(settings, user=user)
    shutil.copy2(folder / "callback_key.pem", folder / "key.pem")
    assert kinds(settings) == {("mismatch", "cert.pem")}
    assert names(certificates.ensure(settings, user=user)) == ["cert.pem"]
    assert kinds(settings) == set()


@pytest.mark.parametrize("name", FILES)
def test_whatever_is_missing_is_made_again(settings: Settings, user: User, folder: Path, name: str) -> None:
    certificates.ensure(settings, user=user)
    (folder / name).unlink()
    assert ("missing", name) in kinds(settings)
    certificates.ensure(settings, user=user, force=name == "ca_key.pem")
    assert kinds(settings) == set()
    server = server_context(folder / "cert.pem", folder / "key.pem")
    client = strict(ssl.create_default_context(cafile=str(folder / "ca.pem")))
    assert greet(server, client, "localhost") == b"hello"


def test_without_its_key_the_authority_serves_until_a_leaf_is_due(
    settings: Settings, user: User, folder: Path
) -> None:
    certificates.ensure(settings, user=user)
    (folder / "ca_key.pem").unlink()
    before = state(folder)
    assert certificates.ensure(settings, user=user) == ()
    assert state(folder) == before
    (folder / "cert.pem").unlink()
    made = certificates.ensure(settings, user=user)
    assert names(made) == MADE
    assert made[0].reason == "its key is missing"


def test_a_key_without_its_certificate_is_kept(settings: Settings, user: User, folder: Path) -> None:
    folder.mkdir()
    key = trustme.CA().issue_cert("localhost").private_key_pem.bytes()
    (folder / "key.pem").write_bytes(key)
    made = certificates.ensure(settings, user=user)
    (kept,) = made[1].kept
    assert kept.read_bytes() == key
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kinds(settings) == set()


def test_certificates_of_ones_own_are_only_replaced_by_force(
    settings: Settings, user: User, folder: Path
) -> None:
    folder.mkdir()
    own = trustme.CA().issue_cert("localhost")
    own.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    own.private_key_pem.write_to_path(folder / "key.pem")
    before = state(folder)
    assert ("foreign", "cert.pem") in kinds(settings)
    with pytest.raises(DashtamError, match="Not issued by") as raised:
        certificates.ensure(settings, user=user)
    assert raised.value.code == ExitCode.DATA
    assert str(folder / "cert.pem") in raised.value.reason
    assert "--force" in raised.value.hint
    assert state(folder) == before
    made = certificates.ensure(settings, user=user, force=True)
    kept = [path for one in made for path in one.kept]
    assert [path.read_bytes() for path in kept] == [before["cert.pem"][0], before["key.pem"][0]]
    assert all(path.name.endswith(".pem") and ".bak-2" in path.name for path in kept)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in kept)
    assert kinds(settings) == set()


def test_force_renews_leaves_and_keeps_a_valid_authority(
    settings: Settings, user: User, folder: Path
) -> None:
    certificates.ensure(settings, user=user)
    before = state(folder)
    made = certificates.ensure(settings, user=user, force=True)
    assert names(made) == ["cert.pem", "callback_cert.pem"]
    after = state(folder)
    assert after["ca.pem"] == before["ca.pem"]
    assert after["ca_key.pem"] == before["ca_key.pem"]
    assert all(after[name][0] != before[name][0] for name in FILES if not name.startswith("ca"))
    assert after.keys() == before.keys()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content", [b"", b"not PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_malformed_file_is_named(
    settings: Settings, user: User, folder: Path, name: str, content: bytes
) -> None:
    certificates.ensure(settings, user=user)
    (folder / name).write_bytes(content)
    before = state(folder)
    assert ("malformed", name) in kinds(settings)
    with pytest.raises(DashtamError) as raised:
        certificates.ensure(settings, user=user)
    assert raised.value.code == ExitCode.DATA
    assert raised.value.reason.startswith(f"{folder / name}: ")
    assert state(folder) == before
    certificates.ensure(settings, user=user, force=True)
    assert kinds(settings) == set()


def test_an_encrypted_key_is_named(settings: Settings, user: User, folder: Path) -> None:
    certificates.ensure(settings, user=user)
    argv = ["openssl", "ec", "-in", "key.pem", "-aes128", "-passout", "pass:made-up", "-out", "new.pem"]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True, timeout=60)
    (folder / "new.pem").replace(folder / "key.pem")
    with pytest.raises(DashtamError, match="passphrase"):
        certificates.ensure(settings, user=user)


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_may_read_is_mended_in_place(
    settings: Settings, user: User, folder: Path, name: str, mode: int
) -> None:
    certificates.ensure(settings, user=user)
    before = state(folder)
    (folder / name).chmod(mode)
    assert kinds(settings) == {("mode", name)}
    made = certificates.ensure(settings, user=user)
    assert [(one.path.name, one.reason) for one in made] == [(name, f"its mode was {mode:04o}")]
    assert state(folder) == before


def test_keys_follow_the_user_of_the_container(
    settings: Settings, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[str, int, int]] = []
    certificates.ensure(settings, user=user)
    # Any user may run this test; only root could really give files away.
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, *owner: given.append((path.name, *owner)))
    certificates.ensure(settings, user=User(4242, 4343))
    assert given == [("key.pem", 4242, 4343), ("callback_key.pem", 4242, 4343)]


def test_only_root_gives_keys_away(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    certificates.ensure(settings, user=User(9999, 9999))
    assert {path.stat().st_uid for path in folder.iterdir()} == {os.getuid()}


def test_a_file_that_may_not_be_read_stops_everything(
    settings: Settings, user: User, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates.ensure(settings, user=user)
    before = state(folder)
    refuse(monkeypatch, "key.pem")
    assert kinds(settings) == {("unreadable", "key.pem")}
    with pytest.raises(DashtamError, match="Permission denied") as raised:
        certificates.ensure(settings, user=user, force=True)
    assert raised.value.code == ExitCode.IO
    monkeypatch.undo()
    assert state(folder) == before


def test_the_authoritys_key_is_only_needed_to_sign(
    settings: Settings, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates.ensure(settings, user=user)
    refuse(monkeypatch, "ca_key.pem")
    assert certificates.ensure(settings, user=user) == ()
    with pytest.raises(DashtamError, match=r"ca_key\.pem.*Permission denied") as raised:
        certificates.ensure(settings, user=user, force=True)
    assert raised.value.code == ExitCode.IO


def refuse(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Make one file unreadable, as it is for another user; root could read it whatever its mode."""
    real: Callable[[Path], bytes] = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("present", [False, True])
def test_the_run_after_a_kill_mends_everything(
    settings: Settings, user: User, folder: Path, tmp_path: Path, present: bool, number: int
) -> None:
    if present:
        certificates.ensure(settings, user=user)
        for name in ("ca.pem", "ca_key.pem"):
            (folder / name).unlink()
    argv = [sys.executable, "-c", KILLED_AT_REPLACE, str(tmp_path), str(number)]
    assert subprocess.run(argv, check=False, timeout=60).returncode == -signal.SIGKILL
    certificates.ensure(settings, user=user)
    assert certificates.check(settings) == ()
    server = server_context(folder / "cert.pem", folder / "key.pem")
    client = strict(ssl.create_default_context(cafile=str(folder / "ca.pem")))
    assert greet(server, client, "localhost") == b"hello"


def test_runs_at_the_same_time_agree(settings: Settings, user: User) -> None:
    made: list[str] = []
    barrier = threading.Barrier(4)

    def run_once() -> None:
        barrier.wait(timeout=30)
        made.extend(names(certificates.ensure(settings, user=user)))

    runs = [threading.Thread(target=run_once) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(timeout=60)
    assert made == MADE
    assert certificates.check(settings) == ()


def test_a_file_in_place_of_the_folder_is_named(settings: Settings, user: User, folder: Path) -> None:
    folder.touch()
    with pytest.raises(DashtamError, match="Not a directory") as raised:
        certificates.ensure(settings, user=user)
    assert str(folder) in raised.value.reason
    assert raised.value.code == ExitCode.CANNOT_CREATE


def test_check_of_an_empty_folder_makes_nothing(settings: Settings, folder: Path) -> None:
    assert kinds(settings) == {("missing", name) for name in ("ca.pem", "cert.pem", "callback_cert.pem")}
    assert not folder.exists()


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ({"leaf_days": 399}, "leaf_days"),
        ({"leaf_days": 30}, "renew_before_days"),
        ({"ca_days": 10}, "renew_before_days"),
        ({"leaves": ("ca",)}, "leaves"),
        ({"hosts": ()}, "hosts"),
        ({"hosts": ("bücher.test",)}, "hosts"),
    ],
)
def test_settings_that_cannot_be_met(
    settings: Settings, user: User, folder: Path, rules: dict[str, object], problem: str
) -> None:
    with pytest.raises(DashtamError, match=rf"^dashtam\.certificates\.{problem}: ") as raised:
        certificates.ensure(changed(settings, **rules), user=user)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert not folder.exists()


def test_without_leaves_nothing_is_made_or_missed(settings: Settings, user: User, folder: Path) -> None:
    without = changed(settings, leaves=())
    assert certificates.check(without) == ()
    assert certificates.ensure(without, user=user, force=True) == ()
    assert not folder.exists()


def test_names_of_other_leaves(settings: Settings, user: User, folder: Path) -> None:
    certificates.ensure(changed(settings, leaves=("web", "admin_cert")), user=user)
    assert entries(folder) == [
        "admin_cert.pem",
        "admin_key.pem",
        "ca.pem",
        "ca_key.pem",
        "web.pem",
        "web_key.pem",
    ]


def test_the_hint_names_the_authority(settings: Settings, folder: Path) -> None:
    hint = certificates.trust_hint(settings)
    authority = str(folder / "ca.pem")
    assert f"curl --cacert {authority}" in hint
    for word in ("update-ca-certificates", "security add-trusted-cert", "certutil", "Firefox"):
        assert word in hint


def test_importing_the_module_does_not_import_cryptography() -> None:
    program = "import sys, dashtam_tasks.certificates; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
