import os
import signal
import subprocess
import sys
from pathlib import Path
from socket import gethostname

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

# Takes the project and lets go again and again; whoever has it meanwhile is the only answer there is.
CROWD = """
import sys
from pathlib import Path
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.ledger import guard

taken = 0
for _ in range(150):
    try:
        with guard.held(Path(sys.argv[1]), task="migrate.apply"):
            taken += 1
    except DashtamError as error:
        if error.code != ExitCode.BUSY or not error.reason.startswith("migrate.apply (process "):
            raise
print(taken)
"""
# Looks as long as the test that started it is there, however slow that is.
ONLOOKER = """
import os, sys
from pathlib import Path
from dashtam_tasks.migration.ledger import guard

print("looking", flush=True)
parent = os.getppid()
while os.getppid() == parent:
    guard.holder_of(Path(sys.argv[1]))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    os.utime(folder, ns=(0, 1_500_000_000_123_456_789))
    return folder


def started(program: str, project: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", program, str(project)], stdout=subprocess.PIPE, text=True)


def start(project: Path, program: str = HOLDER, word: str = "held") -> subprocess.Popen[str]:
    """Start a process that holds the project, and wait until it does."""
    holder = started(program, project)
    assert holder.stdout
    assert holder.stdout.readline() == f"{word}\n"
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
        assert f", on {gethostname()})" in caught.value.reason
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


def test_a_lock_that_a_rollback_took_along_is_taken_again(project: Path) -> None:
    with guard.held(project, task="migrate.apply") as hold:
        (project / ".dashtam").rename(project / "backup")
        hold.renew()
        with pytest.raises(DashtamError, match=rf"^migrate\.apply \(process {os.getpid()},"):
            guard.held(project, task="migrate.rollback").__enter__()
    with guard.held(project, task="migrate.rollback"):
        pass
    assert not (project / ".dashtam").exists()


def test_who_was_quicker_after_a_rollback_keeps_the_lock(project: Path) -> None:
    with guard.held(project, task="migrate.apply") as hold:
        (project / ".dashtam").rename(project / "backup")
        with guard.held(project, task="migrate.rollback"):
            with pytest.raises(DashtamError, match=r"^migrate\.rollback \(process "):
                hold.renew()
            assert guard.holder_of(project).startswith("migrate.rollback ")


def test_in_a_crowd_each_takes_the_lock_or_is_told_who_has_it(project: Path) -> None:
    crowd = [started(CROWD, project) for _ in range(3)]
    taken = [one.communicate()[0] for one in crowd]
    assert [one.returncode for one in crowd] == [0, 0, 0]
    assert all(int(one) for one in taken)
    assert list(project.iterdir()) == []


def test_who_only_looks_is_not_taken_for_a_holder(project: Path) -> None:
    onlooker = start(project, ONLOOKER, "looking")
    try:
        for _ in range(300):
            with guard.held(project, task="migrate.apply"):
                pass
        assert onlooker.poll() is None
    finally:
        end(onlooker, signal.SIGKILL)
