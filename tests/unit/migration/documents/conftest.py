"""Projects with their documents, each made once for all tests of a worker."""

import functools
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dashtam_tasks.migration import documents, ignored, references
from dashtam_tasks.migration.operations import Copy, CopyVolume, Move, Write
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.steps import Step, outline
from tests.unit.migration.blueprints import blueprint_of, copied
from tests.unit.migration.references.conftest import Account


@dataclass(frozen=True, kw_only=True)
class Documented:
    """A project with the steps that come before its documents, and what becomes of its make targets."""

    blueprint: Blueprint
    steps: tuple[Step, ...]
    accounts: tuple[Account, ...]

    @property
    def folder(self) -> Path:
        return self.blueprint.found.folder

    def guide_step(self) -> Step:
        found = references.find(self.blueprint, self.accounts)
        return documents.guide_step(self.blueprint, self.accounts, found, self.steps)

    def rollback_step(self) -> Step:
        return documents.rollback_step(self.blueprint, (*self.steps, self.guide_step()))

    def texts(self) -> dict[str, str]:
        done = (*self.guide_step().operations, *self.rollback_step().operations)
        return {one.path: one.data.decode() for one in done if isinstance(one, Write)}

    def with_volumes(self, *operations: CopyVolume) -> "Documented":
        copying = Step(outline=outline("1.2"), operations=operations)
        return replace(self, steps=(copying, *self.steps))


def accounts_of(blueprint: Blueprint) -> tuple[Account, ...]:
    """Return accounts that leave the first target of the Makefile, and replace the others by a suite."""
    makefile = blueprint.found.makefile
    targets = makefile.targets if makefile else ()
    return tuple(
        Account(
            target=one.name,
            line=one.line,
            command=f"inv test.{one.name.replace('%', 'x')}" if number else "",
            reason="odd",
        )
        for number, one in enumerate(targets)
    )


@functools.cache
def documented(name: str, parent: Path) -> Documented:
    """Return a project with its documents."""
    blueprint, steps = blueprint_of(copied(name, parent))
    first = Step(outline=outline("1.1"), operations=ignored.operations(blueprint.found))
    return Documented(blueprint=blueprint, steps=(first, *steps), accounts=accounts_of(blueprint))


@pytest.fixture(scope="session")
def projects() -> Iterator[Path]:
    """The folder with the projects."""
    with ExitStack() as stack:
        yield Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dashtam-documents-")))


@pytest.fixture
def project(projects: Path, request: pytest.FixtureRequest) -> Documented:
    """The project that the test names."""
    return documented(str(request.param), projects)


def written(project: Documented) -> None:
    """Do everything to a project that its documents speak of."""
    for step in (*project.steps, project.guide_step(), project.rollback_step()):
        for one in step.operations:
            if not isinstance(one, CopyVolume):
                (project.folder / one.made).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(one, Write):
                (project.folder / one.path).write_bytes(one.data)
            elif isinstance(one, Move):
                (project.folder / one.source).rename(project.folder / one.target)
            elif isinstance(one, Copy):
                (project.folder / one.target).write_bytes((project.folder / one.source).read_bytes())
