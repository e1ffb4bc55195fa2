import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode

KILLED_AT_FSYNC = """
import os, signal, sys
from pathlib import Path
from dashtam_tasks import files

calls = []
real = os.fsync

def fsync(descriptor):
    calls.append(descriptor)
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)

os.fsync = fsync
files.write_atomically(Path(sys.argv[1]), b"new" * 100_000, mode=0o600)
"""


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=[0o000, 0o022, 0o777], ids=oct)
def umask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    # The folder comes first: under 0777 nobody but root could enter it.
    assert tmp_path.is_dir()
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_mode_does_not_depend_on_the_umask(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    files.write_atomically(path, b"data", mode=mode)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"data"


def test_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    before = path.stat().st_ino
    files.write_atomically(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert path.stat().st_ino != before, "written in place: a reader could have seen half of it"
    assert entries(tmp_path) == ["file"]


def test_exclusive_never_replaces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        files.write_atomically(path, b"ours", mode=0o600, exclusive=True)
    assert path.read_bytes() == b"theirs"
    assert entries(tmp_path) == ["file"]


def test_exclusive_has_one_winner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    barrier = threading.Barrier(8)
    won: list[bytes] = []

    def write(data: bytes) -> None:
        barrier.wait(timeout=30)
        try:
            files.write_atomically(path, data, mode=0o600, exclusive=True)
        except FileExistsError:
            return
        won.append(data)

    writers = [threading.Thread(target=write, args=(bytes([n]) * 9999,)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=30)
    assert [path.read_bytes()] == won
    assert entries(tmp_path) == ["file"]


@pytest.mark.parametrize(("fsync", "expected"), [(1, b"old"), (2, b"new" * 100_000)])
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path: Path, fsync: int, expected: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    child = subprocess.run(
        [sys.executable, "-c", KILLED_AT_FSYNC, str(path), str(fsync)], check=False, timeout=60
    )
    assert child.returncode == -signal.SIGKILL
    assert path.read_bytes() == expected
    for leftover in set(tmp_path.iterdir()) - {path}:
        assert leftover.name.startswith("file.")
        assert stat.S_IMODE(leftover.stat().st_mode) == 0o600


def test_a_failure_midway_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DashtamError, match="No space left") as raised:
        files.write_atomically(path, b"new", mode=0o600)
    assert raised.value.code == ExitCode.CANNOT_CREATE
    assert str(path) in raised.value.reason
    assert path.read_bytes() == b"old"
    assert entries(tmp_path) == ["file"]


def test_owner_is_given(tmp_path: Path) -> None:
    # Only root may give to someone else; anybody may give to themselves.
    owner = (12345, 23456) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    path = tmp_path / "file"
    files.write_atomically(path, b"data", mode=0o600, owner=owner)
    present = path.stat()
    assert (present.st_uid, present.st_gid) == owner
    assert stat.S_IMODE(present.st_mode) == 0o600


def test_a_missing_folder_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "file"
    with pytest.raises(DashtamError, match="No such file") as raised:
        files.write_atomically(path, b"data", mode=0o600)
    assert str(path) in raised.value.reason
    assert raised.value.code == ExitCode.CANNOT_CREATE


def test_lock_keeps_others_out_until_it_is_released(tmp_path: Path) -> None:
    entered = threading.Event()

    def enter() -> None:
        with files.locked(tmp_path):
            entered.set()

    other = threading.Thread(target=enter)
    with files.locked(tmp_path):
        other.start()
        assert not entered.wait(timeout=0.2)
    assert entered.wait(timeout=30)
    other.join(timeout=30)


def test_copy_is_private_and_keeps_the_ending(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"secret")
    path.chmod(0o644)
    copies = [files.keep_copy(path, suffix=".pem") for _ in range(3)]
    assert len(set(copies)) == 3
    for copy in copies:
        assert copy.name.startswith("key.bak-2")
        assert copy.name.endswith("Z.pem")
        assert copy.read_bytes() == b"secret"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert path.read_bytes() == b"secret"


def test_a_folder_has_changed_when_a_file_below_it_has(tmp_path: Path) -> None:
    source = tmp_path / "src/api/app.py"
    source.parent.mkdir(parents=True)
    source.touch()
    (source.parent / "app.cpython-313.pyc").touch()
    os.utime(source, (1000, 1000))
    assert not files.changed_since(tmp_path / "src", 1000)
    assert not files.changed_since(source, 1000)
    os.utime(source, (1001, 1001))
    assert files.changed_since(tmp_path / "src", 1000)
    assert files.changed_since(source, 1000)
    assert not files.changed_since(tmp_path / "nothing", 1000)
