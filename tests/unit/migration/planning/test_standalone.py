"""Tests over HTTPS and the file for CI: proven for every shape of project that has tests in its services."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashtam_tasks.migration import legacy
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.operations import Copy, Move, Write
from dashtam_tasks.migration.planning import ci_env_file, standalone
from dashtam_tasks.migration.planning.choices import Choices, sources
from dashtam_tasks.migration.planning.equivalence import Resolvable
from dashtam_tasks.migration.planning.staging import staged
from dashtam_tasks.migration.planning.standalone import Source
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.jobs import Job
from tests.unit.migration.planning.test_plan import NAMES, project, shape

pytestmark = pytest.mark.shapes

__all__ = ["project"]

TESTED = [
    name
    for name in NAMES
    if shape(name)["outcome"] == "migrated"
    and shape(name)["test_file"] != "none"
    and name != "already-migrated"
]
# Their tests run on the host, or nothing says how they are run.
WITHOUT_JOB = {"crlf", "long-ports", "no-visible-runner", "tests-on-host"}


@dataclass(frozen=True)
class Files:
    """A project's test file, the same with HTTPS, and its file for CI if it has a job."""

    found: Legacy
    tests: Source
    before: Draft
    secured: Draft
    job: Job | None
    ci: Draft | None


def made(folder: Path) -> Files:
    found = legacy.survey(folder)
    chosen = tuple(sources(found, Choices()))
    moved = {one.env_file: one.new_env_file for one in reversed(chosen) if one.env_file}
    tests = chosen[-1]
    before = standalone.draft(tests, found, moved=moved)
    job = standalone.ci_job(tests, found)
    return Files(
        found=found,
        tests=tests,
        before=before,
        secured=standalone.with_tls(before, found),
        job=job,
        ci=standalone.ci_draft(tests, found, job, moved=moved) if job else None,
    )


@contextmanager
def stage_of(files: Files) -> Iterator[Path]:
    """Yield the project as it would be with all of these files."""
    chosen = tuple(sources(files.found, Choices()))
    moved = {one.env_file: one.new_env_file for one in reversed(chosen) if one.env_file}
    moves = [
        Move(source=old, target=new) for old, new in moved.items() if (files.found.folder / old).is_file()
    ]
    copies = [
        Copy(source=moved[one.env_file], target=one.new_env_file)
        for one in chosen
        if one.shares_env_file and (files.found.folder / one.env_file).is_file() and one.env_file
    ]
    written = [Write(path=files.tests.compose_file, data=files.secured.document.text.encode())]
    if files.ci:
        target = standalone.for_ci(files.tests)
        values = files.tests.values(files.found.folder)
        written += [
            Write(path=target.compose_file, data=files.ci.document.text.encode()),
            Write(path=target.new_env_file, data=ci_env_file.contents(values, files.ci)),
        ]
    with staged(files.found.folder, [*moves, *copies, *written]) as stage:
        yield stage


@pytest.mark.parametrize("project", TESTED, indirect=True)
def test_https_and_ci_are_proven(project: Path) -> None:
    files = made(project)
    assert (files.ci is None) == (project.name in WITHOUT_JOB)
    with stage_of(files) as stage:
        folders = {"folder": project, "stage": stage}
        between = standalone.unproven_between(files.tests, files.before, files.secured, **folders)
        assert [str(one) for one in between] == []
        if files.ci is None or files.job is None:
            return
        target = standalone.for_ci(files.tests)
        assert [str(one) for one in standalone.unproven(target, files.ci, **folders)] == []
        resolvable = Resolvable(root=stage, files=(stage / target.compose_file,))
        model = resolvable.model(files.tests.values(project))
    assert files.job.service in model["services"]
    extends_other = any("leads to another file" in one for one in files.ci.remarks)
    started = {name: service for name, service in model["services"].items() if not service.get("profiles")}
    published = [name for name, service in started.items() if service.get("ports")]
    assert not published or extends_other
    assert not [name for name, service in started.items() if service.get("restart", "no") != "no"]
    assert "healthcheck" not in model["services"][files.job.service] or extends_other


@pytest.mark.parametrize("project", ["development-overlay"], indirect=True)
def test_tests_read_their_own_copy_of_an_env_file_that_they_shared(project: Path) -> None:
    files = made(project)
    assert files.secured.document.get(("services", "timetable", "env_file")) == "../envs/.env.test"
    assert (
        files.secured.document.get(("services", "db", "ports", 0)) == "127.0.0.1:${TEST_DB_PORT:-5500}:5432"
    )
