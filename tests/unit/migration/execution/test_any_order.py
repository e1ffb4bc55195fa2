"""The promise, whatever a person and a machine do in whatever order: nothing that a person wrote is ever lost."""

import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.execution import applying
from dashtam_tasks.migration.ledger import saved_plan
from dashtam_tasks.migration.steps import Step, outline
from tests.cases import CountCases
from tests.unit.migration.execution.faults import crashing, no_wait
from tests.unit.migration.execution.promise import CLEANING, CLEANUP, DATA, FILES, STEPS, Shop, without_times

NEVER = 10**9
NUMBERS = tuple(STEPS)
PATHS = (
    *(path for path in FILES if path != "src/app.py"),
    "WARP.md",
    "compose/dev.yml",
    "compose/test.yml",
    "envs/.env.dev",
    "envs/.env.test",
    "docs/new/deep/guide.md",
    "docker-compose.yml.old",
    "docs/twin.txt",
)
CRASHES = st.one_of(st.just(NEVER), st.integers(1, 260))


class AnyOrder(RuleBasedStateMachine):
    """Steps, crashes, edits and rollbacks in any order; what a person wrote and did not destroy is remembered."""

    def __init__(self, finished: dict[str, object]) -> None:
        super().__init__()
        self.finished = finished
        self.folder = Path(tempfile.mkdtemp(prefix="any-order-"))
        self.fsync, os.fsync = os.fsync, no_wait
        self.shop = Shop(self.folder / "root").make().back_up()
        self.written = {data for data, _ in FILES.values()}
        self.number = 0
        self.is_undisturbed = True

    def teardown(self) -> None:
        os.fsync = self.fsync
        shutil.rmtree(self.folder)

    @initialize(is_left_alone=st.booleans())
    def begin(self, is_left_alone: bool) -> None:
        """Start from a saved plan; where a project is left alone, nobody edits it."""
        self.is_left_alone = is_left_alone
        self.settle()
        self.shop.save()

    def settle(self) -> None:
        """Take the project as it is for the original."""
        self.original = self.plain()
        self.edited: set[tuple[int, int] | str] = set()

    @property
    def is_migrating(self) -> bool:
        return saved_plan.load(self.shop.project) is not None

    def do(self, action: Any, crash: int) -> bool:
        """Do something that may crash or be refused; return whether it came to its end."""
        ended, refusal = False, None
        try:
            with crashing(crash):
                action()
                ended = True
        except DashtamError as error:
            refusal = error
        if refusal:
            assert refusal.code in {ExitCode.DATA, ExitCode.USAGE}, refusal.reason
            if "backwards" not in refusal.reason:
                # A person's change is in the way.
                assert not self.is_undisturbed, refusal.reason
                assert str(self.shop.project) in refusal.reason, refusal.reason
        return ended

    @rule(until=st.sampled_from(NUMBERS), crash=CRASHES)
    def apply(self, until: str, crash: int) -> None:
        """Take the steps up to one."""
        if not self.is_migrating:
            self.settle()
            self.do(self.shop.save, NEVER)
        self.do(lambda: self.shop.apply(*NUMBERS[: NUMBERS.index(until) + 1]), crash)

    @rule(crash=CRASHES)
    def finish(self, crash: int) -> None:
        """Take all steps, then clean up."""
        if self.is_migrating and self.do(self.clean_up, crash) and self.is_undisturbed:
            assert files_in(without_times(self.shop.tree())) == self.finished

    def clean_up(self) -> None:
        self.shop.apply(*NUMBERS)
        saved = saved_plan.load(self.shop.project)
        assert saved
        applying.extend(self.shop.project, saved, Step(outline=outline(CLEANUP), operations=CLEANING))
        self.shop.apply(CLEANUP)

    @rule(force=st.booleans(), crash=CRASHES)
    def roll_back(self, force: bool, crash: int) -> None:
        """Take the migration back, and look at what was not edited if that came to its end."""
        if self.is_migrating and self.do(lambda: self.shop.roll_back(force=force), crash):
            assert not (self.shop.project / ".dashtam").exists()
            assert self.shop.volume_names == {"shop_data"}
            self.compare()

    def compare(self) -> None:
        """See that what nobody edited is as it was, and that nothing new is there but what was edited."""
        found = self.plain()
        for path in found.keys() | self.original:
            if path not in self.edited:
                assert found.get(path) == self.original.get(path), path

    @precondition(lambda self: not self.is_left_alone)
    @rule(path=st.sampled_from(PATHS), in_place=st.booleans())
    def edit(self, path: str, in_place: bool) -> None:
        """Write to a file as a person does: in place, or beside it and renamed."""
        file = self.shop.project / path
        self.number += 1
        data = b"edit %d" % self.number
        self.touch(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        if in_place:
            file.write_bytes(data)
        else:
            beside = file.with_name(".edit")
            beside.write_bytes(data)
            beside.rename(file)
        self.written.add(data)

    @precondition(lambda self: not self.is_left_alone)
    @rule(path=st.sampled_from(PATHS))
    def delete(self, path: str) -> None:
        """Delete a file as a person does."""
        file = self.shop.project / path
        self.touch(file)
        file.unlink(missing_ok=True)

    def touch(self, file: Path) -> None:
        """Note what a person changes, by all its names; what was there they do without."""
        self.is_undisturbed = False
        self.edited |= {str(file.relative_to(self.shop.project))}
        if file.exists():
            self.written.discard(file.read_bytes())
            names = [one for one in self.files() if one.exists() and one.samefile(file)]
            self.edited |= {str(one.relative_to(self.shop.project)) for one in names}
        # One name for another: what was moved was edited under both.
        for pair in (
            {".env", ".env.twin", "envs/.env.dev", "envs/.env.test"},
            {"docker-compose.yml", "docker-compose.yml.old"},
            {"docs/guide.txt", "docs/twin.txt"},
            {"WARP.md", "docs/linked.txt"},
        ):
            if pair & self.edited:
                self.edited |= pair

    def files(self) -> list[Path]:
        """Return every file in the project, and in the backup, but for the ledger's own."""
        every = self.shop.project.rglob("*")
        ledger = self.shop.project / ".dashtam"
        return [one for one in every if one.is_file() and not one.is_relative_to(ledger)]

    def plain(self) -> dict[str, object]:
        """Return the project's files as they are, without the times of folders."""
        return files_in(self.shop.tree())

    @invariant()
    def nothing_is_lost(self) -> None:
        """What the person wrote, before it all or since, is in the tree or in the backup."""
        found = {one.read_bytes() for one in self.files()}
        assert self.written <= found
        assert (self.shop.root / "engine/shop_data/data").read_bytes() == DATA


def files_in(tree: Mapping[str, tuple[object, ...]]) -> dict[str, object]:
    """Return what a tree has in the project, folders left out."""
    return {
        path.removeprefix("shop/"): one
        for path, one in tree.items()
        if path.startswith("shop/") and one[0] != stat.S_IFDIR
    }


def test_in_any_order_nothing_is_lost(tmp_path: Path, count_cases: CountCases) -> None:
    finished = Shop(tmp_path / "finished").make().back_up()
    finished.migrate()
    wanted = files_in(without_times(finished.tree()))
    runs = []

    class Counted(AnyOrder):
        def __init__(self) -> None:
            super().__init__(wanted)
            runs.append(self.folder)

    run_state_machine_as_test(
        Counted,
        settings=settings(
            max_examples=60,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
    count_cases(len(runs))
