"""What can go wrong on a real engine while a legacy project is migrated, and what a person sees then."""

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dashtam_tasks.errors import ExitCode
from tests.cases import CountCases
from tests.integration.breaking import STOPS
from tests.integration.fault_cases import STOPPED, kinds
from tests.integration.legacy_projects import LegacyProject, disposable_legacy
from tests.integration.legacy_volumes import REDIS
from tests.integration.migration_faults import Sweep
from tests.integration.migration_stand import compare, tree
from tests.integration.projects import docker
from tests.integration.relay import Relay
from tests.integration.volume_shop import await_action, working

pytestmark = pytest.mark.timeout(900)

PROGRAM = (sys.executable, "-c", "from dashtam_tasks.program import main; main()")
APPLY = ("migrate.apply", "--yes")
# Root reads and writes whatever the mode says, unless it gives that up.
WITHOUT_PRIVILEGE = ("setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search", "--")
# What a tmpfs takes for the shortest file, in bytes.
PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    """A legacy project with data, and the states that a migration of it comes through."""
    folder = tmp_path_factory.mktemp("sweep")
    for project in disposable_legacy(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_STATE_HOME", str(project.state))
            yield Sweep(project, folder)


@pytest.fixture
def begun(sweep: Sweep) -> Sweep:
    """A migration that was stopped when PostgreSQL's volume was about to be copied."""
    sweep.reset(sweep.starts[STOPPED])
    return sweep


def start(project: LegacyProject, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """Start `dashtam-tasks ARGUMENTS` in a project."""
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=project.path,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def copying(sweep: Sweep, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Yield a migration that is copying PostgreSQL's volume."""
    with (
        working(sweep.copies[0].target) as events,
        start(sweep.project, *APPLY, **environment) as process,
    ):
        await_action(events, "exec_start: cp")
        yield process


def finish(sweep: Sweep) -> None:
    """Take a migration to its end, and see that it is as one that nothing stopped."""
    sweep.project.tasks(*APPLY)
    sweep.check_finished()


def test_stopped_at_every_kind_of_thing_it_is_finished_or_taken_back(
    sweep: Sweep, count_cases: CountCases
) -> None:
    sweep.run(kinds(STOPS))
    assert sweep.failures == []
    assert sweep.cases > 20
    assert sweep.twice > 15
    count_cases(f"{sweep.cases}, {sweep.twice} of them stopped twice")


def test_a_second_migration_is_told_at_once_who_is_at_work(begun: Sweep) -> None:
    with copying(begun) as first:
        for task in ("migrate.apply", "migrate.rollback"):
            done = begun.project.run(*PROGRAM, task, "--yes", code=ExitCode.BUSY)
            assert re.search(rf"migrate\.apply \(process {first.pid}, since .*\) works on", done.stderr)
        assert f"(process {first.pid}, " in begun.project.tasks("migrate.status")
        assert first.wait(timeout=120) == 0
    begun.check_finished()


def test_the_lock_of_a_killed_migration_is_nobodys(begun: Sweep) -> None:
    with copying(begun) as process:
        process.kill()
    lock = begun.project.path / ".dashtam/lock"
    assert f"(process {process.pid}, " in lock.read_text()
    stands = json.loads(begun.project.tasks("migrate.status", "--json"))
    assert (stands["holder"], stands["course"]) == ("", "applying")
    assert begun.copies[0].target in stands["stopped"]
    finish(begun)


def test_a_copy_whose_container_is_killed_is_begun_anew(begun: Sweep) -> None:
    with copying(begun) as process:
        docker("rm", "--force", "--volumes", *holders_of(begun.copies[0].target))
        _, said = process.communicate(timeout=120)
    assert process.returncode == ExitCode.UNAVAILABLE
    assert "ended in the middle of" in " ".join(said.split())
    finish(begun)


def test_an_engine_that_goes_away_is_said_and_the_next_run_finishes(begun: Sweep, tmp_path: Path) -> None:
    with (
        Relay(tmp_path / "relay.sock") as relay,
        copying(begun, DOCKER_HOST=f"unix://{relay.path}") as process,
    ):
        relay.cut()
        _, said = process.communicate(timeout=120)
    assert process.returncode == ExitCode.UNAVAILABLE
    assert "No Docker Engine answers." in said
    finish(begun)


def test_a_container_of_others_that_uses_a_volume_is_named_and_left_alone(begun: Sweep) -> None:
    name, source = f"{begun.project.name}-stranger", begun.copies[0].source
    mount = ("--volume", f"{source}:/data:ro", "--entrypoint", "sleep")
    docker("run", "--detach", "--restart", "always", "--name", name, *mount, REDIS, "600")
    before = tree(begun.project.path)
    done = begun.project.run(*PROGRAM, *APPLY, code=ExitCode.BUSY)
    assert name in done.stderr
    assert f"{begun.project.name}-postgres" in docker("ps", "--all", "--format", "{{.Names}}").split()
    assert docker("inspect", "--format", "{{.State.Status}}", name) == "running"
    compare(tree(begun.project.path), before)
    docker("rm", "--force", name)
    finish(begun)


def holders_of(volume: str) -> list[str]:
    """Return the containers that hold a volume."""
    return docker("ps", "--all", "--quiet", "--filter", f"volume={volume}").split()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[LegacyProject]:
    """A legacy project without data, on a file system of its own that is small."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", tmp_path], check=True)
    try:
        yield from disposable_legacy(tmp_path)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_on_a_full_file_system_it_stops_and_goes_on_where_it_was(small: LegacyProject) -> None:
    before, ballast = tree(small.path), small.path.with_name("ballast")
    fill(ballast, leaving=PAGE)
    assert "No space left on device" in small.run(*PROGRAM, *APPLY, code=ExitCode.CANNOT_CREATE).stderr
    ballast.unlink()
    small.tasks("migrate.backup")
    fill(ballast, leaving=PAGE)
    assert "bytes free" in small.run(*PROGRAM, "migrate.backup", code=ExitCode.CANNOT_CREATE).stderr
    stops = list(dict.fromkeys(stopping(small, ballast)))
    assert len(stops) > 2, stops
    fill(ballast, leaving=0)
    refused = small.run(*PROGRAM, "migrate.rollback", "--yes", code=ExitCode.CANNOT_CREATE)
    assert "No space left on device" in refused.stderr
    ballast.unlink()
    small.tasks("migrate.rollback", "--yes")
    compare(tree(small.path), before)


def stopping(project: LegacyProject, ballast: Path) -> Iterator[str]:
    """Yield where a migration stops for which there is ever a little more room, until it is finished."""
    for _ in range(50):
        fill(ballast, leaving=10 * PAGE)
        done = subprocess.run(
            [*PROGRAM, *APPLY], cwd=project.path, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
        assert (done.returncode, "No space left on device" in done.stderr) == (ExitCode.CANNOT_CREATE, True)
        yield json.loads(project.tasks("migrate.status", "--json"))["stopped"]
    raise AssertionError("it never ends")


def fill(path: Path, *, leaving: int) -> None:
    """Fill a file system with one file, all but some bytes."""
    path.unlink(missing_ok=True)
    found = os.statvfs(path.parent)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - leaving)


def test_a_read_only_project_can_be_planned_and_nothing_is_begun(small: LegacyProject) -> None:
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (small.path, *small.path.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    before = tree(small.path)
    user = WITHOUT_PRIVILEGE if os.geteuid() == 0 else ()
    small.run(*user, *PROGRAM, "migrate.plan")
    for task in (APPLY, ("migrate.backup",)):
        done = small.run(*user, *PROGRAM, *task, code=ExitCode.CANNOT_CREATE)
        assert "Permission denied" in done.stderr
    compare(tree(small.path), before)
    assert not {"backups", ".dashtam"} & {one.name for one in small.path.iterdir()}
    for path, mode in modes.items():
        path.chmod(mode)
