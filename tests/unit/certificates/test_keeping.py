import os
import stat
import subprocess
from pathlib import Path

import pytest
import trustme

from dashtam_tasks import certificates
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.ownership import User
from dashtam_tasks.settings import Settings
from tests.unit.certificates.inspecting import FILES, KEYS, kinds, refuse, state

pytestmark = pytest.mark.usefixtures("hostile_umask")


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
