import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration import ledger
from dashtam_tasks.migration.ledger import guard

HOLDER = """
import sys, signal
from pathlib import Path
from dashtam_tasks.migration.ledger import guard

with guard.held(Path(sys.argv[1]), task="migrate.apply"):
    print("held", flush=True)
    signal.pause()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    os.utime(folder, ns=(0, 1_500_000_000_123_456_789))
    return folder


def start(project: Path) -> subprocess.Popen[str]:
    """Start a process that holds the project, and wait until it does."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(project)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str], number: signal.Signals) -> None:
    holder.send_signal(number)
    holder.communicate()


def test_a_second_one_ends_at_once_and_names_the_first(project: Path) -> None:
    holder = start(project)
    try:
        with pytest.raises(DashtamError) as caught, guard.held(project, task="migrate.rollback"):
            pytest.fail("two work on one project")
        assert caught.value.code == ExitCode.BUSY
        assert caught.value.reason.startswith(f"migrate.apply (process {holder.pid}, since 2")
        assert str(project) in caught.value.reason
        assert guard.holder_of(project).startswith(f"migrate.apply (process {holder.pid}")
    finally:
        end(holder, signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_dead_process_holds_nothing(project: Path, number: signal.Signals) -> None:
    end(start(project), number)
    assert guard.holder_of(project) == ""
    with guard.held(project, task="migrate.rollback"):
        lock = (project / ".dashtam/lock").read_text()
        assert lock.startswith(f"migrate.rollback (process {os.getpid()}")


def test_nothing_is_left_behind_and_the_folder_keeps_its_time(project: Path) -> None:
    before = project.stat().st_mtime_ns
    with guard.held(project, task="migrate.apply"):
        assert (project / ".dashtam").stat().st_mode & 0o777 == 0o700
        assert (project / ".dashtam/.gitignore").read_text() == "*\n"
    assert list(project.iterdir()) == []
    assert project.stat().st_mtime_ns == before


def test_a_plan_that_was_put_there_stays(project: Path) -> None:
    kept = ledger.of(project)
    with guard.held(project, task="migrate.apply"):
        kept.make()
        kept.put(kept.plan, b"{}")
    assert kept.plan.read_bytes() == b"{}"
    assert guard.holder_of(project) == ""


def test_what_a_kill_left_without_a_plan_goes(project: Path) -> None:
    kept = ledger.of(project)
    kept.make()
    kept.put(kept.contents / "abc", b"something")
    (kept.folder / ".gitignore.x1.tmp").write_bytes(b"")
    with guard.held(project, task="migrate.apply"):
        pass
    assert list(project.iterdir()) == []


def test_what_else_changes_in_the_folder_keeps_its_time(project: Path) -> None:
    with guard.held(project, task="migrate.apply"):
        (project / "new").touch()
        after = project.stat().st_mtime_ns
    assert project.stat().st_mtime_ns == after


def test_a_lock_that_was_moved_away_is_not_taken_for_the_lock(project: Path) -> None:
    with guard.held(project, task="migrate.rollback"):
        (project / ".dashtam").rename(project / "backup")
        with guard.held(project, task="migrate.plan"):
            assert (project / ".dashtam/lock").exists()
    assert (project / "backup/lock").exists()
    assert not (project / ".dashtam").exists()


def test_an_error_inside_is_not_about_the_lock(project: Path) -> None:
    with pytest.raises(PermissionError, match="mine"), guard.held(project, task="migrate.apply"):
        raise PermissionError("mine")
    assert list(project.iterdir()) == []
