"""The promise, broken into at every change: a migration is finished or taken back, exactly, whatever stopped it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases import CountCases
from tests.unit.migration.execution.faults import FAULTS

pytestmark = pytest.mark.shapes

ROOT = Path(__file__).parents[4]
KILL = "sigkill"
OTHERS = tuple(name for name in FAULTS if name != KILL)


def sweep(tmp_path: Path, fault: str, *, every: int, first: int) -> int:
    """Run all cases of a fault in a process without threads, which may fork; return how many were right."""
    arguments = [fault, str(tmp_path / "sweep"), str(every), str(first)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.migration.execution.faults", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cases, twice = map(int, done.stdout.split())
    assert twice > cases / 50
    return cases


def test_killed_at_every_change_it_is_finished_or_taken_back(tmp_path: Path, count_cases: CountCases) -> None:
    cases = sweep(tmp_path, KILL, every=1, first=1)
    count_cases(cases)
    assert cases > 500


@pytest.mark.parametrize("fault", OTHERS)
def test_whatever_stops_it_it_is_finished_or_taken_back(
    tmp_path: Path, fault: str, count_cases: CountCases
) -> None:
    # Each fault takes its own sixth of the changes.
    cases = sweep(tmp_path, fault, every=len(OTHERS), first=1 + OTHERS.index(fault))
    count_cases(cases)
    assert cases > 100
