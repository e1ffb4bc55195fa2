"""What a migration does with data and secrets: where they are afterwards, and where they never are."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dashtam_tasks import env_files
from dashtam_tasks.errors import ExitCode
from dashtam_tasks.migration import finishing
from dashtam_tasks.migration.verification import report
from tests.integration.legacy_projects import LegacyProject, disposable_legacy
from tests.integration.legacy_volumes import COUNTED, POSTGRES, rows
from tests.integration.migration_stand import Stand, Start, compare, tree

pytestmark = pytest.mark.timeout(900)

PROGRAM = (sys.executable, "-c", "from dashtam_tasks.program import main; main()")
DEV = ("--file", "compose/docker-compose.dev.yml", "--env-file", "envs/.env.dev")
MADE_UP = "made-up-secret-of-ours"
NEW_ROWS = "insert into savings (name) values ('written after the migration')"
LOGGING = """\
#!/bin/sh
printf '%s\\n' "$@" >> {log}
exec {docker} "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Migrated:
    """A project that was migrated, every umask and its servers' data included; `said` is all that it said."""

    stand: Stand
    done: Start
    said: str
    log: Path
    secrets: frozenset[str]

    @property
    def command_lines(self) -> str:
        """The command lines of docker so far."""
        return self.log.read_text()

    def dev(self, *arguments: str) -> str:
        """Run Compose on development's new file, and return its stdout."""
        return self.stand.project.compose(*DEV, *arguments)

    def start(self) -> None:
        """Start development's database."""
        self.dev("up", "--detach", "--wait", "postgres")

    def sql(self, statement: str) -> str:
        """Return what development's database answers."""
        login = ("psql", "-U", "dashtam_user", "-d", "dashtam", "-Atc")
        return self.dev("exec", "-T", "postgres", *login, statement).strip()


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Migrated]:
    """A legacy project with dumps of its data, migrated by somebody whose umask hides nothing."""
    folder = tmp_path_factory.mktemp("data")
    for project in disposable_legacy(folder):
        env_files.update(project.path / ".env", {"SCHWAB_API_SECRET": MADE_UP})
        secrets = frozenset(secrets_of(project.path))
        stand = Stand(project, folder)
        stand.volumes.start()
        log = folder / "argv"
        wrapper(folder / "bin/docker", log)
        said = ""
        for task in (
            ("migrate.plan", "--diff"),
            ("migrate.backup", "--database"),
            ("migrate.apply", "--yes"),
        ):
            said += watched(project, log, *task)
        stand.planned()
        # With what files tell; all is verified for real in test_migration.
        report.write(project.path, finishing.of_files(project.path, stand.saved()))
        volumes = [stand.volumes.keep(one.target) for one in stand.copies]
        stand.volumes.check_old(was_served=True)
        yield Migrated(
            stand=stand,
            done=stand.kept("migrated", volumes),
            said=said,
            log=log,
            secrets=secrets,
        )


@pytest.fixture
def again(migrated: Migrated) -> Migrated:
    """The migrated project as it was at first."""
    migrated.stand.reset(migrated.done)
    return migrated


def secrets_of(project: Path) -> Iterator[str]:
    """Yield the values of a project's env files that nobody may know: those that an example has a stand-in for."""
    for name in (".env", ".env.test"):
        example = env_files.read(project / f"{name}.example")
        for key, value in env_files.read(project / name).items():
            if example.get(key) != value and ("KEY" in key or "SECRET" in key or "PASSWORD" in key):
                yield value


def wrapper(path: Path, log: Path) -> None:
    """Make a `docker` that notes its command lines."""
    path.parent.mkdir()
    path.write_text(LOGGING.format(log=log, docker=shutil.which("docker")))
    path.chmod(0o755)


def watched(project: LegacyProject, log: Path, *task: str) -> str:
    """Run a task with the `docker` that notes its command lines, and return all that it said."""
    path = f"{log.parent}/bin:{os.environ['PATH']}"
    done = project.run("env", f"PATH={path}", *PROGRAM, *task, umask=0)
    return done.stdout + done.stderr


def test_no_secret_is_where_it_need_not_be(migrated: Migrated) -> None:
    folder = migrated.done.folder
    kept = [path for name in (".dashtam", "reports") for path in (folder / name).rglob("*") if path.is_file()]
    assert {"journal", "plan.json", "verification.json", "verification.md"} <= {one.name for one in kept}
    texts = {str(path): path.read_bytes() for path in kept}
    texts |= {"output": migrated.said.encode(), "argv": migrated.command_lines.encode()}
    assert "compose" in migrated.command_lines
    assert len(migrated.secrets) >= 5
    found = [(name, one) for name, text in texts.items() for one in migrated.secrets if one.encode() in text]
    assert found == []


def test_what_is_private_is_so_whatever_the_umask(migrated: Migrated) -> None:
    folder = migrated.done.folder
    for name in ("backups", ".dashtam"):
        # An original is the project's file itself, under a second name.
        every = [
            folder / name,
            *(one for one in (folder / name).rglob("*") if one.parent.name != "originals"),
        ]
        wrong = [
            one for one in every if stat.S_IMODE(one.stat().st_mode) != (0o700 if one.is_dir() else 0o600)
        ]
        assert wrong == []
    assert list(folder.glob("backups/*/dumps/*.dump"))
    for name in ("dev", "test", "ci"):
        assert stat.S_IMODE((folder / f"envs/.env.{name}").stat().st_mode) == 0o600


def flipped(path: Path) -> None:
    """Turn one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a bit": ("docker-compose.yml", flipped),
    "a bit of a dump": ("dumps/*.dashtam.*.dump", flipped),
    "a file missing": (".env", Path.unlink),
    "a file too many": ("more", lambda path: path.write_text("more")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_backup_with_damage_is_named_and_nothing_is_done_with_it(again: Migrated, damage: str) -> None:
    project = again.stand.project
    name, do = DAMAGES[damage]
    (folder,) = project.path.glob("backups/pre-migration-*")
    target = next(folder.glob(name), folder / name)
    do(target)
    before = tree(project.path)
    found = project.run(*PROGRAM, "migrate.backups", "--verify", code=ExitCode.FOUND_PROBLEMS)
    assert str(target.relative_to(project.path)) in "".join((found.stdout + found.stderr).split())
    for task in ("migrate.cleanup", "migrate.rollback"):
        refused = project.run(*PROGRAM, task, "--yes", code=ExitCode.DATA)
        assert folder.name in refused.stderr
    compare(tree(project.path), before)
    again.stand.volumes.check_new(again.stand.copies)


def test_rows_written_since_are_dumped_before_a_rollback_which_says_so(again: Migrated) -> None:
    stand, project = again.stand, again.stand.project
    again.start()
    assert again.sql(COUNTED) == stand.volumes.rows
    again.sql(NEW_ROWS)
    said = watched(project, again.log, "migrate.rollback", "--yes")
    assert not any(one in said or one in again.command_lines for one in again.secrets)
    assert "pg_dump" in again.command_lines
    assert "dashtam: public.savings: 500 became 501" in said
    (folder,) = project.path.glob("backups/pre-migration-*")
    dumps = [line.rpartition(": ")[2] for line in said.splitlines() if "_postgres_data was dumped: " in line]
    (dump,) = (Path(one) for one in dumps if one.endswith(".dump") and ".dashtam." in Path(one).name)
    assert dump.parent == folder / "dumps"
    assert "TABLE DATA public savings" in read_by("pg_restore", dump, "--list")
    restored = read_by("pg_restore", dump, "--data-only", "--table=savings", "--file=-")
    assert "written after the migration" in restored
    stand.check_original()


def read_by(program: str, file: Path, *options: str) -> str:
    """Return what a program of PostgreSQL says of a file."""
    run = ("docker", "run", "--rm", "--interactive", "--network", "none", "--entrypoint", program, POSTGRES)
    with file.open("rb") as stream:
        done = subprocess.run([*run, *options], stdin=stream, capture_output=True, text=True, check=True)
    return done.stdout


def test_old_volumes_go_only_when_they_were_named_and_somebody_said_yes(again: Migrated) -> None:
    stand, project = again.stand, again.stand.project
    old = {one.source for one in stand.copies}
    kept = [stand.volumes.keep(name) for name in old]
    project.tasks("migrate.cleanup", "--yes")
    assert old <= set(project.found("volume"))
    asked = project.run(
        *PROGRAM, "migrate.cleanup", "--volumes", code=ExitCode.USAGE, stdin=subprocess.DEVNULL
    )
    words = " ".join(asked.stderr.split())
    (dump,) = project.path.glob("backups/*/dumps/*.dashtam.*.dump")
    for name in old:
        assert f"{name} (" in words
    assert str(dump.relative_to(project.path)) in words
    assert old <= set(project.found("volume"))
    project.tasks("migrate.cleanup", "--volumes", "--yes")
    assert not old & set(project.found("volume"))
    stand.volumes.put_back(kept)
    stand.volumes.check_new(stand.copies)


def test_adopted_volumes_are_served_as_they_are(migrated: Migrated) -> None:
    stand, project = migrated.stand, migrated.stand.project
    stand.reset(stand.legacy)
    project.tasks("migrate.apply", "--volumes=adopt", "--yes")
    stand.volumes.check_gone(stand.copies)
    migrated.start()
    assert migrated.sql(COUNTED) == stand.volumes.rows
    migrated.dev("down", "--volumes")
    stand.volumes.check_old(was_served=True)
    project.tasks("migrate.rollback", "--yes")
    stand.check_original()


def test_without_the_data_development_is_empty_and_the_plan_says_so(migrated: Migrated) -> None:
    stand, project = migrated.stand, migrated.stand.project
    stand.reset(stand.legacy)
    assert "DEVELOPMENT STARTS WITH EMPTY VOLUMES" in project.tasks("migrate.plan", "--volumes=none")
    project.tasks("migrate.apply", "--volumes=none", "--yes")
    migrated.start()
    assert migrated.sql("select count(*) from pg_tables where schemaname = 'public'") == "0"
    migrated.dev("down")
    stand.volumes.check_old()
    project.tasks("migrate.rollback", "--yes")
    compare(tree(project.path), stand.original)
    assert rows(stand.copies[0].source) == stand.volumes.rows
