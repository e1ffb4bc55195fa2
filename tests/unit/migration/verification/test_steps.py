"""The lists of the steps: all of a sound project's boxes hold, and each of them fails for a reason of its own."""

import os
from collections.abc import Callable

import pytest

from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.verification import Outcome, of_step
from dashtam_tasks.migration.verification.steps import LISTS, RUN
from tests.unit.migration.verification.projects import FACTS, SECRET, Migrated

DEV, TEST, CI = (f"compose/docker-compose.{name}.yml" for name in ("dev", "test", "ci"))
WORKFLOW = ".github/workflows/test.yml"
OTHER_TASKS = "from invoke import task\n\n@task\ndef other(context):\n    pass\n"
Break = Callable[[Migrated], None]


def edit(name: str, old: str, new: str) -> Break:
    """Return what replaces a text in a file."""
    return lambda migrated: migrated.replace(name, old, new)


def put(name: str, text: str) -> Break:
    """Return what writes a file."""
    return lambda migrated: migrated.write(name, text)


def without(name: str) -> Break:
    """Return what removes a file."""
    return lambda migrated: migrated.remove(name)


def wider(name: str) -> Break:
    """Return what lets everybody read a file."""
    return lambda migrated: (migrated.path / name).chmod(0o644)


def spoil_backup(migrated: Migrated) -> None:
    """Change a byte of a file in the backup, its size and its time aside."""
    path = migrated.saved / "Makefile"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"up", b"op"))


def shorten_backup(migrated: Migrated) -> None:
    """Cut a file in the backup off."""
    (migrated.saved / "Makefile").write_bytes(b"u")


def forget_backup(migrated: Migrated) -> None:
    """Remove the backup."""
    migrated.saved.rename(migrated.path / "elsewhere")


def change_env_file(migrated: Migrated) -> None:
    """Change what the moved env file holds, and keep its time, as a faulty move would."""
    path = migrated.path / "envs/.env.dev"
    present = path.stat()
    path.write_text(path.read_text().replace("APP_PORT=8000", "APP_PORT=9000"))
    os.utime(path, ns=(present.st_atime_ns, present.st_mtime_ns))


def commit_secret(migrated: Migrated) -> None:
    """Let git have a file that holds a secret of an env file."""
    migrated.write("notes.txt", f"the password is {SECRET}\n")
    migrated.git("add", "notes.txt")


def fix_tls(migrated: Migrated) -> None:
    """Let no variable turn HTTPS on in tests."""
    migrated.replace(TEST, '"true" }', '"no" }')
    migrated.replace(TEST, "${SSL_ENABLED:-false}", "no")


BREAKS: dict[tuple[str, str], tuple[Break, str]] = {
    ("1.1", "All 4 files backed up successfully"): (forget_backup, "no backup"),
    ("1.1", "Backup directory contains correct files"): (spoil_backup, "Makefile"),
    ("1.1", "File sizes match originals"): (shorten_backup, "Makefile has 26 bytes, and its copy 1."),
    ("1.2", "File created successfully"): (without(DEV), "docker-compose.dev.yml does not exist"),
    ("1.2", "All container names have `-dev` suffix"): (edit(DEV, "shop-dev-app", "shop-app"), "shop-app of"),
    ("1.2", "Network name updated"): (edit(DEV, "shop-dev-network", "shop-network"), "Network shop-network"),
    ("1.2", "Ports remain unchanged"): (
        edit(DEV, "${APP_PORT:-8000}", "9000"),
        "app: 9000 for 8000/tcp is published",
    ),
    ("1.2", "File is valid YAML (no syntax errors)"): (put(DEV, "services: ["), "is not valid"),
    ("1.3", ".env.dev exists"): (without("envs/.env.dev"), "is missing"),
    ("1.3", "Old .env file no longer exists"): (put(".env", "A=1\n"), ".env is still there."),
    ("1.3", "File contents unchanged"): (change_env_file, "holds something else"),
    ("1.3", "Its mode is 0600"): (wider("envs/.env.dev"), "0644"),
    ("1.4", "File is standalone (no references to base compose file)"): (
        edit(TEST, "services:\n", "include: [../docker-compose.yml]\nservices:\n"),
        "refers to ../docker-compose.yml",
    ),
    ("1.4", "All container names have `-test` suffix"): (
        edit(TEST, "shop-test-app-ssl", "ssl"),
        "ssl of service",
    ),
    ("1.4", "All ports are different from dev"): (edit(TEST, "5433", "5432"), "5432"),
    ("1.4", "Network is separate"): (edit(TEST, "shop-test-network", "shop-dev-network"), "shop-dev-network"),
    ("1.4", "PostgreSQL uses tmpfs (ephemeral, fast)"): (
        edit(TEST, "tmpfs: [/var/lib/postgresql/data]", "tmpfs: [/tmp]"),
        "Service postgres does not keep /var/lib/postgresql",
    ),
    ("1.4", "No `sleep infinity` command"): (edit(TEST, "[serve]", "[sleep, infinity]"), "app"),
    ("1.4", "Health checks configured"): (
        edit(TEST, 'healthcheck: { test: [CMD, "true"], interval: 5s }', "healthcheck: { disable: true }"),
        "health check",
    ),
    ("1.4", "File is valid YAML"): (edit(TEST, "networks:", "netwrks:"), "not valid"),
    ("1.5", "All new targets added"): (put("tasks.py", OTHER_TASKS), "There is no task test.ssl."),
    ("1.5", "Backward compatibility aliases work"): (
        put("tasks.py", OTHER_TASKS),
        "There is no task up.",
    ),
    ("1.5", "--env-file flags present on all commands"): (
        edit(
            "invoke.yaml",
            "  project: shop",
            "  project: shop\n  environments: { dev: { env_file: .env.dev } }",
        ),
        ".env.dev",
    ),
    ("1.5", "Makefile syntax is valid"): (put("Makefile", "up:\n    spaces\n"), "make cannot read"),
    ("2.1", "SSL certs mounted successfully"): (
        edit(TEST, "../certs", "../other"),
        "mounts the certificates",
    ),
    ("2.1", "Unit tests run without SSL (fast)"): (
        edit(TEST, ":-false}", ":-true}"),
        "app has SSL_ENABLED on",
    ),
    ("2.1", "Integration tests can enable SSL"): (
        fix_tls,
        "changes no service of tests",
    ),
    ("2.1", "OAuth tests work with HTTPS"): (
        edit("invoke.yaml", "[app-ssl]", "[app-ssl, callback-ssl]"),
        "needs callback-ssl",
    ),
    ("2.2", "No external port mappings"): (
        edit(CI, "    command: [serve]", '    command: [serve]\n    ports: ["8000"]'),
        "app publishes any port for 8000",
    ),
    ("2.2", "Optimized for speed (tmpfs)"): (edit(CI, "tmpfs: [/var/lib/postgresql/data]", ""), "in a tmpfs"),
    ("2.2", "Health checks present"): (
        edit(CI, 'healthcheck: { test: [CMD, "true"], interval: 5s }', "restart: always"),
        "postgres",
    ),
    ("2.2", "Tests run automatically"): (edit(CI, "    command: [serve]\n", ""), "with a command"),
    ("2.2", "Exit code reflects test results"): (
        edit("invoke.yaml", "  project: shop", "  project: shop\n  environments: { ci: { job: nobody } }"),
        "names no service",
    ),
    ("2.3", "All required variables present"): (
        edit(CI, "command: [serve]", "command: [$$HERE, $RUNNER]"),
        "RUNNER",
    ),
    ("2.3", "No real credentials"): (
        edit("envs/.env.ci", "DEBUG=false", f"DEBUG=false\nDATABASE_URL=postgresql://u:{SECRET}@h/d"),
        "DATABASE_URL holds a secret",
    ),
    ("2.3", "Optimized for CI/CD speed"): (edit("envs/.env.ci", "DEBUG=false", "DEBUG=true"), "DEBUG is on"),
    ("2.3", "Its mode is 0600"): (wider("envs/.env.ci"), "0644"),
    ("2.5", "Workflow file is valid YAML"): (put(WORKFLOW, "jobs: ["), "no jobs"),
    ("2.5", "Tests run on push/PR"): (
        edit(WORKFLOW, "pull_request:", "release:"),
        "Nothing runs on pull_request",
    ),
    ("2.5", "Coverage uploaded if configured"): (without(WORKFLOW), "No such file"),
    ("2.6", "All documentation updated"): (put("README.md", "`make up`\n"), "README.md names no task."),
    ("2.6", "Commands are accurate"): (
        put("README.md", "`inv dev.upp`\n"),
        "dev.upp, and there is no such task",
    ),
    ("2.6", "Examples work"): (
        put("README.md", "`cat compose/dev.yml`\n"),
        "compose/dev.yml, and there is no",
    ),
    ("2.6", "Migration guide complete"): (
        edit("MIGRATION_GUIDE.md", "docker-compose.ci.yml", "x"),
        "does not mention compose/docker-compose.ci.yml",
    ),
    ("3.2", "Old files backed up"): (
        put("docker-compose.yml.old", "other\n"),
        "is not what docker-compose.yml was",
    ),
    ("3.2", ".gitignore updated"): (put(".gitignore", "/backups/\n"), "git does not ignore envs/.env.dev"),
    ("3.2", ".dockerignore leaves out env files and backups"): (put(".dockerignore", "envs\n"), "backups/"),
    ("3.2", "No sensitive data committed"): (commit_secret, "notes.txt holds a secret of an env file."),
    ("3.3", "Rollback procedure documented"): (put("ROLLBACK_PROCEDURE.md", "# Back\n"), "migrate.rollback"),
    ("3.3", "Tested rollback works"): (spoil_backup, "Makefile cannot be put back"),
}
# Only a person can tell, and nobody has.
UNKNOWN = ("3.3", "Team aware of procedure")


@pytest.mark.parametrize("number", LISTS)
def test_all_boxes_of_a_sound_project_hold(migrated: Migrated, number: str) -> None:
    found = migrated.boxes(number)
    assert [one for one in found.values() if one.outcome is Outcome.FAILED] == []
    assert {one.step for one in found.values()} == {number}
    held = {text for step, text in {*BREAKS, UNKNOWN} if step == number}
    assert set(found) == held


@pytest.mark.parametrize(("number", "text"), sorted(RUN))
def test_what_has_to_be_run_has_not_passed_before(migrated: Migrated, number: str, text: str) -> None:
    found = migrated.boxes(number)[text]
    assert (found.outcome, found.reason) == (Outcome.NOT_RUN, "migrate.verify runs it.")


@pytest.mark.parametrize(("number", "text"), BREAKS)
def test_each_box_fails_for_its_own_reason(migrated: Migrated, number: str, text: str) -> None:
    breaking, reason = BREAKS[number, text]
    breaking(migrated)
    found = migrated.boxes(number)[text]
    assert found.outcome is Outcome.FAILED
    assert reason in found.reason
    assert str(migrated.path) not in found.reason


def test_what_a_project_does_not_have_is_not_applicable(migrated: Migrated) -> None:
    alone = Facts(project="shop", legacy_project="shop", environments=FACTS.environments[:1])
    for number in ("1.4", "2.1", "2.2", "2.3", "2.5"):
        assert {one.outcome for one in migrated.boxes(number, alone).values()} == {Outcome.NOT_APPLICABLE}
    migrated.remove("Makefile")
    assert migrated.boxes("1.5")["Makefile syntax is valid"].outcome is Outcome.NOT_APPLICABLE


def test_an_env_file_that_was_edited_later_is_no_failure_unless_it_lost_a_name(migrated: Migrated) -> None:
    migrated.replace("envs/.env.dev", "APP_PORT=8000", "APP_PORT=8100")
    found = migrated.boxes("1.3")["File contents unchanged"]
    assert (found.outcome, "was edited since" in found.reason) == (Outcome.NOT_APPLICABLE, True)
    migrated.write("envs/.env.dev", "POSTGRES_PASSWORD=another\n")
    found = migrated.boxes("1.3")["File contents unchanged"]
    assert (found.outcome, "APP_PORT" in found.reason) == (Outcome.FAILED, True)


def test_a_service_that_nobody_else_knows_how_to_ask_may_go_without_a_health_check(
    migrated: Migrated,
) -> None:
    check = (
        'command: [serve]\n    environment: { SSL_ENABLED: "true" }\n    healthcheck: { test: [CMD, "true"]'
    )
    migrated.replace(TEST, check, check.replace('test: [CMD, "true"]', "test: [NONE]"))
    found = migrated.boxes("1.4")["Health checks configured"]
    assert (found.outcome, "app-ssl has none: write one" in found.reason) == (Outcome.PASSED, True)


def test_a_step_without_files_has_no_static_boxes(migrated: Migrated) -> None:
    assert of_step("1.6", migrated.path, FACTS) == ()


def test_a_compose_file_is_judged_before_its_env_file_has_come(migrated: Migrated) -> None:
    (migrated.path / "envs/.env.dev").rename(migrated.path / ".env")
    migrated.replace(DEV, "    command: [serve]", "    command: [serve]\n    env_file: ../envs/.env.dev")
    assert {one.outcome for one in migrated.boxes("1.2").values()} == {Outcome.PASSED}


def test_no_secret_is_in_any_box(migrated: Migrated) -> None:
    migrated.replace(DEV, "127.0.0.1:5432:5432", "${POSTGRES_PASSWORD}:5432")
    boxes = [one for number in LISTS for one in migrated.boxes(number).values()]
    assert any("***" in one.reason for one in boxes)
    assert not any(SECRET in f"{one.reason}{one.evidence}" for one in boxes)


def test_a_legacy_file_that_nobody_needs_any_more_is_not_to_stay(migrated: Migrated) -> None:
    migrated.write("docker-compose.yml", "services: {}\n")
    migrated.remove("Makefile")
    found = migrated.boxes("3.2")["Old files backed up"]
    assert (found.outcome, "docker-compose.yml is still in its place." in found.reason) == (
        Outcome.FAILED,
        True,
    )
