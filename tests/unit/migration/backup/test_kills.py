import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("killing.py")
ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(("work", "least"), [("take", 25), ("keep", 5), ("add_dump", 10), ("put_back", 8)])
def test_a_kill_at_any_call_leaves_sound_backups_and_the_work_can_be_done_again(
    work: str, least: int
) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), work],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(f"{work}: killed at each of {int(done.stdout)} calls")  # noqa: T201 - the number of cases is to be seen
    assert int(done.stdout) >= least
