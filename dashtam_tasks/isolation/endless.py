"""Whether a command does nothing but wait: `sleep infinity` and its disguises."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import dropwhile, pairwise
from pathlib import PurePosixPath

from dashtam_tasks.isolation.shell import BLOCKS, Command, parse

DAY = 24 * 60 * 60
UNITS = {"s": 1, "m": 60, "h": 60 * 60, "d": DAY}
SHELLS = frozenset({"ash", "bash", "dash", "ksh", "sh", "su", "zsh"})
# What runs the rest of its command line, with the number of its own operands before that.
WRAPPERS = {
    **dict.fromkeys(
        "busybox catatonit command docker-init dumb-init env exec nice nohup setsid tini".split(), 0
    ),
    **dict.fromkeys("gosu su-exec".split(), 1),
}
# A loop over these gets nothing done.
IDLE = frozenset("! : date echo false printf read sleep true wait".split())
ALWAYS = {(":",), ("true",), ("1",)}
NEVER = {("false",), ("0",)}

ASSIGNMENT = re.compile(r"\w+=")
SCRIPT_OPTION = re.compile(r"-[a-z]*c[a-z]*")
FOLLOW_OPTION = re.compile(r"--follow\b.*|-\w*[fF]\w*")
BRACKETS = frozenset({"[", "]", "[[", "]]", "test"})

FOREVER = ("sleep", "infinity")
WORK = ("some", "work")


def sleeps_for_ever(argv: Sequence[str]) -> bool:
    """Return whether a command waits for ever, for a day or more, or for input that nobody gives.

    It looks through shells, wrappers such as `tini --`, and entrypoint scripts, which run their arguments. What a
    script file or another program does inside is not known, and taken for work.
    """
    words = list(dropwhile(ASSIGNMENT.match, argv))
    if not words:
        return False
    program, arguments = PurePosixPath(words[0]).name, words[1:]
    if program in SHELLS:
        return shell_sleeps(arguments)
    if program in WRAPPERS or program.endswith((".sh", "entrypoint")):
        return sleeps_for_ever(wrapped(arguments)[WRAPPERS.get(program, 0) :])
    if program == "sleep":
        return sum(map(seconds, arguments)) >= DAY
    if program == "tail":
        return follows_nothing(arguments)
    return program in {"cat", "pause", "read"} and not arguments


def shell_sleeps(arguments: Sequence[str]) -> bool:
    """Return whether a shell sleeps for ever: in its script, in what it runs, or at its prompt."""
    for option, script in pairwise(arguments):
        if SCRIPT_OPTION.fullmatch(option):
            return comes_to_wait(blocks_as_one(parse(script)))
    operands = list(dropwhile(lambda word: word.startswith("-"), arguments))
    return not operands or sleeps_for_ever(operands)


def wrapped(arguments: Sequence[str]) -> Sequence[str]:
    """Return the command that a wrapper runs: what follows `--`, else its options and assignments."""
    if "--" in arguments:
        return arguments[arguments.index("--") + 1 :]
    return list(dropwhile(lambda word: word.startswith("-") or ASSIGNMENT.match(word), arguments))


def seconds(duration: str) -> float:
    """Return an argument of GNU `sleep` in seconds, 0 for what is no duration, such as a variable."""
    number, unit = (duration[:-1], UNITS[duration[-1]]) if duration[-1:] in UNITS else (duration, 1)
    try:
        return float(number) * unit
    except ValueError:
        return 0


def follows_nothing(arguments: Sequence[str]) -> bool:
    """Return whether `tail` follows an empty file: /dev/null, or an input that nobody writes to."""
    files = {word for word in arguments if not word.startswith("-") and not word.lstrip("+").isdecimal()}
    return files <= {"/dev/null"} and any(map(FOLLOW_OPTION.fullmatch, arguments))


def comes_to_wait(commands: Sequence[Command]) -> bool:
    """Return whether a script comes to a command that waits for ever.

    One that only another's failure leads to does not count, nor one that only a success leads to, unless the
    script ends with it: `prepare && sleep infinity`, but not `prepare || sleep infinity`.
    """
    jobs = [one for one in commands if one.after == "&"]
    before = ";"
    for position, command in enumerate(commands):
        reached = before in {";", "&"} or (before == "&&" and in_last_list(commands[position:]))
        foreground = command.after not in {"&", "|", "|&"}
        if reached and foreground and (sleeps_for_ever(command.words) or waits_for(jobs, command)):
            return True
        before = command.after
    return False


def in_last_list(rest: Sequence[Command]) -> bool:
    """Return whether the first of these commands is in the script's last list of `&&` and `||`."""
    return all(one.after in {"&&", "||"} for one in rest[:-1])


def waits_for(jobs: Sequence[Command], command: Command) -> bool:
    """Return whether `command` waits for background jobs, all of which sleep for ever."""
    return command.name == "wait" and bool(jobs) and all(sleeps_for_ever(job.words) for job in jobs)


def blocks_as_one(commands: Sequence[Command]) -> list[Command]:
    """Return the commands with each compound one, the innermost first, as one that sleeps or one that works."""
    rest = list(commands)
    while True:
        end = next((at for at, one in enumerate(rest) if one.name in BLOCKS), None)
        if end is None:
            return rest
        openers = BLOCKS[rest[end].name]
        start = next((at for at in range(end, -1, -1) if rest[at].name in openers), end)
        words = FOREVER if block_sleeps(rest[start:end]) else WORK
        rest[start : end + 1] = [replace(rest[end], words=words)]


def block_sleeps(block: Sequence[Command]) -> bool:
    """Return whether a compound command, without its last word, sleeps for ever: a group, or a loop.

    What is on one branch of a condition may never run.
    """
    opener = block[0].name if block else ""
    if opener in {"(", "{"}:
        return comes_to_wait(block[1:])
    return opener in {"until", "while"} and idles_for_ever(block[1:], until=opener == "until")


def idles_for_ever(loop: Sequence[Command], *, until: bool) -> bool:
    """Return whether a loop, without its first and last word, never ends and gets nothing done."""
    do = next((at for at, one in enumerate(loop) if one.name == "do"), 0)
    tests, body = loop[:do], loop[do + 1 :]
    return (
        bool(tests)
        and all(map(idle, (*tests[:-1], *body)))
        and never_ends(tests[-1], until=until != (tests[0].name == "!"))
    )


def never_ends(test: Command, *, until: bool) -> bool:
    """Return whether a loop with this test never ends: it is constant, or a sleep, which succeeds."""
    constant = tuple(word for word in test.words if word not in BRACKETS)
    if until:
        return constant in NEVER
    return constant in ALWAYS or test.name == "sleep" or compares_with_itself(constant)


def compares_with_itself(test: tuple[str, ...]) -> bool:
    """Return whether a test is one such as `1 -eq 1`."""
    return test[1:-1] in {("-eq",), ("=",), ("==",)} and test[0] == test[2]


def idle(command: Command) -> bool:
    """Return whether a command gets nothing done, nor does what is substituted into its words."""
    substitutes = any("$(" in word or "`" in word for word in command.words)
    return not substitutes and (command.name in IDLE or sleeps_for_ever(command.words))
