import ast
import os
import signal
import subprocess
import sys

import pytest

from tests.unit.bootstrap.machine import BOOTSTRAP, COMPOSE_PART, DOCKER_PART, VENV_PART, Machine


@pytest.mark.parametrize("arguments", [[], ["--no-install"], ["--"], ["--nonsense", "true"]])
def test_wrong_usage_is_told_with_64(bare: Machine, arguments: list[str]) -> None:
    result = bare.bootstrap(*arguments)
    assert (result.returncode, result.stdout) == (64, "")
    assert "usage: ./bootstrap [--no-install] COMMAND" in result.stderr


def test_an_old_python_gets_as_far_as_the_message(
    bare: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ast.parse(BOOTSTRAP.read_text(), feature_version=(3, 6))
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    with pytest.raises(SystemExit) as ended:
        bare.module()
    assert ended.value.code == 69
    assert "needs Python 3.11 or later" in capsys.readouterr().err


def test_becomes_the_command_and_says_nothing(ready: Machine) -> None:
    words = ["two words", "$HOME", "it's", '"', "", "*", "--no-install"]
    result = ready.bootstrap(
        "sh", "-c", 'cat; printf "<%s>" "$@"; exit 7', "sh", *words, stdin="to the command\n"
    )
    assert result.stdout == "to the command\n" + "".join(f"<{word}>" for word in words)
    assert (result.returncode, result.stderr) == (7, "")


@pytest.mark.parametrize("name", ["TERM", "INT", "PIPE", "KILL"])
def test_the_commands_signal_is_bootstraps(ready: Machine, name: str) -> None:
    result = ready.bootstrap("sh", "-c", f"kill -{name} $$; echo survived")
    assert (result.returncode, result.stdout) == (-signal.Signals[f"SIG{name}"], "")


def test_the_command_runs_in_the_virtual_environment_and_in_the_callers_folder(
    ready: Machine,
) -> None:
    result = ready.bootstrap(
        "sh", "-c", 'echo "$VIRTUAL_ENV|$PATH|$PWD|$PYTHONHOME"', PYTHONHOME=sys.base_prefix
    )
    venv = ready.checkout / ".venv"
    assert result.stdout == f"{venv}|{venv}/bin:{ready.programs}|{ready.root}|\n"


def test_a_command_that_cannot_run_is_told_as_a_shell_tells_it(ready: Machine) -> None:
    (ready.programs / "plain").touch(mode=0o644)
    absent, plain = ready.bootstrap("absent"), ready.bootstrap("plain")
    assert (absent.returncode, plain.returncode) == (127, 126)
    assert absent.stderr == "bootstrap: cannot run absent: No such file or directory\n"


def test_no_install_names_what_is_missing_and_touches_nothing(bare: Machine) -> None:
    bare.be_debian()
    for arguments, value in ((["--no-install"], ""), ([], "1")):
        result = bare.bootstrap(*arguments, "touch", "ran", DASHTAM_NO_INSTALL=value)
        assert result.returncode == 69
        assert f": {VENV_PART}, {DOCKER_PART}, {COMPOSE_PART}\n" in result.stderr
    assert bare.calls == []
    assert not (bare.checkout / ".venv").exists()
    assert not (bare.root / "ran").exists()


def test_standard_input_and_output_are_the_commands_alone(ready: Machine) -> None:
    ready.program(ready.checkout / ".venv/bin/inv", 'echo "inv read <$(cat)>"')
    (ready.checkout / "envs/.env.dev").unlink()
    result = ready.bootstrap("cat", stdin="for the command")
    assert result.stdout == "for the command"
    assert "inv read <>" in result.stderr


def test_the_second_of_two_waits_and_finds_everything_made(ready: Machine) -> None:
    env_file, gate = ready.checkout / "envs/.env.dev", ready.root / "gate"
    env_file.unlink()
    os.mkfifo(gate)
    ready.program(ready.checkout / ".venv/bin/inv", f"cat {gate}; touch '{env_file}'")
    with ready.starting("echo", "first") as first, gate.open("w") as opened:
        with ready.starting("echo", "second") as second:
            assert second.stderr
            assert "waiting for another bootstrap" in second.stderr.readline()
            opened.close()
            assert second.communicate(timeout=60)[0] == "second\n"
        assert first.communicate(timeout=60)[0] == "first\n"
    assert ready.calls == ["inv setup"]


def test_ctrl_c_lets_the_package_manager_clean_up(bare: Machine) -> None:
    started, cleanup = bare.root / "started", bare.root / "cleanup"
    os.mkfifo(started)
    os.mkfifo(cleanup)
    bare.have_venv()
    bare.be_debian(installs=f"trap 'cat {cleanup}; exit 1' INT; cat {started}")
    with bare.starting("touch", "ran") as process:
        with started.open("w"):
            os.killpg(process.pid, signal.SIGINT)
        with cleanup.open("w"), pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        assert process.wait(timeout=60) == 130
    assert not (bare.root / "ran").exists()
