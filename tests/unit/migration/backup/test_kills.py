import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases import CountCases

PROGRAM = Path(__file__).with_name("killing.py")
ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize(("work", "least"), [("take", 25), ("keep", 5), ("add_dump", 10), ("put_back", 8)])
def test_a_kill_at_any_call_leaves_sound_backups_and_the_work_can_be_done_again(
    work: str, least: int, count_cases: CountCases
) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), work],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count_cases(int(done.stdout))
    assert int(done.stdout) >= least
