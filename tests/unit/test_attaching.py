import contextlib
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks import processes
from dashtam_tasks.errors import ExitCode
from tests.unit.child_programs import COUNT_SIGNALS, DEAF_PARENT, handlers, python

ATTACH = """
import sys
from dashtam_tasks import processes
sys.exit(processes.attach([sys.executable, "-c", *sys.argv[1:]]))
"""
ATTACH_INTERRUPTIBLE = """
import sys
from dashtam_tasks import processes
def interrupt():
    print("interrupted", flush=True)
    return sys.argv[2] == "delivered"
sys.exit(processes.attach([sys.executable, "-c", sys.argv[1], "7"], interrupt=interrupt))
"""
# The system may give a signal to any thread that does not block it; Python's handlers run in the first one.
ATTACH_ELSEWHERE = f"""
import signal, threading
threading.Thread(target=signal.pause, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGINT, signal.SIGTERM}})
{ATTACH}"""
# A session leader without a terminal gets the one that it opens: what a terminal emulator does.
AT_TERMINAL = f"import os; os.close(os.open(os.ttyname(0), os.O_RDWR))\n{ATTACH}"


@contextlib.contextmanager
def apart(*arguments: str, program: str = ATTACH) -> Iterator["subprocess.Popen[str]"]:
    """Run, without a terminal, what attaches a child with `arguments` that says when it is ready."""
    with subprocess.Popen(
        [*python(program), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


@pytest.mark.parametrize("code", [0, 1, 5, 130])
def test_attach_passes_the_exit_code(code: int) -> None:
    assert processes.attach(python(f"import sys; sys.exit({code})")) == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_attach_returns_128_and_the_signal(number: signal.Signals) -> None:
    assert processes.attach(python(f"import os; os.kill(os.getpid(), {int(number)})")) == 128 + number


def test_attach_restores_our_own_signal_handlers() -> None:
    before = handlers()
    processes.attach(python(""))
    assert handlers() == before


def test_attach_passes_the_standard_streams_in_order() -> None:
    parent = (
        "import sys; from dashtam_tasks import processes\n"
        "print('before'); sys.stdout.write('')\n"
        "code = processes.attach(['cat'])\n"
        "print('after', code)"
    )
    done = subprocess.run(python(parent), input="stdin\n", capture_output=True, text=True, check=True)
    assert done.stdout == "before\nstdin\nafter 0\n"
    assert done.stderr == ""


def test_attach_passes_other_standard_streams(tmp_path: Path) -> None:
    read, written = tmp_path / "read", tmp_path / "written"
    read.write_bytes(b"\r\n\x00\xff")
    with read.open("rb") as source, written.open("w") as target:
        assert processes.attach(["cat"], stdin=source, stdout=target) == 0
    assert written.read_bytes() == b"\r\n\x00\xff"


def test_attach_can_withhold_our_standard_input() -> None:
    parent = (
        "import subprocess; from dashtam_tasks import processes\n"
        "print(processes.attach(['cat'], stdin=subprocess.DEVNULL))"
    )
    done = subprocess.run(python(parent), input="ours\n", capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_terminal_a_signal_is_passed_on_once(number: signal.Signals) -> None:
    with apart(COUNT_SIGNALS, "7") as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    assert output.split() == [f"{number.name}:{process.pid}"]


def test_without_a_terminal_a_signal_to_the_group_arrives_once() -> None:
    with apart(COUNT_SIGNALS, "7") as process:
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert output.split() == [f"SIGINT:{process.pid}"]


def test_without_a_terminal_a_childs_own_children_get_the_signal_too() -> None:
    with apart(DEAF_PARENT, COUNT_SIGNALS, "7") as process:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert output.split() == [f"SIGINT:{process.pid}"]
    assert process.returncode == ExitCode.INTERRUPTED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_another_thread_gets_is_passed_on(number: signal.Signals) -> None:
    with apart(COUNT_SIGNALS, "7", program=ATTACH_ELSEWHERE) as process:
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
    assert output.split() == [f"{number.name}:{process.pid}"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_while_the_child_is_started_ends_it(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> processes.Process:
        process = started(*arguments, **options)
        os.kill(os.getpid(), number)
        return process

    started = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", interrupted)
    assert processes.attach(["tail", "-f", "/dev/null"]) == 128 + number


@pytest.mark.parametrize(("delivery", "arrived"), [("delivered", 1), ("undelivered", 2)])
def test_the_first_ctrl_c_may_go_another_way(delivery: str, arrived: int) -> None:
    with apart(COUNT_SIGNALS, delivery, program=ATTACH_INTERRUPTIBLE) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "interrupted\n"
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=60)
    assert len(output.split()) == arrived
    assert process.returncode == ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    ("number", "code", "expected"),
    [
        (signal.SIGINT, 0, 0),
        (signal.SIGINT, 1, ExitCode.INTERRUPTED),
        (signal.SIGINT, 7, ExitCode.INTERRUPTED),
        (signal.SIGTERM, 0, 0),
        (signal.SIGTERM, 7, 7),
    ],
)
def test_only_what_fails_after_ctrl_c_was_interrupted(
    number: signal.Signals, code: int, expected: int
) -> None:
    with apart(COUNT_SIGNALS, str(code)) as process:
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == expected


def test_at_a_terminal_ctrl_c_arrives_once() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*python(AT_TERMINAL), COUNT_SIGNALS, "7"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    with process, os.fdopen(ours, "rb", buffering=0) as screen:
        assert until(screen.fileno(), b"ready\r\n")
        os.write(screen.fileno(), b"\x03")
        shown = until(screen.fileno(), b"SIGINT:0\r\n")
        assert process.wait(timeout=60) == ExitCode.INTERRUPTED
    assert shown.count(b"SIGINT") == 1
    assert b"Traceback" not in shown


def until(terminal: int, end: bytes) -> bytes:
    """Return what a terminal shows up to `end`; a program that ends before makes it fail."""
    shown = b""
    while not shown.endswith(end):
        shown += os.read(terminal, 1024)
    return shown
