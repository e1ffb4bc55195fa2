import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dashtam_tasks import certificates
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.ownership import User
from dashtam_tasks.settings import Settings
from tests.unit.certificates.inspecting import FILES, MADE, changed, entries, kinds, names, state

pytestmark = pytest.mark.usefixtures("hostile_umask")


def test_makes_an_authority_and_leaves_once(settings: Settings, user: User, folder: Path) -> None:
    made = certificates.ensure(settings, user=user)
    assert names(made) == MADE
    assert {one.reason for one in made} == {"missing"}
    assert entries(folder) == list(FILES)
    assert certificates.check(settings) == ()
    before = state(folder)
    assert certificates.ensure(settings, user=user) == ()
    assert state(folder) == before


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
    assert f"curl --cacert {authority} URL" in hint
    # Which port speaks TLS is the project's own choice.
    assert "localhost:" not in hint
    assert "`inv status` shows its URL" in hint
    for word in ("update-ca-certificates", "security add-trusted-cert", "certutil", "Firefox"):
        assert word in hint


def test_importing_the_module_does_not_import_cryptography() -> None:
    program = "import sys, dashtam_tasks.certificates; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
