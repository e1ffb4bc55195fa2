"""The `docker` that unit tests put on PATH: it answers as answers.json says and records each call."""

import json
import os
import re
import signal
import sys
from pathlib import Path
from types import FrameType

FOLDER = Path(__file__).parent
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def matches(words: list[str], argv: list[str]) -> bool:
    """Return whether `argv` begins with the first word, and has the others in this order."""
    rest = iter(argv)
    return words[:1] == argv[:1] and all(word in rest for word in words)


def expanded(text: str) -> str:
    """Return `text` with each `${NAME:-default}` as Compose resolves it."""
    return VARIABLE.sub(lambda found: os.environ.get(found[1]) or found[2], text)


def note_signal(number: int, _frame: FrameType | None) -> None:
    """Record a signal and end, as docker does."""
    with (FOLDER / f"signals.{os.getpid()}").open("a", encoding="utf-8") as signals:
        signals.write(f"{signal.Signals(number).name}\n")
    sys.exit(128 + number)


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note_signal)
    argv = sys.argv[1:]
    answers = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))
    fitting = [one for one in answers if matches(one["argv"], argv)]
    call = {"argv": argv, "environment": dict(os.environ), "answered": bool(fitting), "pid": os.getpid()}
    with (FOLDER / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(f"{json.dumps(call)}\n")
    if not fitting:
        sys.stderr.write(f"The fake docker has no answer for {argv}.\n")
        return 97
    # The most words win; among equals the last.
    best = max(reversed(fitting), key=lambda one: len(one["argv"]))
    if "tells" in best:
        Path(best["tells"]).write_bytes(b"")
    if "reads" in best:
        Path(best["reads"]).write_bytes(sys.stdin.buffer.read())
    if "awaits" in best:
        Path(best["awaits"]).read_bytes()
    sys.stdout.write(expanded(best["stdout"]) if best.get("expands") else best["stdout"])
    sys.stderr.write(best["stderr"])
    if best.get("holds"):
        sys.stdout.flush()
        signal.pause()
    return int(best["code"])


sys.exit(main())
