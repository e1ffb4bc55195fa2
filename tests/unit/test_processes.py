import contextlib
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks import processes
from dashtam_tasks.errors import DashtamError, ExitCode
from tests.unit.child_programs import COUNT_SIGNALS, DEAF_PARENT, handlers, python

# As docker before its plugin listens.
DEAF_AT_FIRST = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
signal.sigtimedwait((), 1.5)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.sigtimedwait((), 10)
"""
# What a process ignores, its children ignore too.
DEAF_FAMILY = """
import signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.sigtimedwait((), 5); print('survived')"])
print("ready", flush=True)
child.wait()
"""


def test_a_child_gets_what_tools_need_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere.sock")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("POSTGRES_PASSWORD", "from a shell")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    given = processes.child_environment()
    assert given["DOCKER_HOST"] == "unix:///somewhere.sock"
    assert given["https_proxy"] == "http://127.0.0.1:3128"
    assert given["LC_ALL"] == "C.UTF-8"
    assert given["PATH"] == os.environ["PATH"]
    assert given.keys().isdisjoint({"POSTGRES_PASSWORD", "PYTHONPATH"})


@pytest.mark.parametrize("name", sorted(processes.REFUSED_NAMES))
def test_a_shell_does_not_choose_the_compose_project(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "another")
    assert name not in processes.child_environment()


def test_what_is_declared_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///somewhere.sock")
    given = processes.child_environment({"DOCKER_HOST": "unix:///other.sock", "COMPOSE_PROFILES": "all"})
    assert given["DOCKER_HOST"] == "unix:///other.sock"
    assert given["COMPOSE_PROFILES"] == "all"


def test_run_returns_what_a_process_left(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), sys.stdin.read()); print('bad', file=sys.stderr); sys.exit(3)"
    done = processes.run(python(code), cwd=tmp_path, stdin="in")
    assert (done.returncode, done.stdout, done.stderr) == (3, f"{tmp_path} in\n", "bad\n")
    assert done.argv == tuple(python(code))


def test_run_leaves_our_standard_input_alone() -> None:
    code = "import sys; sys.stdout.write(repr(sys.stdin.read()))"
    assert processes.run(python(code)).stdout == "''"


def test_run_survives_output_that_is_no_text() -> None:
    code = r"import sys; sys.stdout.buffer.write(b'\xff!')"
    assert processes.run(python(code)).stdout == "�!"


def test_run_gives_up_after_its_timeout() -> None:
    with pytest.raises(DashtamError, match=r"did not end within 0\.2 s") as raised:
        processes.run(python("import signal; signal.pause()"), timeout=0.2)
    assert raised.value.code == ExitCode.UNAVAILABLE


@pytest.mark.parametrize("call", [processes.run, processes.start, processes.attach])
def test_a_missing_program_is_named(call: object, tmp_path: Path) -> None:
    assert callable(call)
    with pytest.raises(DashtamError, match=r"^dashtam-nothing could not be started: No such file") as raised:
        call(["dashtam-nothing", "ps"], environment={"PATH": str(tmp_path)})
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert "Install dashtam-nothing" in raised.value.hint


def test_a_program_that_may_not_be_executed_is_named(tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.touch(mode=0o644)
    assert not program.stat().st_mode & stat.S_IXUSR
    with pytest.raises(DashtamError, match=r"docker could not be started: Permission denied\."):
        processes.run([str(program)])


def test_a_missing_folder_is_not_mistaken_for_a_missing_program(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        processes.run(python(""), cwd=tmp_path / "gone")
    assert raised.value.filename == tmp_path / "gone"


def test_start_passes_bytes_unchanged() -> None:
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"
    with processes.start(python(code), stdin=subprocess.PIPE) as process:
        output, _ = process.communicate(b"\r\n\x00\xff")
    assert output == b"\xff\x00\n\r"


def test_what_start_starts_is_not_in_our_process_group() -> None:
    with processes.start(python("import os; print(os.getpgrp())")) as process:
        output, _ = process.communicate()
    assert int(output) == process.pid != os.getpgrp()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_a_task_may_count_as_ctrl_c_for_a_while(number: signal.Signals) -> None:
    before = handlers()
    with pytest.raises(KeyboardInterrupt), processes.terminable():
        os.kill(os.getpid(), number)
    assert handlers() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_must_not_be_left_half_done_is_done_first(number: signal.Signals) -> None:
    before, done = handlers(), []

    def work() -> None:
        with processes.unhurried():
            for _ in range(2):
                os.kill(os.getpid(), number)
            done.append("all")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all"]
    assert handlers() == before


def test_what_nobody_interrupts_ends_as_it_does() -> None:
    before = handlers()
    with processes.unhurried():
        assert handlers() != before
    assert handlers() == before
    with pytest.raises(BrokenPipeError), processes.unhurried():
        raise BrokenPipeError
    assert handlers() == before


@contextlib.contextmanager
def ended_at_once(program: str, *arguments: str) -> Iterator[processes.Process]:
    """Start a program, end it as soon as it says that it is ready, and yield what is left to be read."""
    with processes.start([*python(program), *arguments]) as process:
        with processes.ending(process):
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        yield process


@pytest.mark.parametrize("program", [(COUNT_SIGNALS,), (DEAF_PARENT, COUNT_SIGNALS)], ids=["alone", "behind"])
def test_what_has_to_end_is_asked_once_and_so_is_what_it_started(program: tuple[str, ...]) -> None:
    with ended_at_once(*program, "7") as process:
        output, _ = process.communicate()
    assert (output.decode(), process.returncode) == (f"SIGTERM:{os.getpid()}\n", 7)


def test_who_does_not_listen_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 5)
    with ended_at_once(DEAF_AT_FIRST) as process:
        assert process.returncode == -signal.SIGTERM


def test_what_does_not_end_is_killed_with_all_that_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 1)
    with ended_at_once(DEAF_FAMILY) as process:
        # The output ends when the last one that has it does.
        output, _ = process.communicate()
    assert (output, process.returncode) == (b"", -signal.SIGKILL)


def test_start_can_leave_our_own_outputs_to_a_child_in_order() -> None:
    parent = (
        "from dashtam_tasks import processes\n"
        "print('before', flush=False)\n"
        "with processes.start(['sh', '-c', 'echo out; echo err >&2'], stdout=None, stderr=None) as process:\n"
        "    process.wait()\n"
        "print('after')"
    )
    done = subprocess.run(python(parent), capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("before\nout\nafter\n", "err\n")


def test_ctrl_c_while_a_command_is_started_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        processes.start(["sleep", "60"])
    assert [one.poll() for one in started] == [-signal.SIGTERM]
    assert signal.getsignal(signal.SIGINT) is before
