"""The `docker` that unit tests put on PATH: it answers as answers.json says and records each call."""

import json
import os
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def matches(words: list[str], argv: list[str]) -> bool:
    """Return whether `argv` begins with the first word, and has the others in this order."""
    rest = iter(argv)
    return words[:1] == argv[:1] and all(word in rest for word in words)


def main() -> int:
    argv = sys.argv[1:]
    answers = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))
    fitting = [one for one in answers if matches(one["argv"], argv)]
    call = {"argv": argv, "environment": dict(os.environ), "answered": bool(fitting)}
    with (FOLDER / "calls.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(f"{json.dumps(call)}\n")
    if not fitting:
        sys.stderr.write(f"The fake docker has no answer for {argv}.\n")
        return 97
    # The most words win; among equals the last.
    best = max(reversed(fitting), key=lambda one: len(one["argv"]))
    sys.stdout.write(best["stdout"])
    sys.stderr.write(best["stderr"])
    return int(best["code"])


sys.exit(main())
