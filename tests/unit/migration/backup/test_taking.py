import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import backup, snapshots
from dashtam_tasks.migration.backup import contents
from dashtam_tasks.migration.snapshots import ABSENT, Kind
from tests.unit.migration.backup.trees import NAME, ODD, SHOP, TODAY, as_nobody, looks, modes, shop, write


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    return shop(folder)


@pytest.fixture(params=[0o000, 0o077, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest, project: Path) -> Iterator[int]:
    # The project comes first: under 0777 nobody but root could enter it.
    assert project.is_dir()
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_backup_has_every_file_under_its_own_path_and_the_rest_in_its_manifest(project: Path) -> None:
    before = looks(project, SHOP)
    taken = backup.take(project, SHOP, today=TODAY, reason="before apply")
    assert taken.folder == project / "backups" / NAME
    assert (taken.name, taken.reason, taken.problem) == (NAME, "before apply", "")
    assert abs((datetime.now(UTC) - taken.taken).total_seconds()) < 60
    assert taken.entries == {path: before[path] for path in SHOP}
    assert taken.entries["envs/.env.dev"] == taken.entries["envs"] == ABSENT
    assert taken.entries["Makefile"].target == "scripts/../nowhere"
    assert (taken.folder / "docker-compose.yml").read_bytes() == b"services: {}\r\n"
    assert taken.file("scripts/run me.sh").read_bytes() == b"#!/bin/sh\n"
    assert sorted(str(one.relative_to(taken.folder)) for one in taken.folder.rglob("*")) == sorted(
        (".env", "docker-compose.yml", "dumps", "kept", "manifest.json", "scripts", "scripts/run me.sh")
    )
    assert backup.verified(taken) == ()
    assert backup.existing(project) == (taken,)


def test_the_project_itself_is_as_before(project: Path) -> None:
    before = looks(project)
    backup.take(project, SHOP, today=TODAY)
    shutil.rmtree(project / "backups")
    assert looks(project) == before


@pytest.mark.usefixtures("umask")
def test_nobody_else_may_look_into_it_whatever_the_umask(project: Path) -> None:
    taken = backup.take(project, SHOP, today=TODAY)
    assert modes(project / "backups") == {"folders": {0o700}, "files": {0o600}}
    assert backup.keep(taken, project / ".env") == taken.entries[".env"].sha256
    assert modes(project / "backups") == {"folders": {0o700}, "files": {0o600}}
    assert backup.verified(taken) == ()


def test_git_never_sees_it(project: Path) -> None:
    write(project, ".gitignore", b"!backups/\n!.env\n")
    taken = backup.take(project, (*SHOP, ".gitignore"), today=TODAY)
    git = ("git", "-C", str(project))
    subprocess.run([*git, "init", "--quiet"], check=True)
    done = subprocess.run(
        [*git, "status", "--porcelain", "--untracked-files=all"], capture_output=True, check=True
    )
    seen = done.stdout.decode().splitlines()
    assert "?? .env" in seen
    assert [line for line in seen if "backups" in line] == []
    assert taken.file(".gitignore").read_bytes() == b"!backups/\n!.env\n"


@pytest.mark.parametrize("name", ODD, ids=ascii)
def test_names_may_have_any_bytes(project: Path, name: str) -> None:
    path = write(project, name, name.encode(errors="surrogateescape"), mode=0o751)
    before = snapshots.of(path)
    taken = backup.take(project, (name,), today=TODAY)
    assert taken.entries == {name: before}
    assert backup.verified(taken) == ()
    path.unlink()
    backup.put_back(taken.file(name), path, taken.entries[name])
    assert snapshots.of(path) == before


def test_more_of_the_same_day_get_a_number_and_are_listed_in_their_order(project: Path) -> None:
    taken = [backup.take(project, SHOP, today=TODAY) for _ in range(11)]
    names = [one.name for one in taken]
    assert names == [NAME, *(f"{NAME}-{number}" for number in range(2, 12))]
    for other in ("pre-migration-20261399", "pre-migration-20261123-x", "notes"):
        (project / "backups" / other).mkdir()
    (project / "backups/pre-migration-20200101").symlink_to(NAME)
    assert [one.name for one in backup.existing(project)] == names


def test_a_folder_that_a_person_made_by_the_plan_is_not_written_to(project: Path) -> None:
    copied = write(project, f"backups/{NAME}/docker-compose.yml")
    assert backup.take(project, SHOP, today=TODAY).name == f"{NAME}-2"
    assert list(copied.parent.iterdir()) == [copied]
    by_hand = backup.existing(project)[0]
    assert by_hand.problem == "It is missing."
    assert by_hand.taken == datetime(2026, 11, 23, tzinfo=UTC)


def test_a_file_with_more_names_is_noted(project: Path) -> None:
    (project / "other.yml").hardlink_to(project / "docker-compose.yml")
    taken = backup.take(project, SHOP, today=TODAY)
    assert taken.hard_links == {"docker-compose.yml": 2}
    assert backup.verified(taken) == ()


def test_what_is_too_odd_to_save_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    before = looks(project)
    for name in ("pipe", "socket"):
        with pytest.raises(DashtamError, match=f"^{name} is a socket, a pipe or a device") as error:
            backup.take(project, (*SHOP, name), today=TODAY)
        assert error.value.code == ExitCode.DATA
    assert looks(project) == before


@pytest.mark.parametrize("path", ["../other", "/etc/hostname", "scripts/../../x"])
def test_a_path_out_of_the_project_is_refused(project: Path, path: str) -> None:
    with pytest.raises(DashtamError, match="is not in the project") as error:
        backup.take(project, (path,), today=TODAY)
    assert error.value.code == ExitCode.DATA
    assert not (project / "backups").exists()


def test_a_file_that_may_not_be_read_is_named_and_nothing_is_left() -> None:
    with as_nobody() as folder:
        shop(folder)
        (folder / ".env").chmod(0)
        with pytest.raises(DashtamError, match=r"/\.env cannot be read: Permission denied") as error:
            backup.take(folder, SHOP, today=TODAY)
        assert error.value.code == ExitCode.IO
        assert not (folder / "backups").exists()


def test_a_folder_that_may_not_be_written_to_is_named() -> None:
    with as_nobody() as folder:
        shop(folder)
        folder.chmod(0o555)
        with pytest.raises(DashtamError, match="/backups cannot be written: Permission denied") as error:
            backup.take(folder, SHOP, today=TODAY)
        assert error.value.code == ExitCode.CANNOT_CREATE
        folder.chmod(0o755)
        assert not (folder / "backups").exists()


@pytest.mark.parametrize("mine", [b"*\n!.gitignore\n", b"/pre-migration-*/\n", b"!pre*\npre-*\n"])
def test_a_persons_own_ignore_file_stays_where_it_keeps_backups_out(project: Path, mine: bytes) -> None:
    ignore_file = write(project, "backups/.gitignore", mine)
    backup.take(project, SHOP, today=TODAY)
    assert ignore_file.read_bytes() == mine


@pytest.mark.parametrize("mine", [b"", b"*.sql\n", b"*\n!pre-migration-*/\n", b"pre-migration-2025*\n"])
def test_a_persons_own_ignore_file_that_lets_git_see_backups_stops_it(project: Path, mine: bytes) -> None:
    write(project, "backups/.gitignore", mine)
    before = looks(project)
    with pytest.raises(DashtamError, match=r"backups/\.gitignore lets git see backups") as error:
        backup.take(project, SHOP, today=TODAY)
    assert error.value.hint == "Add this line to it: /pre-migration-*"
    assert looks(project) == before


@pytest.mark.parametrize("dangling", [True, False])
def test_something_else_called_backups_is_named_and_kept(project: Path, *, dangling: bool) -> None:
    if dangling:
        (project / "backups").symlink_to("nowhere")
    else:
        write(project, "backups")
    before = looks(project)
    with pytest.raises(DashtamError, match="/backups is not a folder"):
        backup.take(project, SHOP, today=TODAY)
    assert looks(project) == before


@pytest.mark.parametrize("size", [14, 15])
def test_a_file_that_changes_while_it_is_copied_is_noticed(
    project: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    copy_private = contents.copy_private

    def copied_then_changed(source: Path, descriptor: int) -> str:
        sha256 = copy_private(source, descriptor)
        if source.name == "docker-compose.yml":
            source.write_bytes(b"x" * size)
        return sha256

    monkeypatch.setattr(contents, "copy_private", copied_then_changed)
    with pytest.raises(DashtamError, match=r"^docker-compose\.yml changed while it was saved") as error:
        backup.take(project, SHOP, today=TODAY)
    assert error.value.code == ExitCode.BUSY
    assert not (project / "backups").exists()


def test_a_file_that_was_another_only_while_it_was_copied_is_noticed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_private = contents.copy_private

    def copied_of_another(source: Path, descriptor: int) -> str:
        before, moment = source.read_bytes(), source.stat().st_mtime_ns
        source.write_bytes(b"half")
        sha256 = copy_private(source, descriptor)
        source.write_bytes(before)
        os.utime(source, ns=(moment, moment))
        return sha256

    monkeypatch.setattr(contents, "copy_private", copied_of_another)
    with pytest.raises(DashtamError, match=r"changed while it was saved") as error:
        backup.take(project, SHOP, today=TODAY)
    assert error.value.code == ExitCode.BUSY
    assert not (project / "backups").exists()


def test_a_failure_leaves_an_earlier_backup_as_it_was(project: Path) -> None:
    taken = backup.take(project, SHOP, today=TODAY)
    before = looks(project / "backups")
    os.mkfifo(project / "pipe")
    with pytest.raises(DashtamError):
        backup.take(project, ("pipe",), today=TODAY)
    assert looks(project / "backups") == before
    assert backup.verified(taken) == ()


FULL = """
import json, subprocess, sys
from pathlib import Path
from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration import backup
from tests.unit.migration.backup.trees import TODAY, looks, write

folder, options, file_bytes, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
for number in range(count):
    write(folder, f"deep/file{number}", b"x" * file_bytes)
before = looks(folder)
try:
    backup.take(folder, [f"deep/file{number}" for number in range(count)], today=TODAY)
except DashtamError as error:
    print(json.dumps([error.code, error.reason, looks(folder) == before]))
"""


def on_full_disk(folder: Path, options: str, file_bytes: int, count: int) -> tuple[int, str, bool]:
    """Take a backup on a small tmpfs that only a process of our own has; return how it failed."""
    root = () if os.geteuid() == 0 else ("--map-root-user",)
    argv = ["unshare", "--mount", *root, sys.executable, "-c", FULL]
    done = subprocess.run(
        [*argv, str(folder), options, str(file_bytes), str(count)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    code, reason, is_as_before = json.loads(done.stdout)
    return code, reason, is_as_before


def test_the_space_is_looked_at_first_and_both_numbers_are_said(tmp_path: Path) -> None:
    code, reason, is_as_before = on_full_disk(tmp_path, "size=1m", 300_000, 2)
    assert (code, is_as_before) == (ExitCode.CANNOT_CREATE, True)
    needed = f"{2 * (300_000 + 8192):,}"
    assert reason.startswith(f"The backup takes up to {needed} bytes, and {tmp_path} has ")
    assert reason.endswith(" bytes free.")


@pytest.mark.parametrize("inodes", range(12, 29))
def test_a_disk_that_is_full_midway_is_as_before(tmp_path: Path, inodes: int) -> None:
    # The disk, a folder and ten files are there; backups and a backup of them would make it 29.
    code, reason, is_as_before = on_full_disk(tmp_path, f"size=4m,nr_inodes={inodes}", 100, 10)
    assert (code, is_as_before) == (ExitCode.CANNOT_CREATE, True)
    assert reason.startswith(f"{tmp_path}/backups")
    assert reason.endswith(" cannot be written: No space left on device.")


def test_folders_are_not_descended_into(project: Path) -> None:
    taken = backup.take(project, ("scripts",), today=TODAY)
    assert taken.entries["scripts"].kind is Kind.FOLDER
    assert not (taken.folder / "scripts").exists()
    with pytest.raises(DashtamError, match=f"backups/{NAME} has no file scripts"):
        taken.file("scripts")
