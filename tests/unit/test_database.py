import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashtam_tasks import database
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import open_environment

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

CONTENT = "PGDMP\x00\r\n\x01 a dump"
LISTING = ";\n; Archive created at now\n;\n215; 1259 TABLE public users\n\n216; 1259 TABLE public accounts\n"


@pytest.fixture
def dev(project: "Project", fake_docker: "FakeDocker") -> Environment:
    """A development environment whose database runs and can be dumped and restored."""
    fake_docker.answer("compose", "config", stdout=project.model())
    fake_docker.answer("compose", "exec", "pg_dump", stdout=CONTENT)
    fake_docker.answer(
        "compose", "exec", "pg_restore", "--list", stdout=LISTING, reads=listed_by(fake_docker)
    )
    fake_docker.answer("compose", "exec", "pg_restore", "--dbname", reads=restored_by(fake_docker))
    fake_docker.answer("compose", "exec", "psql")
    fake_docker.runs("app", "postgres", "redis")
    return open_environment(project.settings, "dev")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.dump"
    path.write_bytes(CONTENT.encode())
    return path


def listed_by(fake: "FakeDocker") -> str:
    """Return the file that pg_restore's input goes to when it lists."""
    return str(fake.folder / "listed")


def restored_by(fake: "FakeDocker") -> str:
    """Return the file that pg_restore's input goes to when it restores."""
    return str(fake.folder / "restored")


def executed(fake: "FakeDocker") -> list[tuple[str, ...]]:
    """Return the commands that were run in containers, with their options."""
    return [argv[argv.index("exec") + 1 :] for argv in fake.argvs if "exec" in argv]


def ignore(_: int) -> None:
    """Leave progress to other tests."""


def test_a_dump_is_written_verified_and_private(
    dev: Environment, fake_docker: "FakeDocker", tmp_path: Path
) -> None:
    path = tmp_path / "backups/dev.dump"
    path.parent.mkdir()
    reported: list[int] = []
    made = database.dump(dev, path, report=reported.append)
    assert path.read_bytes() == CONTENT.encode()
    assert (made.path, made.size, made.objects) == (path, len(CONTENT), 2)
    assert reported[-1] == len(CONTENT)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert Path(listed_by(fake_docker)).read_bytes() == CONTENT.encode()
    assert executed(fake_docker) == [
        (
            "--no-TTY",
            "postgres",
            "pg_dump",
            "--format=custom",
            "--username",
            "postgres",
            "--dbname",
            "postgres",
        ),
        ("--no-TTY", "postgres", "pg_restore", "--list"),
    ]


def test_a_dump_replaces_nothing(dev: Environment, fake_docker: "FakeDocker", source: Path) -> None:
    source.write_text("precious", encoding="utf-8")
    with pytest.raises(DashtamError, match=f"^{source} exists already") as raised:
        database.dump(dev, source, report=ignore)
    assert raised.value.code == ExitCode.CANNOT_CREATE
    assert source.read_text(encoding="utf-8") == "precious"
    assert fake_docker.calls == ()


@pytest.mark.parametrize(
    ("program", "option", "reason"),
    [
        ("pg_dump", "--format=custom", "pg_dump failed with exit code 1."),
        ("pg_restore", "--list", "is not a dump that pg_restore can read."),
    ],
)
def test_a_dump_that_fails_leaves_no_file(
    dev: Environment, fake_docker: "FakeDocker", tmp_path: Path, program: str, option: str, reason: str
) -> None:
    words = f"{program}: error: server closed the connection\n"
    fake_docker.answer("compose", "exec", program, option, stdout="PG", stderr=words, code=1)
    path = tmp_path / "backups/dev.dump"
    path.parent.mkdir()
    with pytest.raises(DashtamError) as raised:
        database.dump(dev, path, report=ignore)
    assert raised.value.reason.endswith(reason)
    assert (raised.value.code, raised.value.details) == (ExitCode.DATA, words)
    assert list(path.parent.iterdir()) == []


def test_a_dump_of_a_database_that_does_not_run(
    dev: Environment, fake_docker: "FakeDocker", tmp_path: Path
) -> None:
    fake_docker.runs("app")
    with pytest.raises(DashtamError, match=r"^Service postgres of dashtam-dev is not running") as raised:
        database.dump(dev, tmp_path / "dev.dump", report=ignore)
    assert raised.value.code == ExitCode.UNAVAILABLE
    assert executed(fake_docker) == []
    assert not (tmp_path / "dev.dump").exists()


def test_a_restore_goes_into_a_new_database_and_gets_every_byte(
    dev: Environment, fake_docker: "FakeDocker", source: Path
) -> None:
    reported: list[int] = []
    read = database.restore(dev, source, report=reported.append)
    assert (read.path, read.size, read.objects) == (source, len(CONTENT), 2)
    assert reported == [len(CONTENT)]
    assert Path(restored_by(fake_docker)).read_bytes() == CONTENT.encode()
    programs = [command[2] for command in executed(fake_docker)]
    assert programs == ["pg_restore", "psql", "pg_restore", "psql"]
    restore = executed(fake_docker)[2]
    assert {"--single-transaction", "--exit-on-error"} < set(restore)
    assert restore[restore.index("--dbname") + 1] == "postgres_restoring"


def test_what_is_no_dump_is_found_before_anything_changes(
    dev: Environment, fake_docker: "FakeDocker", source: Path
) -> None:
    words = "pg_restore: error: input file does not appear to be a valid archive\n"
    fake_docker.answer("compose", "exec", "pg_restore", "--list", stderr=words, code=1)
    with pytest.raises(DashtamError, match=f"^{source} is not a dump that pg_restore can read") as raised:
        database.restore(dev, source, report=ignore)
    assert (raised.value.code, raised.value.details) == (ExitCode.DATA, words)
    assert len(executed(fake_docker)) == 1


def test_a_restore_that_fails_early_says_why(
    dev: Environment, fake_docker: "FakeDocker", source: Path
) -> None:
    source.write_bytes(b"x" * 8 * database.CHUNK_BYTES)
    fake_docker.answer("compose", "exec", "pg_restore", "--dbname", stderr="role is missing\n", code=1)
    with pytest.raises(DashtamError, match=r"^pg_restore failed with exit code 1\.$") as raised:
        database.restore(dev, source, report=ignore)
    assert (raised.value.code, raised.value.details) == (ExitCode.DATA, "role is missing\n")
    # One to make the new database, one to remove it; none that exchanges the two.
    assert [command[2] for command in executed(fake_docker)].count("psql") == 2


def test_a_dump_into_a_folder_that_is_not_there_makes_none(dev: Environment, tmp_path: Path) -> None:
    with pytest.raises(DashtamError, match="absent"):
        database.dump(dev, tmp_path / "absent/dev.dump", report=ignore)
    assert list(tmp_path.glob("absent")) == []


def test_a_migration_is_written_as_the_owner_of_the_others(
    dev: Environment, project: "Project", fake_docker: "FakeDocker"
) -> None:
    folder = project.folder / "alembic"
    folder.mkdir()
    model = project.model()
    model["services"]["app"]["volumes"].append(
        {"type": "bind", "source": str(folder), "target": "/app/alembic"}
    )
    fake_docker.answer("compose", "config", stdout=model)
    fake_docker.answer("compose", "exec", "alembic", code=255)
    assert database.alembic(dev, ("revision",), writes=True) == 255
    user = f"{os.getuid()}:{os.getgid()}"
    assert executed(fake_docker) == [("--no-TTY", "--user", user, "app", "uv", "run", "alembic", "revision")]


def test_alembic_without_mounted_migrations_runs_as_the_images_user(
    dev: Environment, fake_docker: "FakeDocker"
) -> None:
    fake_docker.answer("compose", "exec", "alembic")
    assert database.alembic(dev, ("current",)) == 0
    assert executed(fake_docker) == [("--no-TTY", "app", "uv", "run", "alembic", "current")]
