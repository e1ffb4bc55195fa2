"""How a task meets Invoke: errors become messages and exit codes, arguments after `--` stay whole."""

import copy
import functools
import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import Task

from dashtam_tasks import console, settings
from dashtam_tasks.errors import DashtamError, ExitCode

if TYPE_CHECKING:
    from dashtam_tasks.environments import Environment

P = ParamSpec("P")

INSTANCE = "the copy of this name (default: DASHTAM_INSTANCE, else the folder's own)"


HELP_OPTIONS = frozenset({"-h", "--help"})
OPTION = re.compile(r"--?[A-Za-z][\w-]*")


class OurTask(Task[Any]):
    """A task that equals itself alone, and whose arguments do not take an option for their value.

    Invoke takes two tasks of one name and one code object for the same and drops the second; `dev.up` and
    `test.up` are such a pair, since one wrapper surrounds all bodies.
    """

    def arg_opts(self, name: str, default: str, taken_names: set[str]) -> dict[str, Any]:
        """Return Invoke's options of an argument; where the task's help is asked for, none is positional.

        Invoke gives the next word to a positional argument before it looks whether that is `--help`.
        """
        options: dict[str, Any] = super().arg_opts(name, default, taken_names)
        return {**options, "positional": options["positional"] and not asks_for_help(self.name)}

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def task(
    *,
    name: str | None = None,
    help: Mapping[str, str] | None = None,  # noqa: A002 - Invoke's own word
    iterable: Sequence[str] = (),
    optional: Sequence[str] = (),
    default: bool = False,
) -> Callable[[Callable[Concatenate[Context, P], int | None]], Task[Any]]:
    """Return a decorator that makes an Invoke task of a function, whose result, if any, is the exit code.

    A DashtamError is shown and ends the task with its code, Ctrl-C with 130.
    """

    def decorate(body: Callable[Concatenate[Context, P], int | None]) -> Task[Any]:
        @functools.wraps(body)
        def guarded(context: Context, *args: P.args, **kwargs: P.kwargs) -> None:
            def call() -> int | None:
                refuse_options(made, kwargs)
                return body(context, *args, **kwargs)

            code = outcome(call)
            if code:
                raise Exit(code=code)

        made = OurTask(
            guarded, name=name, help=dict(help or {}), iterable=iterable, optional=optional, default=default
        )
        return made

    return decorate


def asks_for_help(name: str) -> bool:
    """Return whether help is asked for right behind the task of this name, or behind its options."""
    typed = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
    return any(
        word in HELP_OPTIONS and (before.startswith("-") or before.rpartition(".")[2] == name)
        for before, word in pairwise(typed)
    )


def refuse_options(called: Task[Any], values: Mapping[str, object]) -> None:
    """Raise DashtamError (USAGE) for a positional argument whose value is an option that was mistyped."""
    for name in called.positional:
        value = values.get(name)
        if isinstance(value, str) and OPTION.fullmatch(value):
            raise DashtamError(
                f"{value} is no option of this task, and cannot be its {name}.",
                code=ExitCode.USAGE,
                hint="--help right behind the task shows its options.",
            )


def outcome(body: Callable[[], int | None]) -> int:
    """Run `body` and return its exit code, after showing what failed."""
    try:
        return body() or 0
    except DashtamError as failure:
        console.error(failure)
        return failure.code
    except OSError as error:
        reason = f"{error.filename or 'Input or output'}: {error.strerror or error}."
        console.error(DashtamError(reason, code=ExitCode.IO))
        return ExitCode.IO
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def alias(original: Task[Any], target: str) -> Task[Any]:
    """Return a copy of `original` whose help says which task it stands for."""
    twin = copy.copy(original)
    # Invoke takes the texts out of it as it reads them.
    twin.help = original.help.copy()
    twin.__doc__ = f"Alias of {target}."
    return twin


def environment(context: Context, name: str, instance: str = "") -> "Environment":
    """Return an instance of the environment `name`, to look at or to run commands in."""
    from dashtam_tasks.opening import open_environment

    return open_environment(settings.load(context.config), name, instance=instance or None)


def starting(context: Context, name: str, instance: str = "") -> "Environment":
    """Return an instance of the environment `name`, remembered, for what starts containers beside other tasks."""
    from dashtam_tasks.opening import claimed

    return claimed(environment(context, name, instance))


def changing(
    context: Context, name: str, instance: str = "", *, task: str, starts: bool = True
) -> "AbstractContextManager[Environment]":
    """Return what yields an instance of the environment `name` and keeps other tasks from changing it meanwhile."""
    from dashtam_tasks import opening

    return opening.changing(
        settings.load(context.config),
        name,
        instance=instance or None,
        task=task,
        starts=starts,
        waiting=console.note,
    )


def after_dashes() -> tuple[str, ...]:
    """Return the arguments behind `--` as they were typed; Invoke itself joins them into one string."""
    return tuple(sys.argv[sys.argv.index("--") + 1 :]) if "--" in sys.argv else ()


def require_consent(question: str, *, yes: bool) -> None:
    """Ask, unless `yes` is given.

    Raises DashtamError (USAGE) when the answer is no, or when there is no terminal to ask on.
    """
    if not yes and not console.confirm(question):
        raise DashtamError(
            f"{question} That was not answered with yes, so nothing was done.",
            code=ExitCode.USAGE,
            hint="Where there is no terminal to ask on, --yes answers.",
        )


def seconds(text: str, *, least: float = math.ulp(0.0)) -> float | None:
    """Return the seconds that an option names, None for an option that was not given.

    Raises DashtamError (USAGE) for what is no number, or less than `least`: by default nothing, or less.
    """
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -math.inf
    if not least <= value < math.inf:
        raise DashtamError(f"{text} is no number of seconds to wait.", code=ExitCode.USAGE)
    return value
