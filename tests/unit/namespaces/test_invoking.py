import errno
import os
import sys
from collections.abc import Callable

import pytest
from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit

from dashtam_tasks import console
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.namespaces.invoking import (
    after_dashes,
    alias,
    outcome,
    require_consent,
    seconds,
    task,
)


def fail(error: BaseException) -> Callable[[], int]:
    """Return a task's body that raises `error`."""

    def body() -> int:
        raise error

    return body


@pytest.mark.parametrize("code", list(ExitCode))
def test_a_failure_is_shown_and_its_code_is_the_tasks(
    code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(fail(DashtamError("It failed.", code=code, hint="Try again."))) == code
    assert capsys.readouterr() == ("", "error: It failed.\nhint: Try again.\n")


def test_an_io_error_names_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/some/file")
    assert outcome(fail(error)) == ExitCode.IO
    assert capsys.readouterr() == ("", "error: /some/file: Permission denied.\n")


def test_ctrl_c_is_130_and_silent(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(fail(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        outcome(fail(ZeroDivisionError()))


@pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (5, 5)])
def test_what_a_body_returns_is_the_exit_code(result: int | None, code: int) -> None:
    assert outcome(lambda: result) == code


def test_a_task_ends_invoke_with_its_code() -> None:
    @task()
    def tests(_context: Context) -> int:
        """Run tests."""
        return 5

    with pytest.raises(Exit) as raised:
        tests(Context())
    assert (raised.value.code, raised.value.message) == (5, None)


def test_a_task_that_succeeds_just_returns() -> None:
    @task()
    def tests(_context: Context) -> None:
        """Run tests."""

    assert tests(Context()) is None


def test_tasks_of_one_body_are_different_tasks() -> None:
    def body(_context: Context) -> None:
        """Do something."""

    one, other = task()(body), task()(body)
    assert one != other
    assert one == one  # noqa: PLR0124 - the point of the test
    assert len({one, other, one}) == 2


def test_an_alias_does_the_same_and_says_for_what_it_stands() -> None:
    calls: list[str] = []

    @task(help={"service": "the service"})
    def start(_context: Context, service: str = "app") -> None:
        """Start a service."""
        calls.append(service)

    twin = alias(start, "dev.start")
    twin(Context(), service="redis")
    assert calls == ["redis"]
    assert (twin.__doc__, start.__doc__) == ("Alias of dev.start.", "Start a service.")
    assert Collection(twin).to_contexts()[0].args.keys() == Collection(start).to_contexts()[0].args.keys()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["inv", "dev.exec"], ()),
        (["inv", "dev.exec", "--"], ()),
        (
            ["inv", "dev.exec", "--", "psql", "-c", 'select 1 as "a b"', ""],
            ("psql", "-c", 'select 1 as "a b"', ""),
        ),
        (["inv", "dev.exec", "--", "git", "log", "--", "file"], ("git", "log", "--", "file")),
    ],
)
def test_what_follows_the_dashes_is_as_it_was_typed(
    typed: list[str], expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", typed)
    assert after_dashes() == expected


def test_consent_by_option_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "confirm", fail(AssertionError("asked")))
    require_consent("Really?", yes=True)


@pytest.mark.parametrize("answer", [True, False])
def test_consent_is_what_a_person_answers(monkeypatch: pytest.MonkeyPatch, *, answer: bool) -> None:
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr(console, "confirm", confirm)
    if answer:
        require_consent("Really?", yes=False)
    else:
        with pytest.raises(DashtamError, match=r"^Really\? .* nothing was done\.$") as raised:
            require_consent("Really?", yes=False)
        assert raised.value.code == ExitCode.USAGE
    assert asked == ["Really?"]


def test_a_container_may_get_no_time_to_stop() -> None:
    assert seconds("0", least=0) == 0.0
    with pytest.raises(DashtamError):
        seconds("-1", least=0)


@pytest.mark.parametrize(("text", "value"), [("", None), ("2", 2.0), ("0.5", 0.5)])
def test_seconds_are_a_positive_number(text: str, value: float | None) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["abc", "0", "-5", "nan", "inf", "1s"])
def test_what_is_no_time_is_a_usage_error(text: str) -> None:
    with pytest.raises(DashtamError, match=f"^{text} is no number of seconds to wait") as raised:
        seconds(text)
    assert raised.value.code == ExitCode.USAGE
