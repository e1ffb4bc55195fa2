import shutil
import signal
import ssl
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from dashtam_tasks import certificates
from dashtam_tasks.ownership import User
from dashtam_tasks.settings import Settings
from tests.unit.certificates.inspecting import (
    FILES,
    KILLED_AT_REPLACE,
    MADE,
    NOW,
    changed,
    greet,
    kinds,
    load,
    names,
    server_context,
    state,
    strict,
)

pytestmark = pytest.mark.usefixtures("hostile_umask")


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
