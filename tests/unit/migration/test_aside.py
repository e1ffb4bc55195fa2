"""Cleanup: legacy Compose files go aside unless somebody needs them, and what is committed by mistake is found."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dashtam_tasks.findings import Severity
from dashtam_tasks.migration import aside, committed
from dashtam_tasks.migration.facts import EnvironmentFacts, Facts
from dashtam_tasks.migration.operations import Move, Write

BASE, TEST = "docker-compose.yml", "docker-compose.test.yml"
FACTS = Facts(
    project="shop",
    legacy_project="shop",
    environments=(
        EnvironmentFacts(
            name="dev",
            compose_file="compose/docker-compose.dev.yml",
            env_file="envs/.env.dev",
            legacy_files=(BASE,),
            legacy_env_file=".env",
        ),
        EnvironmentFacts(
            name="test",
            compose_file="compose/docker-compose.test.yml",
            env_file="envs/.env.test",
            legacy_files=(BASE, TEST),
            legacy_env_file=".env.test",
        ),
    ),
)
FILE = "services:\n  app:\n    image: app\n"
MIGRATED = {
    BASE: FILE,
    TEST: FILE,
    "compose/docker-compose.dev.yml": FILE,
    "compose/docker-compose.test.yml": FILE,
    ".gitignore": "*.pyc\n",
}

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return what makes a migrated project with more files."""

    def made(more: dict[str, str] | None = None) -> Path:
        for name, text in {**MIGRATED, **(more or {})}.items():
            path = tmp_path / "shop" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path / "shop"

    return made


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@localhost", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def moves(project: Path) -> dict[str, str]:
    return {one.source: one.target for one in aside.operations(project, FACTS) if isinstance(one, Move)}


def writes(project: Path) -> dict[str, str]:
    done = aside.operations(project, FACTS)
    return {one.path: one.data.decode() for one in done if isinstance(one, Write)}


def perform(project: Path) -> None:
    for one in aside.operations(project, FACTS):
        if isinstance(one, Move):
            (project / one.source).rename(project / one.target)
        elif isinstance(one, Write):
            (project / one.path).write_bytes(one.data)


def test_legacy_files_go_aside_once(make: Make) -> None:
    project = make()
    (project / BASE).chmod(0o640)
    assert moves(project) == {BASE: f"{BASE}.old", TEST: f"{TEST}.old"}
    assert Move(source=BASE, target=f"{BASE}.old", mode=0o640) in aside.operations(project, FACTS)
    perform(project)
    assert aside.operations(project, FACTS) == ()


def test_what_is_aside_already_is_never_overwritten(make: Make) -> None:
    project = make({f"{BASE}.old": "", f"{BASE}.old.backup": "", f"{TEST}.old": ""})
    (project / f"{BASE}.old.backup2").symlink_to("nowhere")
    assert moves(project) == {BASE: f"{BASE}.old.backup3", TEST: f"{TEST}.old.backup"}


def test_what_is_aside_is_not_committed(make: Make) -> None:
    project = make({f"{BASE}.old": ""})
    git(project, "init", "--quiet")
    perform(project)
    ignored = git(
        project, "check-ignore", f"{BASE}.old", f"{BASE}.old.backup", f"{TEST}.old", "a.old"
    ).split()
    assert ignored == [f"{BASE}.old", f"{BASE}.old.backup", f"{TEST}.old"]


def test_images_leave_out_what_they_left_out_before(make: Make) -> None:
    project = make({".dockerignore": "docker-compose.test.yml\n", "Dockerfile.dockerignore": "*.old*\n"})
    assert list(writes(project)) == [".gitignore", ".dockerignore"]
    assert writes(project)[".dockerignore"].endswith("\ndocker-compose.test.yml.old*\n")


NEEDED = {
    "extended": (
        {"docker-compose.prod.yml": f"services:\n  app:\n    extends: {{file: {BASE}, service: app}}\n"},
        "docker-compose.prod.yml extends or includes it",
    ),
    "included by an environment's own file": (
        {"compose/docker-compose.dev.yml": f"include: [../{BASE}]\n"},
        "compose/docker-compose.dev.yml extends or includes it",
    ),
    "used with another": (
        {
            "docker-compose.prod.yml": FILE,
            "deploy.sh": f"docker compose -f {BASE} -f docker-compose.prod.yml up -d\n",
        },
        "deploy.sh:1 uses it with docker-compose.prod.yml",
    ),
    "named by a devcontainer": (
        {".devcontainer/devcontainer.json": f'{{"dockerComposeFile": ["../{BASE}", "more.yml"]}}'},
        ".devcontainer/devcontainer.json names it",
    ),
}


@pytest.mark.parametrize("case", NEEDED)
def test_what_others_need_stays_and_is_listed(make: Make, case: str) -> None:
    files, why = NEEDED[case]
    project = make(files)
    assert moves(project) == {TEST: f"{TEST}.old"}
    assert aside.remarks(project, FACTS) == (f"{BASE} stays: {why}",)


def test_what_a_needed_file_needs_stays_too(make: Make) -> None:
    project = make(
        {
            TEST: f"include: [{BASE}]\n",
            "docker-compose.prod.yml": f"include: [{TEST}]\n",
        }
    )
    assert moves(project) == {}
    assert f"{BASE} stays: {TEST} needs it" in aside.remarks(project, FACTS)


def test_a_file_that_comes_to_the_front_is_named(make: Make) -> None:
    (told,) = aside.remarks(make({"docker-compose.yaml": FILE}), FACTS)
    assert (
        told == f"docker-compose.yaml: plain `docker compose` takes it from now on, since {BASE} is set aside"
    )


def test_the_makefile_stays_and_its_broken_targets_are_listed(make: Make) -> None:
    recipes = (
        f"up:\n\tdocker-compose up -d\ntest:\n\tdocker-compose -f {BASE} -f {TEST} up\nlint:\n\truff check\n"
    )
    project = make({"Makefile": recipes})
    assert "Makefile" not in moves(project)
    (told,) = aside.remarks(project, FACTS)
    assert told == "Makefile: these targets use files that are set aside, and no longer work: up, test"


@pytest.fixture
def repository(make: Make) -> Path:
    """A migrated project in a repository, with env files that git leaves out."""
    project = make(
        {
            "envs/.env.dev": "A=1\n",
            "envs/.env.dev.example": "A=\n",
            ".gitignore": "/envs/.env.*\n!*.example\n/backups/\n/.dashtam/\n",
            "backups/pre-migration-20261123/.env": "A=1\n",
            ".dashtam/plan.json": "{}",
        }
    )
    git(project, "init", "--quiet")
    git(project, "add", ".")
    return project


def found(project: Path) -> list[tuple[str, str, Severity]]:
    return [(one.kind, one.where, one.severity) for one in committed.findings(project, FACTS)]


def test_a_sound_repository_has_no_findings(repository: Path) -> None:
    assert found(repository) == []


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("envs/.env.dev", Severity.ERROR),
        ("envs/.env.staging", Severity.ERROR),
        (".env", Severity.ERROR),
        ("backups/pre-migration-20261123/.env", Severity.ERROR),
        ("frontend/.env.production", Severity.WARNING),
    ],
)
def test_a_committed_secret_is_found(repository: Path, name: str, severity: Severity) -> None:
    path = repository / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("A=1\n", encoding="utf-8")
    git(repository, "add", "--force", name)
    git(repository, "commit", "--quiet", "--message=a")
    assert found(repository) == [("secret-committed", name, severity)]


def test_what_the_next_commit_would_take_is_found(repository: Path) -> None:
    (repository / ".gitignore").write_text("/.dashtam/\n", encoding="utf-8")
    told = found(repository)
    assert told == [
        ("secret-not-ignored", "envs/.env.dev", Severity.ERROR),
        ("secret-not-ignored", "backups/", Severity.ERROR),
    ]


def test_without_a_repository_nothing_is_committed(make: Make) -> None:
    assert found(make({"envs/.env.dev": "A=1\n"})) == []
