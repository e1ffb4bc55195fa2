from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashtam_tasks import certificates
from dashtam_tasks.certificates import x509
from dashtam_tasks.migration.planning import local_certificates
from dashtam_tasks.migration.planning.local_certificates import Wanted
from dashtam_tasks.settings import Certificates, Settings

HOSTS = ("localhost", "127.0.0.1", "app-ssl")


def wanted(folder: Path, *leaves: str) -> Wanted:
    return Wanted(project=folder, name="shop", folder="certs", leaves=leaves or ("cert",), hosts=HOSTS)


def certificate(hosts: Sequence[str]) -> bytes:
    """Return a certificate for hosts, of an authority that nobody has."""
    now, names = datetime.now(UTC), list(hosts)
    authority = x509.make_authority(project="elsewhere", hosts=names, days=10, now=now)
    return x509.certificate_pem(
        x509.make_leaf(authority, project="elsewhere", hosts=names, days=5, now=now).certificate
    )


def put(folder: Path, name: str, data: bytes) -> None:
    (folder / "certs").mkdir(exist_ok=True)
    (folder / "certs" / name).write_bytes(data)


def test_where_there_are_none_they_are_due(tmp_path: Path) -> None:
    assert local_certificates.are_due(wanted(tmp_path))


def test_one_that_no_client_could_verify_gives_way(tmp_path: Path) -> None:
    put(tmp_path, "cert.pem", certificate(["shop.example"]))
    assert local_certificates.are_due(wanted(tmp_path, "cert", "callback_cert"))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("cert.pem", certificate(["localhost"])),
        ("cert.pem", b"no certificate"),
        ("ca.pem", b"somebody's authority"),
    ],
)
def test_what_somebody_may_use_stays(tmp_path: Path, name: str, data: bytes) -> None:
    put(tmp_path, name, data)
    assert not local_certificates.are_due(wanted(tmp_path))


def test_what_is_written_is_what_our_own_check_asks_for(tmp_path: Path) -> None:
    made = tuple(local_certificates.writes(wanted(tmp_path, "cert", "callback_cert")))
    assert [one.path for one in made] == [
        f"certs/{name}.pem" for name in ("ca", "ca_key", "cert", "key", "callback_cert", "callback_key")
    ]
    assert [one.mode for one in made] == [0o644, 0o600] * 3
    for one in made:
        put(tmp_path, Path(one.path).name, one.data)
        (tmp_path / one.path).chmod(one.mode)
    rules = Certificates(hosts=HOSTS, leaves=("cert", "callback_cert"))
    chosen = Settings(project_dir=str(tmp_path), project="shop", certificates=rules)
    assert certificates.check(chosen) == ()


def test_only_what_is_there_is_rewritten(tmp_path: Path) -> None:
    put(tmp_path, "cert.pem", certificate(["shop.example"]))
    put(tmp_path, "key.pem", b"old")
    made = {one.path: one.rewrites for one in local_certificates.writes(wanted(tmp_path))}
    assert made == {
        "certs/ca.pem": False,
        "certs/ca_key.pem": False,
        "certs/cert.pem": True,
        "certs/key.pem": True,
    }


def test_each_is_made_anew_and_no_key_is_shown(tmp_path: Path) -> None:
    first, second = (tuple(local_certificates.writes(wanted(tmp_path))) for _ in range(2))
    assert not {one.data for one in first} & {one.data for one in second}
    assert "PRIVATE KEY" not in "".join(str(one) for one in first)
