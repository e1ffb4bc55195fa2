"""Break a migration of example/ with real volumes, in real processes, and see that it is finished or taken back.

Usage: python -m tests.integration.migration_faults FOLDER [EVERY]: at every so manieth thing that it does, all of
them with 1; without, at one for each kind of operation and each stage of copying a volume. Prints how many cases
there were; exits 1 at the first that is not as it should be.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path

from dashtam_tasks.migration import undertaking
from dashtam_tasks.migration.execution import applying
from dashtam_tasks.migration.ledger import guard, saved_plan
from dashtam_tasks.migration.planning.choices import Choices
from dashtam_tasks.migration.verification import Outcome, of_step
from tests.integration.breaking import STOPS, Action, Point, Watch, is_broken, points
from tests.integration.legacy_projects import LegacyProject, disposable_legacy
from tests.integration.migration_stand import Stand, Start, compare
from tests.unit.migration.execution.faults import no_wait

STOPPED, SERVING, ONE_COPIED, ALL_COPIED = "nothing copied", "served", "1 copied", "2 copied"
KINDS = "kinds"


@dataclass(frozen=True, kw_only=True)
class Case:
    """Where a migration from some state is stopped, and what is done then: it goes on, it is taken back."""

    start: Start
    point: str
    at: Callable[[], Callable[[Point], bool]]
    goes_on: bool = True
    goes_back: bool = True


@dataclass(frozen=True)
class Stage:
    """What a migration comes to from a state in one of its operations: a thing that it does, or waits for."""

    start: str
    operation: str
    what: str
    is_wait: bool = False
    goes_on: bool = True
    goes_back: bool = True

    def finder(self) -> Callable[[Point], bool]:
        """Return what finds the stage."""
        return lambda point: (
            self.operation in point.under and self.what in point.what and point.is_wait == self.is_wait
        )


COPY = "copy volume"
# PostgreSQL's own stages with the first volume, all others with the second, which is small.
STAGES = (
    Stage(SERVING, COPY, "docker stop ", is_wait=True, goes_on=False),
    Stage(SERVING, COPY, "docker rm ", goes_back=False),
    Stage(STOPPED, COPY, " find ", goes_on=False),
    Stage(STOPPED, COPY, " pg_ctl start ", is_wait=True, goes_on=False),
    Stage(STOPPED, COPY, " psql ", goes_back=False),
    Stage(ONE_COPIED, COPY, "docker volume create ", is_wait=True),
    Stage(ONE_COPIED, COPY, "docker run "),
    Stage(ONE_COPIED, COPY, " cp -a "),
    Stage(ONE_COPIED, COPY, " xargs ", goes_on=False),
    Stage(ONE_COPIED, COPY, "sync -f", goes_back=False),
    Stage(ONE_COPIED, COPY, "unlink "),
    Stage(ALL_COPIED, "write compose/docker-compose.dev.yml", "link "),
    Stage(ALL_COPIED, "move .env to", "unlink ", goes_on=False),
    Stage(ALL_COPIED, "write README.md", "replace ", goes_back=False),
)


def mute(_: str) -> None:
    """Say nothing."""


class Sweep(Stand):
    """All cases of one project: `cases` counts them, `twice` those in which what mends was stopped, too."""

    def __init__(self, project: LegacyProject, folder: Path) -> None:
        super().__init__(project, folder)
        self.cases = self.twice = 0
        undertaking.back_up(project.path, Choices(), database=False, notify=mute)
        self.planned()
        self.starts = self.go_forward()

    def go_forward(self) -> list[Start]:
        """Migrate once, and return the states before and after each volume; what comes of it is verified."""
        self.reset(self.kept("planned"))
        first = str(self.copies[0])
        assert is_broken(
            self.migrate, lambda point: point.is_program and point.under.endswith(first), "sigkill"
        )
        starts, volumes = [self.kept(STOPPED)], []
        for number, one in enumerate(self.copies, 1):
            assert is_broken(self.migrate, after(str(one)), "sigkill")
            volumes.append(self.volumes.keep(one.target))
            starts.append(self.kept(f"{number} copied", volumes))
        self.finish(mute)
        self.finished = self.result()
        self.volumes.check_new(self.copies)
        saved = self.saved()
        boxes = [box for one in saved.steps for box in of_step(one.number, self.project.path, saved.facts)]
        assert boxes
        assert not [one for one in boxes if one.outcome is Outcome.FAILED], boxes
        return [*starts, replace(starts[0], name=SERVING, is_serving=True)]

    def migrate(self, watch: Watch) -> None:
        """Do what is left of the migration."""
        self.finish(watch.notify)

    def finish(self, notify: Callable[[str], None]) -> None:
        """Do what is left of the migration; what would verify its steps changes nothing, and is left out."""
        with guard.held(self.project.path, task="migrate.apply"):
            saved = self.saved()
            numbers = [one.number for one in saved.steps]
            applying.apply(self.project.path, saved, steps=numbers, verify=lambda _: (), notify=notify)

    def take_back(self, _: Watch) -> None:
        """Take the migration back, as `migrate` does it."""
        self.go_back()

    def go_back(self) -> None:
        """Take the migration back, if that is not done."""
        if saved_plan.load(self.project.path):
            done = undertaking.roll_back(
                self.project.path, force=False, dry_run=False, consent=lambda _: None, notify=mute
            )
            assert not done.kept, done

    def run(self, cases: Iterable[Case]) -> None:
        """Stop the migration in each case, in each way by turns, and mend it."""
        for number, case in enumerate(cases):
            if case.goes_on:
                self.stop(case, STOPS[number % len(STOPS)])
                self.stop_again(self.migrate, number)
                self.finish(mute)
                self.cases += 1
                self.check_finished(was_served=case.start.is_serving)
            if case.goes_back:
                self.stop(case, STOPS[(number + 1) % len(STOPS)])
                self.stop_again(self.take_back, number)
                self.go_back()
                self.cases += 1
                self.check_original(was_served=case.start.is_serving)

    def kinds(self) -> Iterator[Case]:
        """Yield a case for each stage of copying a volume and for each kind of operation on files."""
        starts = {one.name: one for one in self.starts}
        for stage in STAGES:
            yield Case(
                start=starts[stage.start],
                point=str(stage),
                at=stage.finder,
                goes_on=stage.goes_on,
                goes_back=stage.goes_back,
            )

    def every(self, step: int) -> Iterator[Case]:
        """Yield a case for every so manieth thing that a migration does from each state to the next."""
        for start in self.starts:
            for one in thinned(self.points(start))[::step]:
                yield Case(start=start, point=str(one), at=partial(getattr, one, "is_same"))

    def points(self, start: Start) -> list[Point]:
        """Return all that a migration does from a state on, up to and with the volume that comes next, if any."""
        self.reset(start)
        left = [str(one) for one in self.copies if one.target not in {each.name for each in start.volumes}]
        found = points(self.migrate)
        return [one for one in found if not one.under or not left or one.under.endswith(left[0])]

    def stop(self, case: Case, stop: str) -> None:
        """Stop a migration."""
        sys.stderr.write(f"{case.start.name}, {stop}: {case.point}\n")
        self.reset(case.start)
        assert is_broken(self.migrate, case.at(), stop), case

    def stop_again(self, action: Action, number: int) -> None:
        """Stop what mends every other one, too, if it does as much as that."""
        if number % 2:
            self.twice += is_broken(action, lambda point: point.number == 5 + number * 7 % 60, "sigkill")

    def check_finished(self, *, was_served: bool = False) -> None:
        """See that a migration is as one that nothing stopped."""
        compare(self.result(), self.finished)
        self.volumes.check_new(self.copies)
        self.volumes.check_old(was_served=was_served)


def after(words: str) -> Callable[[Point], bool]:
    """Return what finds the first point after those under an operation."""
    was_met = False

    def at(point: Point) -> bool:
        nonlocal was_met
        was_met = was_met or point.under.endswith(words)
        return was_met and not point.under.endswith(words)

    return at


def thinned(found: Iterable[Point]) -> list[Point]:
    """Return the points of copies, and the first, the middle and the last of each operation on files."""
    chosen: list[Point] = []
    for under, group in groupby(found, key=lambda one: one.under):
        these = list(group)
        chosen += these if COPY in under else dict.fromkeys((these[0], these[len(these) // 2], these[-1]))
    return chosen


def main(folder: str, every: str = KINDS) -> None:
    """Run the cases in a new folder, and say how many there were."""
    os.fsync = no_wait
    started = time.monotonic()
    Path(folder).mkdir(parents=True)
    for project in disposable_legacy(Path(folder)):
        os.environ["XDG_STATE_HOME"] = str(project.state)
        sweep = Sweep(project, Path(folder))
        try:
            sweep.run(sweep.kinds() if every == KINDS else sweep.every(int(every)))
        finally:
            taken = time.monotonic() - started
            words = f"{sweep.cases} cases, {sweep.twice} of them stopped twice, in {taken:.0f} s\n"
            sys.stdout.write(words)


if __name__ == "__main__":
    main(*sys.argv[1:])
