"""What a migration found in a project, for people to read before anything is changed."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashtam_tasks.migration.legacy import Legacy, TestFile
    from dashtam_tasks.migration.legacy.on_engine import OnEngine, Volume


def rows(found: "Legacy") -> Iterator[tuple[str, str]]:
    """Yield what there is, as a kind and its names; env files without a value."""
    yield "project", f"{found.project.name}, in {found.folder}"
    yield "base", together(found.development.files)
    for test in found.tests:
        yield "tests", tests(test)
    for one in found.env_files:
        if not one.is_example:
            yield (
                "env file",
                f"{one.file}, {one.form}" + (f", mode {one.mode:04o}" if one.mode is not None else ""),
            )
    if found.makefile:
        yield "Makefile", f"{found.makefile.file}, {len(found.makefile.targets)} targets"
    yield from (("Dockerfile", name) for name in found.files.dockerfiles)
    yield from (
        ("suite", f"{one.name}: {one.started.start.value}, in {one.started.file}:{one.started.line}")
        for one in found.suites
    )
    yield from on_engine(found.engine)
    yield "git", git(found)


def together(names: Iterable[str]) -> str:
    """Return names in one line, or that there are none."""
    return ", ".join(names) or "none"


def tests(test: "TestFile") -> str:
    """Return what a test file is taken for, and the signs for it."""
    signs = "; ".join(f"{sign.where} {sign.words}" for sign in test.signs)
    return f"{test.file}, {test.role.value}" + (f" ({signs})" if signs else "")


def on_engine(engine: "OnEngine") -> Iterator[tuple[str, str]]:
    """Yield the volumes with who holds them, and the containers."""
    if not engine.answered:
        yield "engine", f"not asked: {engine.problem}"
        return
    yield from (("volume", volume(one)) for one in engine.volumes)
    yield from (("container", f"{one.container}, {one.status}") for one in engine.containers)


def volume(one: "Volume") -> str:
    """Return a volume with the containers that have it."""
    holders = together(f"{holder.container}{' (running)' * holder.is_running}" for holder in one.holders)
    return f"{one.name}, held by {holders}" if one.holders else one.name


def git(found: "Legacy") -> str:
    """Return the state of the checkout."""
    state = found.git
    if not state.is_repository:
        return "no repository"
    if state.problem:
        return f"not asked: {state.problem}"
    where = state.branch or "no branch"
    if state.is_clean:
        return f"{where}, everything committed"
    return f"{where}, {len(state.changed)} files changed and {len(state.untracked)} untracked"
