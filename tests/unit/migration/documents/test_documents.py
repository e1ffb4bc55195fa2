"""Documents: they hold for the project that they are written for, and what they tell to type exists."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from dashtam_tasks.migration.operations import CopyVolume, Write
from dashtam_tasks.namespaces import task_tree
from tests.unit.migration.blueprints import blueprint_of, copied, migrated
from tests.unit.migration.documents.conftest import Documented, documented, written

pytestmark = pytest.mark.shapes

GUIDE, ROLLBACK = "MIGRATION_GUIDE.md", "ROLLBACK_PROCEDURE.md"
# Tasks that the migration itself has.
MIGRATE = frozenset(f"migrate.{one}" for one in "backup backups cleanup rollback status verify".split())
TASK = re.compile(r"(?:\binv|dashtam-tasks) (?P<name>[a-z][\w-]*(?:\.[\w-]+)?)")
FENCE = re.compile(r"^```bash\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


def every(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("project", [name], indirect=True)


def tables(text: str) -> list[list[str]]:
    """Return the widths of the rows of each table."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [[str(len(re.split(r"(?<!\\)\|", row)) - 2) for row in block.splitlines()] for block in blocks]


@pytest.mark.parametrize("project", migrated(), indirect=True)
def test_documents_hold_for_every_project(project: Documented) -> None:
    texts = project.texts()
    assert texts == project.texts()
    assert {GUIDE, ROLLBACK} <= set(texts)
    names = set(project.blueprint.models)
    for text in texts.values():
        assert all(len(set(widths)) == 1 for widths in tables(text))
        assert str(project.folder) not in text
        assert "\n\n\n" not in text.replace("\r\n", "\n")
    told = texts[GUIDE] + texts[ROLLBACK]
    assert ("docker-compose.test.yml" in told) == ("test" in names)
    assert ("inv test." in told) == ("test" in names)
    assert f"compose/docker-compose.{'test' if 'test' in names else 'dev'}.yml" in told
    assert ("db.restore" in told) == bool(
        re.search(r"postgres", str(project.blueprint.models["dev"].services))
    )
    values = {
        value for one in project.blueprint.found.env_files for value in secrets(project.folder / one.file)
    }
    assert [one for one in values if one in told] == []


def secrets(path: Path) -> list[str]:
    """Return the values of an env file that no document could have by chance."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    named = [line.split("=", 1) for line in lines if re.match(r"\w*(?:PASSWORD|SECRET|KEY)\w*=.{8}", line)]
    return [value for _, value in named if not value.startswith("CHANGE")]


@pytest.mark.parametrize("project", ["example", "no-overlay"], indirect=True)
def test_every_task_in_them_exists(project: Documented) -> None:
    known = {*task_tree(project.folder).task_names, *MIGRATE}
    own = {one.command.removeprefix("inv ") for one in project.accounts}
    for text in project.texts().values():
        code = "\n".join(one["code"] for one in FENCE.finditer(text)) + "\n".join(
            re.findall(r"`[^`\n]+`", text)
        )
        assert {one["name"] for one in TASK.finditer(code)} - known - own <= {"migrate"}


@every("example")
def test_the_guide_says_what_to_type_and_where_things_are(project: Documented) -> None:
    text = project.texts()[GUIDE]
    for line in (
        "| `make up` | `inv test.up` | odd |",
        "- `make help`, line 10: odd",
        "| `dev` | `compose/docker-compose.dev.yml` | `envs/.env.dev` | `dashtam-dev` |",
        "| `test` | `postgres` | `dashtam-test-postgres` | `127.0.0.1:5433` |",
        "| container | `dashtam-app` | `dashtam-dev-app` |",
        "| network | `dashtam-network` | `dashtam-dev-network` |",
        "| volume | `example_postgres_data` | `dashtam-dev_dev_postgres_data` |",
        "| `test` | `postgres` | in its container: gone when that is removed |",
        "- `.devcontainer.json` names the new Compose file.",
        "mv .env.test envs/.env.test",
    ):
        assert f"{line}\n" in text
    assert "scripts/generate-keys.sh:10" in text


@every("subfolder")
def test_an_env_file_that_both_used_is_copied_before_it_is_moved(project: Documented) -> None:
    text = project.texts()[GUIDE]
    assert "cp docker/.env envs/.env.test\nmv docker/.env envs/.env.dev\n" in text
    assert "docker compose -f docker/docker-compose.yml down" in text


@every("example")
def test_a_rollback_says_what_becomes_of_copied_volumes(project: Documented) -> None:
    copy = CopyVolume(
        source="example_postgres_data",
        target="dashtam-dev_dev_postgres_data",
        labels={},
        service="postgres",
        image="postgres",
        path="/var/lib/postgresql/data",
    )
    text = project.with_volumes(copy).texts()[ROLLBACK]
    assert "What was written to the new volumes, `dashtam-dev_dev_postgres_data`: it is dumped" in text
    assert (
        "| 1.2 | volume `dashtam-dev_dev_postgres_data` | copied from the volume `example_postgres_data` |"
        in text
    )
    assert "the new volumes" not in project.texts()[ROLLBACK]


def test_the_way_back_by_hand_gives_every_byte_back(tmp_path: Path) -> None:
    project = documented("example", tmp_path)
    before = contents(project.folder)
    shutil.copytree(project.folder, tmp_path / "backup")
    text = project.texts()[ROLLBACK]
    written(project)
    shutil.copytree(tmp_path / "backup", project.folder / "backups/pre-migration-20261123-2")
    # An earlier migration, which was taken back, left one as well.
    (project.folder / "backups/pre-migration-20261123").mkdir()
    (project.folder / ".dashtam").mkdir()
    (project.folder / ".dashtam/plan.json").write_text('{"plan":{"backup":"pre-migration-20261123-2"}}\n')
    (project.folder / "docker-compose.yml").unlink()
    lines = [line for one in FENCE.finditer(text) for line in one["code"].splitlines()]
    script = "\n".join(line for line in lines if line.startswith(("backup=", "install ", "rm ")))
    subprocess.run(["sh", "-eu", "-c", script], cwd=project.folder, check=True)
    shutil.rmtree(project.folder / "backups")
    shutil.rmtree(project.folder / ".dashtam")
    assert contents(project.folder) == before


def contents(folder: Path) -> dict[str, tuple[bytes, int, float]]:
    """Return every file below a folder, with its mode and its time."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime)
        for path in folder.rglob("*")
        if path.is_file()
    }


@every("example")
def test_every_changed_file_is_on_the_list(project: Documented) -> None:
    text = project.texts()[ROLLBACK]
    for step in (*project.steps, project.guide_step(), project.rollback_step()):
        for one in step.operations:
            assert f"| {step.outline.number} | `{one.made}` | " in text


OWNERS = {
    "a person of git": (None, "Ask Ada, who migrated the project.\n"),
    "those who own all": ("* @old\n*.py @py\n* @ops @ada # all\n", "Ask @ops, @ada and Ada, who migrated"),
    "those who own a part": ("/docs @docs\n", "Ask Ada, who migrated the project.\n"),
}


@pytest.mark.parametrize("case", OWNERS)
def test_it_says_whom_to_ask(tmp_path: Path, case: str) -> None:
    owners, expected = OWNERS[case]
    folder = copied("byte-order-mark", tmp_path)
    for arguments in (["init", "--quiet"], ["config", "user.name", "Ada"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    if owners is not None:
        (folder / "CODEOWNERS").write_text(owners, encoding="utf-8")
    blueprint, steps = blueprint_of(folder)
    text = Documented(blueprint=blueprint, steps=steps, accounts=()).texts()[ROLLBACK]
    assert expected in text


@every("no-overlay")
def test_where_nobody_is_named_it_says_what_to_report(project: Documented) -> None:
    _, _, text = project.texts()[ROLLBACK].partition("## Whom to ask\n")
    assert text.startswith("\nSay which step it was about")


def test_writes_are_of_whole_files_that_shells_can_name(tmp_path: Path) -> None:
    folder = copied("non-ascii", tmp_path)
    blueprint, steps = blueprint_of(folder)
    project = Documented(blueprint=blueprint, steps=steps, accounts=())
    for one in FENCE.finditer(project.texts()[ROLLBACK]):
        assert [shlex.split(line, comments=True) for line in one["code"].splitlines()]
    assert all(isinstance(one, Write) for one in project.guide_step().operations)
