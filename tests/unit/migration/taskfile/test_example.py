"""The example's Makefile: what becomes of each of its targets, and that the tasks run."""

from pathlib import Path

import pytest

from dashtam_tasks.migration import taskfile
from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile import Account, Fate
from tests.unit.migration.blueprints import copied_to
from tests.unit.migration.taskfile import blueprints, running

REPLACED, CARRIED = Fate.REPLACED, Fate.CARRIED
TABLE = {
    "help": (REPLACED, "inv --list"),
    "build": (REPLACED, "inv dev.build"),
    "up": (REPLACED, "inv dev.up"),
    "down": (REPLACED, "inv dev.down"),
    "logs": (REPLACED, "inv dev.logs"),
    "logs-%": (REPLACED, "inv dev.logs --service NAME"),
    "status": (REPLACED, "inv dev.status"),
    "restart": (REPLACED, "inv dev.down dev.up"),
    "clean": (REPLACED, "inv clean --volumes --images"),
    "dev": (REPLACED, "inv dev.build dev.up dev.logs"),
    "prod": (CARRIED, "inv prod"),
    "shell": (REPLACED, "inv dev.shell"),
    "db-shell": (REPLACED, "inv dev.db-shell"),
    "redis-cli": (REPLACED, "inv dev.redis-cli"),
    "certs": (REPLACED, "inv certs"),
    "keys": (REPLACED, "inv keys keys --env test"),
    "setup": (REPLACED, "inv setup"),
    "test-setup": (REPLACED, "inv test.up --service app"),
    "test": (REPLACED, "inv test.all"),
    "test-unit": (REPLACED, "inv test.unit"),
    "test-integration": (REPLACED, "inv test.integration"),
    "test-verify": (REPLACED, "inv test.unit"),
    "test-coverage": (REPLACED, "inv test.coverage"),
    "test-file": (REPLACED, "inv test.all --path FILE"),
    "test-clean": (REPLACED, "inv test.down --volumes"),
    "test-%": (REPLACED, "inv test.all -k NAME"),
    "lint": (REPLACED, "inv ci.lint"),
    "format": (CARRIED, "inv format"),
    "migrate": (REPLACED, "inv db.upgrade"),
    "migration": (REPLACED, "inv db.revision --message MESSAGE"),
    "auth-schwab": (CARRIED, "inv auth-schwab"),
    "check": (REPLACED, "inv ci.lint test.all"),
}


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Blueprint:
    return blueprints.blueprint(copied_to(tmp_path_factory.mktemp("legacy") / "bank"))


@pytest.fixture(scope="module")
def migrated(example: Blueprint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of steps 1.5 and 2.5, and the Compose files that they are about."""
    folder = tmp_path_factory.mktemp("migrated")
    running.write(taskfile.step(example)[0], folder)
    running.write(taskfile.workflow_step(example), folder)
    (folder / "compose").mkdir()
    for name, draft in example.drafts.items():
        (folder / example.sources[name].compose_file).write_text(draft.document.text)
    return folder


@pytest.fixture(scope="module")
def told(example: Blueprint) -> dict[str, Account]:
    return {one.target: one for one in taskfile.accounts(example)}


def test_every_target_has_its_fate(told: dict[str, Account], example: Blueprint) -> None:
    assert {name: (one.fate, one.command) for name, one in told.items()} == TABLE
    assert example.found.makefile
    assert [(one.target, one.line) for one in told.values()] == [
        (one.name, one.line) for one in example.found.makefile.targets
    ]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("clean", "it asks before it removes volumes"),
        ("clean", "its failures count now"),
        ("test-clean", "it asks before it removes volumes"),
        ("lint", "its failures count now"),
        ("lint", "CI's image"),
        ("test", "in a container of its own"),
        ("certs", "a local authority signs them"),
    ],
)
def test_what_a_task_does_otherwise_is_said(told: dict[str, Account], target: str, words: str) -> None:
    assert words in told[target].reason


def test_every_command_names_tasks_that_there_are(told: dict[str, Account], migrated: Path) -> None:
    known = running.tasks(migrated) | {"test.all", "--list"}
    for account in told.values():
        words = account.command.removeprefix("inv ").split(" --")[0].split(" -k")[0].split()
        assert set(words) <= known, account


def test_the_files_are_clean(migrated: Path) -> None:
    assert not running.complaints(migrated)


def test_invoke_yaml_says_what_differs_and_no_more(migrated: Path) -> None:
    text = (migrated / "invoke.yaml").read_text()
    assert "project: dashtam" in text
    assert "TEST_POSTGRES_PASSWORD: password" in text
    assert "install:" in text
    for default in (
        "compose_file",
        "services:",
        "alembic",
        "isolation",
        "images",
        "init_test_db",
        "probes",
        "ssl",
    ):
        assert default not in text


def test_no_value_of_an_env_file_is_in_any_file(tmp_path: Path) -> None:
    folder = copied_to(tmp_path / "bank")
    for name in (".env", ".env.test"):
        path = folder / name
        path.write_text(path.read_text().replace("CHANGE_ME", "s3cr3t-made-up"))
    blueprint = blueprints.blueprint(folder)
    step, told = taskfile.step(blueprint)
    workflow = taskfile.workflow_step(blueprint)
    written = b"".join(one.data for one in (*step.operations, *workflow.operations) if isinstance(one, Write))
    assert b"s3cr3t" not in written
    assert "s3cr3t" not in repr((step.remarks, told, workflow.remarks))


def test_a_carried_recipe_runs_with_its_arguments(migrated: Path, tmp_path: Path) -> None:
    (tmp_path / "curl").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/asked\nexit 7\n')
    (tmp_path / "curl").chmod(0o755)
    done = running.inv(migrated, "auth-schwab", PATH=f"{tmp_path}:{running.PROGRAMS}")
    assert done.returncode == 7
    assert (tmp_path / "asked").read_text().splitlines() == [
        "-sk",
        "https://localhost:8000/auth/schwab/authorize",
    ]


def test_the_example_runs_its_suites_with_the_options_that_people_know(migrated: Path) -> None:
    shown = running.inv(migrated, "test.unit", "--help")
    assert shown.returncode == 0, shown.stderr
    assert "Run the suite unit" in shown.stdout


def test_the_workflow_is_the_one_that_the_task_would_write(migrated: Path) -> None:
    done = running.inv(migrated, "ci.workflow", "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Nothing to do." in done.stdout


def test_the_sessions_are_listed(migrated: Path) -> None:
    done = running.python(migrated, "nox", "--list")
    assert done.returncode == 0, done.stderr
    for name in ("ci", "unit", "integration", "all"):
        assert f" {name} -> " in done.stdout


def test_a_session_runs_the_task_and_passes_its_exit_code_on(migrated: Path, tmp_path: Path) -> None:
    (tmp_path / "dashtam-tasks").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit 3\n')
    (tmp_path / "dashtam-tasks").chmod(0o755)
    path = f"{tmp_path}:{running.PROGRAMS}"
    done = running.python(migrated, "nox", "-s", "unit", "--", "-x", PATH=path)
    assert done.returncode == 1
    assert "failed with exit code 3" in done.stderr
    assert (tmp_path / "asked").read_text() == "test.unit -- -x\n"
