import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from dashtam_tasks import program

ROOT = Path(__file__).parents[3]
SECRET = "made-up-and-nobodys-business"


@pytest.fixture
def legacy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example as a person has it, with env files, in which commands run."""
    folder = tmp_path / "example"
    ignored = shutil.ignore_patterns("__pycache__", "*.pem", ".env", ".env.test", "requirements*.txt")
    shutil.copytree(ROOT / "example", folder, ignore=ignored)
    for name in (".env", ".env.test"):
        text = (folder / f"{name}.example").read_text()
        (folder / name).write_text(text.replace("POSTGRES_PASSWORD=CHANGE_ME", f"POSTGRES_PASSWORD={SECRET}"))
    monkeypatch.chdir(folder)
    return folder


def run(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> tuple[int, str, str]:
    """Run `dashtam-tasks WORDS` and return its exit code and both outputs."""
    monkeypatch.setattr("sys.argv", ["dashtam-tasks", *words])
    code: object = 0
    try:
        program.main()
    except SystemExit as ended:
        code = ended.code
    assert isinstance(code, int)
    return (code, *capfd.readouterr())


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_the_plan_of_the_example_is_proven_and_changes_nothing(
    legacy: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bytes_of(legacy)
    code, out, err = run(capfd, monkeypatch, "migrate.plan", "--diff")
    assert (code, bytes_of(legacy)) == (0, before), err
    assert "+name: dashtam-dev${INSTANCE_SUFFIX:-}\n" in out
    assert "move .env.test to envs/.env.test\n" in out
    assert "not proven" not in out
    assert SECRET not in out


def test_a_project_in_a_folder_of_a_repository_is_planned_by_itself(
    legacy: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (legacy.parent / "compose").mkdir()
    (legacy.parent / "invoke.yaml").write_text("dashtam: {project: outer}\n")
    code, out, _ = run(capfd, monkeypatch, "migrate.plan", "--json")
    assert (code, json.loads(out)["found"]["project"]["name"]) == (0, legacy.name)


def test_json_has_every_step_and_no_secret(
    legacy: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(capfd, monkeypatch, "migrate.plan", "--json", "--project", "shop")
    made: dict[str, Any] = json.loads(out)
    assert (code, made["refusals"]) == (0, [])
    assert [step["number"] for step in made["steps"]] == ["1.2", "1.3", "1.4"]
    assert [step["unproven"] for step in made["steps"]] == [[], [], []]
    assert made["found"]["base"] == "docker-compose.yml"
    assert SECRET not in out
    assert legacy.name == made["found"]["project"]["name"]


@pytest.mark.parametrize("words", [("--test-file", "both"), ("--project", "Not A Name")])
def test_a_choice_that_is_none_is_refused(
    legacy: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    code, out, err = run(capfd, monkeypatch, "migrate.plan", *words)
    assert (code, out) == (64, "")
    assert words[1] in err
    assert legacy.is_dir()


def test_a_project_without_compose_files_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capfd, monkeypatch, "migrate.plan")
    assert code == 1
    assert str(tmp_path) in out or "Compose" in out
