"""Break a migration of example/ with real volumes, in real processes, and see that it is finished or taken back.

Usage: python -m tests.integration.migration_faults FOLDER [EVERY [FIRST]]: at every so manieth thing that it, its
cleanup and its rollback do, from the first given on. With 1 these are all; 2 1 and 2 2 are halves, which may run
side by side. Without, at one for each kind of operation and each stage of copying a volume. Prints how many cases
there were; exits 1 when one was not as it should be.
"""

import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration import finishing, undertaking
from dashtam_tasks.migration.execution import applying
from dashtam_tasks.migration.ledger import guard, saved_plan
from dashtam_tasks.migration.planning.choices import Choices
from dashtam_tasks.migration.verification import Outcome, report
from tests.integration.breaking import STOPS, Action, Point, Watch, beyond, is_broken, points
from tests.integration.fault_cases import (
    ALL_COPIED,
    APPLIED,
    BACK,
    CLEAN_UP,
    CLEANED,
    MIGRATE,
    ONE_COPIED,
    PLANNED,
    SERVING,
    STOPPED,
    TAKE_BACK,
    USED,
    Case,
    after,
    by_number,
    cases,
    counted,
    journeys,
    kinds,
)
from tests.integration.legacy_projects import LegacyProject, disposable_legacy
from tests.integration.legacy_volumes import Kept
from tests.integration.migration_stand import Stand, Start, Tree, compare, tree
from tests.unit.migration.execution.faults import no_wait

KINDS = "kinds"
WRITTEN = "written after the migration"
ADDED = "insert into savings (name) values ('written after the migration')"
# So many failures tell enough.
BOUND = 20
# Its multiples are spread evenly over the numbers from 0 to 1, wherever one stops.
GOLDEN = 0.618034


def mute(_: str) -> None:
    """Say nothing."""


class Sweep(Stand):
    """All cases of one project: `cases` counts them, `twice` those in which what mends was stopped, too."""

    def __init__(self, project: LegacyProject, folder: Path) -> None:
        super().__init__(project, folder)
        self.cases = self.twice = 0
        self.failures: list[str] = []
        # How many things what mends a case did the last time, which tells where its middle is.
        self.lengths: dict[tuple[str, str], int] = {}
        self.starts: dict[str, Start] = {}
        self.results: dict[str, Tree] = {}
        self.go_forward()

    def go_forward(self) -> None:
        """Migrate once, and keep the states that the project comes through; what comes of it is verified."""
        assert is_broken(self.back_up, lambda point: point.under.startswith(undertaking.BACKUP), "sigkill")
        self.planned()
        self.stay(PLANNED)
        first, second = self.copies
        assert is_broken(
            self.migrate, lambda point: point.is_program and point.under.endswith(first.target), "sigkill"
        )
        self.stay(STOPPED)
        self.starts[SERVING] = replace(self.starts[STOPPED], name=SERVING, is_serving=True)
        volumes: list[Kept] = []
        for name, one in ((ONE_COPIED, first), (ALL_COPIED, second)):
            assert is_broken(self.migrate, after(str(one)), "sigkill")
            volumes.append(self.volumes.keep(one.target))
            self.stay(name, *volumes)
        points(self.migrate)
        self.results[MIGRATE] = tree(self.project.path)
        boxes = list(finishing.of_files(self.project.path, self.saved()))
        assert boxes
        assert not [one for one in boxes if one.outcome is Outcome.FAILED], boxes
        # Cleanup asks for it; all is verified for real in test_migration.
        report.write(self.project.path, boxes)
        self.stay(APPLIED, *volumes)
        points(self.clean_up)
        self.planned()
        self.results[CLEAN_UP] = tree(self.project.path)
        self.stay(CLEANED, *volumes)
        self.volumes.check_new(self.copies)
        self.volumes.keeper.write(first.target, ADDED)
        self.stay(USED, self.volumes.keep(first.target), volumes[1])

    def stay(self, name: str, *volumes: Kept) -> None:
        """Keep the state that the project is in."""
        self.starts[name] = self.kept(name, volumes)

    def back_up(self, watch: Watch) -> None:
        """Begin the migration."""
        undertaking.back_up(self.project.path, Choices(), database=False, notify=watch.notify)

    def migrate(self, watch: Watch) -> None:
        """Do what is left of the migration; what would verify its steps changes nothing, and is left out."""
        with guard.held(self.project.path, task="migrate.apply"):
            saved = self.saved()
            numbers = [one.number for one in saved.steps]
            applying.apply(self.project.path, saved, steps=numbers, verify=lambda _: (), notify=watch.notify)

    def clean_up(self, watch: Watch) -> None:
        """Do what is left of the cleanup."""
        finishing.clean_up(self.project.path, consent=lambda _: None, notify=watch.notify)

    def take_back(self, _: Watch) -> None:
        """Take the migration back, if that is not done."""
        if saved_plan.load(self.project.path):
            done = undertaking.roll_back(
                self.project.path, force=False, dry_run=False, consent=lambda _: None, notify=mute
            )
            assert not done.kept, done

    def action(self, name: str) -> Action:
        """Return what is called so."""
        return {MIGRATE: self.migrate, CLEAN_UP: self.clean_up, TAKE_BACK: self.take_back}[name]

    def run(self, every: Iterable[Case]) -> None:
        """Stop what is done in each case, stop what mends it, mend it, and see what came of it."""
        for case in every:
            self.cases += 1
            sys.stderr.write(f"{self.cases} {case}\n")
            try:
                self.reset(self.starts[case.start])
                assert is_broken(self.action(case.action), case.at, case.stop)
                self.mend(self.action(TAKE_BACK if case.way == BACK else case.action), case)
                self.check(case)
            except (AssertionError, DashtamError, OSError):
                self.failures.append(f"{case}\n{traceback.format_exc()}")
                sys.stderr.write(self.failures[-1])
                if len(self.failures) == BOUND:
                    return
            finally:
                if case.start == SERVING:
                    self.volumes.restore()

    def mend(self, action: Action, case: Case) -> None:
        """Kill what mends a case somewhere in its middle, then let it come to its end."""
        about = case.start, case.way
        number = 1 + int(self.cases * GOLDEN % 1 * self.lengths.get(about, 20))
        is_twice = is_broken(action, beyond(number, is_running=self.cases % 2 == 0), "sigkill")
        self.twice += is_twice
        left = len({one.number for one in points(action)})
        self.lengths[about] = number + left if is_twice else number

    def check(self, case: Case) -> None:
        """See that what was done is finished, or that nothing tells of it."""
        was_served = case.start == SERVING
        if case.way == BACK:
            self.check_original(was_served=was_served)
        else:
            self.check_finished(case.action, was_served=was_served)
        if case.start == USED:
            self.check_dumped()

    def check_finished(self, action: str = MIGRATE, *, was_served: bool = False) -> None:
        """See that a migration, or its cleanup, is as one that nothing stopped."""
        compare(self.result(), self.untimed(self.results[action]))
        self.volumes.check_new(self.copies)
        self.volumes.check_old(was_served=was_served)

    def check_dumped(self) -> None:
        """See that what was written after the migration is in a dump."""
        dumps = self.project.path.glob("backups/*/dumps/*.dashtam.*.dump")
        lines = [line for one in dumps for line in self.volumes.keeper.restored(one, "savings")]
        assert WRITTEN in {line.rpartition("\t")[2] for line in lines}

    def every(self, step: int, first: int) -> Iterator[Case]:
        """Yield the cases of every so manieth thing that is done from each state to the next."""
        for journey in journeys(*(one.target for one in self.copies)):
            self.reset(self.starts[journey.start])
            found = [one for one in points(self.action(journey.action)) if self.is_ours(one)]
            self.volumes.restore()
            things = by_number(journey.choose(found))[first - 1 :: step]
            chosen = list(cases(journey, things, STOPS))
            sys.stderr.write(f"{counted(chosen)}\n")
            yield from chosen

    def is_ours(self, point: Point) -> bool:
        """Return whether something is done elsewhere than in the system's folder for temporary files."""
        path = Path(point.path)
        return not path.is_absolute() or path.is_relative_to(self.folder)


def main(folder: str, every: str = KINDS, first: str = "1") -> int:
    """Run the cases in a new folder, say how many there were, and return the exit code."""
    os.fsync = no_wait
    started = time.monotonic()
    Path(folder).mkdir(parents=True)
    for project in disposable_legacy(Path(folder)):
        os.environ["XDG_STATE_HOME"] = str(project.state)
        sweep = Sweep(project, Path(folder))
        try:
            sweep.run(kinds(STOPS) if every == KINDS else sweep.every(int(every), int(first)))
        finally:
            taken = time.monotonic() - started
            words = f"{sweep.cases} cases, {sweep.twice} of them stopped twice, in {taken:.0f} s"
            sys.stdout.write(f"{words}: {len(sweep.failures)} failed\n")
    return int(bool(sweep.failures))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
