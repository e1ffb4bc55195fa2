import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from dashtam_tasks import console
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.readiness import Progress

SHOW = """
from dashtam_tasks import console
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.readiness import Progress
with console.progress() as report:
    report(Progress(service="app", state="started", seconds=1))
    report(Progress(service="app", state="healthy", seconds=2.25))
with console.transfer("dump") as report:
    report(5)
console.table(("service", "state"), [("app", "[healthy]")])
console.error(DashtamError("It failed.", code=ExitCode.IO, hint="Try again."))
"""
ASK = "import sys; from dashtam_tasks import console; sys.exit(console.confirm('Really?'))"
ESCAPE = "\x1b"


def on_terminal(code: str, *, keys: str = "", **environment: str) -> tuple[int, str]:
    """Run Python code on a terminal of its own; return its exit code and what the terminal got."""
    ours, theirs = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**inherited, "TERM": "xterm-256color", **environment},
    ) as process:
        os.close(theirs)
        os.write(ours, keys.encode())
        shown = read_all(ours)
    return process.returncode, shown.replace("\r\n", "\n")


def read_all(terminal: int) -> str:
    """Read a terminal until nobody has its other side open."""
    shown = b""
    with os.fdopen(terminal, "rb", buffering=0) as stream:
        try:
            while chunk := stream.read(4096):
                shown += chunk
        except OSError:
            # EIO is how Linux says that the other side is closed.
            return shown.decode()
    return shown.decode()


def test_results_go_to_stdout_and_progress_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console.line("result")
    console.note("progress")
    with console.progress() as report:
        report(Progress(service="app", state="healthy", seconds=2.25))
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("result\n", "progress\napp healthy 2.2 s\n")


def test_data_is_json_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    console.data({"path": Path("/x"), "found": (1, None), "text": "naïve"})
    assert json.loads(capsys.readouterr().out) == {"path": "/x", "found": [1, None], "text": "naïve"}


def test_a_table_never_wraps_without_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    address = "https://localhost:8000/" + "x" * 200
    console.table(("service", "address"), [("app", address), ("[red]", 5)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [["service", "address"], ["app", address], ["[red]", "5"]]


def test_a_long_cell_moves_only_its_own_row_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 400
    console.table(
        ("where", "what", "hint"), [("app", "short", "Go."), ("database", long, "Go."), ("", "a", "")]
    )
    assert capsys.readouterr().out.splitlines() == [
        "where     what   hint",
        "app       short  Go.",
        f"database  {long}  Go.",
        "          a",
    ]


def test_each_row_is_one_line_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.table(("where", "what"), [("file", "It is wrong.\nLook at line 2.")])
    assert capsys.readouterr().out.splitlines() == ["where  what", "file   It is wrong. Look at line 2."]


def test_an_error_has_reason_details_and_hint_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    failure = DashtamError(
        "Port 8000 is taken.\nPort 8001 too.",
        code=ExitCode.UNAVAILABLE,
        hint="Stop [it].",
        details="raw [bold]words[/bold]\n" + "x" * 300 + "\n",
    )
    console.error(failure)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "error: Port 8000 is taken.",
        "Port 8001 too.",
        "raw [bold]words[/bold]",
        "x" * 300,
        "hint: Stop [it].",
    ]


def test_an_error_without_more_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.error(DashtamError("It failed.", code=ExitCode.IO))
    assert capsys.readouterr().err == "error: It failed.\n"


def test_findings_are_rows_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    console.findings(
        [
            Finding(
                kind="port",
                where="127.0.0.1:80",
                message="Taken.",
                severity=Severity.WARNING,
                hint="Free it.",
            )
        ]
    )
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1].split() == ["warning", "127.0.0.1:80", "Taken.", "Free", "it."]
    assert shown.err == ""


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (3 * 3600 + 1800, "3 h"),
        (86399, "23 h"),
        (86400, "1 d"),
        (400 * 86400, "400 d"),
    ],
)
def test_a_duration_is_told_in_its_largest_whole_unit(seconds: float, shown: str) -> None:
    assert console.duration(seconds) == shown


def test_a_transfer_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with console.transfer("dump") as report:
        report(1 << 20)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_colours_and_live_progress() -> None:
    code, shown = on_terminal(SHOW)
    assert code == 0
    assert f"{ESCAPE}[1;31merror:" in shown
    assert "✔  app  healthy  2.2 s" in shown
    assert "[healthy]" in shown


def test_no_color_makes_a_terminals_output_plain() -> None:
    code, shown = on_terminal(SHOW, NO_COLOR="1")
    assert code == 0
    lines = [line.rstrip() for line in shown.splitlines() if line.strip()]
    assert lines == [
        "app started 1.0 s",
        "app healthy 2.2 s",
        "service  state",
        "app      [healthy]",
        "error: It failed.",
        "hint: Try again.",
    ]


def test_an_empty_no_color_means_nothing() -> None:
    assert ESCAPE in on_terminal(SHOW, NO_COLOR="")[1]


@pytest.mark.parametrize(
    ("keys", "answer"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("\x04", False)]
)
def test_confirmation_needs_a_yes(keys: str, *, answer: bool) -> None:
    code, shown = on_terminal(ASK, keys=keys)
    assert bool(code) is answer
    assert "Really? [y/N] " in shown


def test_without_a_terminal_the_answer_is_no() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK], input="y\n", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (False, "", "")
