import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

PROJECT = "shop"
HOUR = 3600.0

# Holds an instance, says when it does, and lets go when its input ends.
HOLD = """
import sys
from pathlib import Path
from dashtam_tasks.instances import holding
from dashtam_tasks.namespaces.invoking import outcome

def say(text):
    print(text, flush=True)

def body():
    folder, label, task, patience = sys.argv[1:]
    with holding.held(Path(folder), label, task=task, patience=float(patience), waiting=say):
        say("held")
        sys.stdin.readline()

sys.exit(outcome(body))
"""

# Holds an instance until it has started a child that does not end by itself.
LEAVE_A_CHILD = """
import sys
from pathlib import Path
from dashtam_tasks import processes
from dashtam_tasks.instances import holding

with holding.held(Path(sys.argv[1]), "dev", task="inv dev.up", patience=1, waiting=print):
    child = processes.start(
        [sys.executable, "-c", "import signal; print(flush=True); signal.pause()"], stderr=processes.DEVNULL
    )
    child.stdout.readline()
    print(child.pid, flush=True)
    child.returncode = 0
"""


class Task:
    """A process that works on an instance."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.pid = process.pid

    def fileno(self) -> int:
        """Return where its lines come from."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def says(self) -> str:
        """Return its next line."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def finish(self) -> tuple[int, str]:
        """Let it go on to its end, and return its exit code and its errors."""
        _, errors = self.process.communicate("\n", timeout=60)
        return self.process.returncode, errors

    def interrupt(self) -> tuple[int, str]:
        """Press Ctrl-C, and return its exit code and its errors."""
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        self.process.kill()
        self.process.wait(timeout=60)


class Tasks:
    """Starts tasks on the instances of projects in `folder`."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.stack = stack

    def start(
        self,
        task: str = "inv dev.up",
        *,
        label: str = "dev",
        project: str = PROJECT,
        patience: float = HOUR,
        held: bool = True,
    ) -> Task:
        """Start a task; one that does not get the instance at once is not `held`."""
        argv = [sys.executable, "-c", HOLD, str(self.folder / project), label, task, str(patience)]
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.stack.enter_context(process)
        self.stack.callback(process.kill)
        started = Task(process)
        if held:
            assert started.says() == "held"
        return started


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[Tasks]:
    """Return what starts tasks; those that are still there at the end are killed."""
    with ExitStack() as stack:
        yield Tasks(tmp_path, stack)


def test_a_second_task_waits_and_is_told_for_whom(tasks: Tasks) -> None:
    first = tasks.start("inv dev.up")
    second = tasks.start("inv dev.down", held=False)
    assert second.says() == f"waiting for inv dev.up (process {first.pid}), which works on dev"
    # Nobody else has it, the second one least of all.
    third = tasks.start("inv dev.build", patience=0.01, held=False)
    code, errors = third.finish()
    assert code == 75
    assert errors.startswith(f"error: inv dev.up (process {first.pid}) still works on dev after 0.01 s.\n")
    assert "hint: Wait for it, end it, or work on a copy: --instance NAME.\n" in errors
    assert first.finish() == (0, "")
    assert second.says() == "held"
    assert second.finish() == (0, "")


def test_a_task_without_patience_gives_up_at_once(tasks: Tasks) -> None:
    first = tasks.start("inv ci.run")
    second = tasks.start("inv ci.run", patience=0, held=False)
    # It says nothing of waiting.
    assert second.says() == ""
    code, errors = second.finish()
    assert code == 75
    assert errors.splitlines()[0] == f"error: inv ci.run (process {first.pid}) works on dev."
    assert first.finish() == (0, "")
    assert tasks.start("inv ci.run", patience=0).finish() == (0, "")


def test_a_waiting_task_goes_on_when_the_other_one_is_killed(tasks: Tasks) -> None:
    first = tasks.start("inv dev.up")
    second = tasks.start("inv dev.down", held=False)
    assert second.says().startswith("waiting for inv dev.up ")
    first.kill()
    assert second.says() == "held"
    assert second.finish() == (0, "")


def test_who_is_told_of_is_who_holds_it_now(tasks: Tasks) -> None:
    tasks.start("inv dev.rebuild").kill()
    second = tasks.start("inv dev.up")
    third = tasks.start("inv dev.down", held=False)
    assert third.says() == f"waiting for inv dev.up (process {second.pid}), which works on dev"


def test_several_tasks_have_it_one_after_the_other(tasks: Tasks) -> None:
    first = tasks.start()
    waiting = [tasks.start(held=False) for _ in range(4)]
    for one in waiting:
        assert one.says().startswith("waiting for ")
    assert first.finish() == (0, "")
    while waiting:
        # In any order, and never two at once.
        (served,), _, _ = select.select(waiting, [], [], 60)
        assert served.says() == "held"
        assert tasks.start(patience=0.01, held=False).finish()[0] == 75
        assert served.finish() == (0, "")
        waiting.remove(served)


def test_ctrl_c_ends_the_wait_and_nothing_else(tasks: Tasks) -> None:
    first = tasks.start("inv dev.up")
    second = tasks.start("inv dev.down", held=False)
    assert second.says().startswith("waiting for inv dev.up ")
    assert second.interrupt() == (130, "")
    third = tasks.start("inv dev.build", patience=0.01, held=False)
    code, errors = third.finish()
    assert code == 75
    assert errors.startswith(f"error: inv dev.up (process {first.pid}) ")


def test_ctrl_c_lets_go(tasks: Tasks) -> None:
    assert tasks.start("inv dev.up").interrupt() == (130, "")
    tasks.start("inv dev.down")


@pytest.mark.parametrize(
    ("label", "project"), [("dev (feature-x)", PROJECT), ("test", PROJECT), ("dev", "other")]
)
def test_other_instances_are_free_meanwhile(tasks: Tasks, label: str, project: str) -> None:
    tasks.start("inv dev.up")
    tasks.start("inv dev.down", label=label, project=project)


def test_one_folder_by_two_paths_is_one(tasks: Tasks, tmp_path: Path) -> None:
    (tmp_path / PROJECT).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / PROJECT)
    tasks.start("inv dev.up")
    assert tasks.start(project="link", patience=0.01, held=False).finish()[0] == 75


def test_what_a_task_leaves_running_does_not_hold_the_instance(tasks: Tasks, tmp_path: Path) -> None:
    argv = [sys.executable, "-c", LEAVE_A_CHILD, str(tmp_path / PROJECT)]
    # The child holds its parent's pipe of errors too, were there one.
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    child = int(done.stdout)
    try:
        tasks.start("inv dev.down")
        os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_state_folder_that_cannot_be_written_is_named(
    tasks: Tasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    code, errors = tasks.start(held=False).finish()
    assert code == 73
    assert errors.startswith(f"error: {tmp_path}/file/dashtam-tasks/instances cannot be written: ")
