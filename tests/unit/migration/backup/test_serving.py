"""Which of the data directories in a volume a server is started on; test_backup_dumps.py starts them."""

from dataclasses import replace

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.backup import serving
from dashtam_tasks.migration.backup.clusters import Cluster
from dashtam_tasks.migration.containers.workbench import TARGET, Workbench
from dashtam_tasks.migration.postgresql import data_directory
from dashtam_tasks.migration.postgresql.data_directory import DataDirectory

CLUSTER = Cluster(
    volume="data", service="db", image="postgres:17", path="/var/lib/postgresql", pgdata="", container=""
)
OLD = DataDirectory(path=f"{TARGET}/16/docker", uid="999", gid="999", version="16")
NEW = DataDirectory(path=f"{TARGET}/17/docker", uid="999", gid="999", version="17")
OTHER = replace(NEW, path=f"{TARGET}/mine")


@pytest.mark.parametrize(
    ("pgdata", "found", "chosen"),
    [
        ("", (OLD, NEW), NEW),
        ("", (OLD,), OLD),
        ("/var/lib/postgresql/mine/", (OLD, NEW, OTHER), OTHER),
        ("/var/lib/postgresql/16/docker", (NEW, OLD), OLD),
        ("/elsewhere", (OLD, NEW), NEW),
    ],
)
def test_data_directory_is_the_services_own_else_that_of_the_images_version(
    monkeypatch: pytest.MonkeyPatch, pgdata: str, found: tuple[DataDirectory, ...], chosen: DataDirectory
) -> None:
    assert copied(monkeypatch, replace(CLUSTER, pgdata=pgdata), found) == chosen


def test_volume_with_files_of_others_only_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DashtamError, match="none of them is PostgreSQL's") as error:
        copied(monkeypatch, CLUSTER, ())
    assert error.value.code == ExitCode.DATA


def copied(
    monkeypatch: pytest.MonkeyPatch, cluster: Cluster, found: tuple[DataDirectory, ...]
) -> DataDirectory:
    monkeypatch.setattr(Workbench, "output", lambda *_, **__: b"")
    monkeypatch.setattr(data_directory, "every", lambda *_: found)
    monkeypatch.setattr(data_directory, "major", lambda _: "17")
    return serving.copied(cluster, Workbench(name="bench"))
