"""Another process that holds an instance, by the same lock as every task."""

import subprocess
import sys
from pathlib import Path

# Holds an instance of the project in its working folder, says when it does, and lets go when its input ends.
HOLD = """
import sys
from pathlib import Path
from dashtam_tasks.instances import holding
with holding.held(Path.cwd(), sys.argv[1], task="inv dev.rebuild", patience=1, waiting=print):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holding(folder: Path, label: str) -> "subprocess.Popen[str]":
    """Return a process that holds an instance of the project in a folder until it is written to."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, label],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process
