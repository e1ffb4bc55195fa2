import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from tests.unit.conftest import Project, Terminal

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / ".github/workflows/test.yml"
# Each has what YAML, a shell or Actions could take for something else.
ODD_BRANCHES = ["release/**", 'fix-#1-"now"', "it's", "yes", "0o14", "1e3", "%{run}", "für-später"]
ODD_WORDS = [
    "",
    " a  b ",
    "it's",
    '"so"',
    "$HOME",
    "`id`",
    "a: b # c",
    "two\nlines",
    "%{python}",
    "ä\x85\u2028é😀",
]
INSTALL = [["python", "-m", "pip", "install", "dashtam-tasks"]]
ECHO = "import json, sys; print(json.dumps(sys.argv[1:]))"


def lint(path: Path) -> list[str]:
    """Return what actionlint says of a workflow, without the checkers that only some machines have."""
    options = ("-shellcheck=", "-pyflakes=", "-format", "{{json .}}")
    done = subprocess.run(
        [Path(sys.executable).with_name("actionlint"), *options, path],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert done.returncode == (1 if found else 0)
    return [one["message"] for one in found]


def read(path: Path) -> Any:
    # YAML 1.1 takes the key `on` for a truth; Actions reads YAML 1.2, where it is text.
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506 - it makes text only


def commands(path: Path) -> list[str]:
    return [step["run"] for step in read(path)["jobs"]["test"]["steps"] if "run" in step]


def configure(project: "Project", **workflow: object) -> None:
    write_settings(project, {"workflow": {"install": INSTALL, **workflow}})


def write_settings(project: "Project", values: object) -> None:
    text = yaml.safe_dump({"dashtam": values})
    (project.folder / "invoke.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def path(project: "Project") -> Path:
    """Where the workflow goes of a project that says what is installed."""
    configure(project)
    return project.folder / ".github/workflows/test.yml"


def test_the_committed_workflow_is_what_the_task_writes_here(tmp_path: Path) -> None:
    written = tmp_path / "test.yml"
    subprocess.run(
        [sys.executable, "-m", "invoke", "ci.workflow", "--output", written],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=True,
        timeout=60,
    )
    assert COMMITTED.read_text(encoding="utf-8") == written.read_text(encoding="utf-8")


def test_actionlint_finds_nothing_in_the_committed_workflow() -> None:
    assert lint(COMMITTED) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("runs-on: ubuntu-latest", "", '"runs-on" section is missing'),
        ("actions/checkout@v7", "actions/checkout@v4", 'runtime "node20" is deprecated'),
        (
            "steps.codecov.outputs.found ==",
            "secrets.CODECOV_TOKEN !=",
            'context "secrets" is not allowed here',
        ),
        ("steps.python.outputs", "steps.nowhere.outputs", 'property "nowhere" is not defined'),
        ('branches: ["main"', 'branches: ["ma in"', "character ' ' is invalid for branch"),
    ],
)
def test_actionlint_finds_what_is_broken(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = COMMITTED.read_text(encoding="utf-8")
    assert old in text
    broken = tmp_path / "broken.yml"
    broken.write_text(text.replace(old, new), encoding="utf-8")
    assert any(problem in message for message in lint(broken)), lint(broken)


def test_a_project_gets_a_sound_workflow_by_default(tasks: "Terminal", path: Path) -> None:
    assert tasks("ci.workflow").code == 0
    assert lint(path) == []
    assert commands(path)[1:3] == ["python -m pip install dashtam-tasks", "dashtam-tasks ci.run"]
    branches = {"branches": ["main", "develop"]}
    assert read(path)["on"] == {"push": branches, "pull_request": branches}


def test_a_workflow_may_little_and_ends_what_nobody_waits_for(tasks: "Terminal", path: Path) -> None:
    tasks("ci.workflow")
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"] == {
        "group": "${{ github.workflow }}-${{ github.ref }}",
        "cancel-in-progress": "true",
    }
    assert workflow["jobs"]["test"]["timeout-minutes"] == "30"


def test_every_action_is_pinned_to_a_major_version(tasks: "Terminal", path: Path) -> None:
    tasks("ci.workflow")
    used = [step["uses"] for step in read(path)["jobs"]["test"]["steps"] if "uses" in step]
    assert len(used) == 7
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+", one)] == []


def test_failing_tests_fail_the_job_and_reports_are_kept_nevertheless(tasks: "Terminal", path: Path) -> None:
    tasks("ci.workflow")
    steps = read(path)["jobs"]["test"]["steps"]
    assert "continue-on-error" not in path.read_text(encoding="utf-8")
    (tests,) = [step for step in steps if step.get("run") == "dashtam-tasks ci.run"]
    assert tests.keys() == {"run"}
    (kept,) = [step for step in steps if step.get("uses", "").startswith("actions/upload-artifact")]
    assert (kept["if"], kept["with"]["path"]) == ("${{ always() }}", "reports/")
    assert steps.index(kept) > steps.index(tests)


def test_odd_branches_and_commands_arrive_as_they_are_set(
    tasks: "Terminal", project: "Project", path: Path
) -> None:
    odd = [sys.executable, "-c", ECHO, *ODD_WORDS]
    configure(
        project, branches=ODD_BRANCHES, install=[odd, ["true"]], run=odd, python="3.10", timeout_minutes=7
    )
    tasks("ci.workflow")
    assert lint(path) == []
    assert read(path)["on"]["push"]["branches"] == ODD_BRANCHES
    steps = read(path)["jobs"]["test"]["steps"]
    assert [step["with"]["python-version"] for step in steps if step.get("id") == "python"] == ["3.10"]
    assert read(path)["jobs"]["test"]["timeout-minutes"] == "7"
    first, second, third = commands(path)[1:4]
    assert second == "true"
    for command in (first, third):
        done = subprocess.run(["bash", "-ec", command], capture_output=True, check=True, timeout=60)
        assert json.loads(done.stdout) == ODD_WORDS


def write_compose(path: Path, services: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"x-built: &built {{build: .}}\nservices:\n  {services}\n")


def test_the_compose_file_and_its_example_are_those_of_the_settings(
    tasks: "Terminal", project: "Project", path: Path
) -> None:
    files = {"compose_file": 'deploy/"ci": $1.yml', "env_file": "deploy/.env ci"}
    write_settings(project, {"environments": {"ci": files}, "workflow": {"install": INSTALL}})
    write_compose(project.folder / files["compose_file"], "app: {build: .}")
    tasks("ci.workflow")
    assert lint(path) == []
    (resolving,) = [one for one in read(path)["jobs"]["test"]["steps"] if "FILE" in one.get("env", {})]
    assert resolving["env"] == {"FILE": files["compose_file"], "EXAMPLE": "deploy/.env ci.example"}


@pytest.mark.parametrize(
    ("services", "built"),
    [
        ("app: {build: .}", ["app"]),
        ("web: {<<: *built}\n  worker: {<<: *built}\n  db: {image: postgres}", ["web", "worker"]),
        ("db: {image: postgres}\n  app: {image: made/before, ports: !reset []}", []),
    ],
)
def test_each_image_that_is_built_has_a_cache_of_its_own(
    tasks: "Terminal", project: "Project", path: Path, services: str, built: list[str]
) -> None:
    write_compose(project.ci.compose_file, services)
    tasks("ci.workflow")
    assert lint(path) == []
    bakes = [
        one["with"]["set"] for one in read(path)["jobs"]["test"]["steps"] if "set" in one.get("with", {})
    ]
    caches = [
        line
        for name in built
        for line in (
            f"{name}.cache-from=type=gha,scope={name}",
            f"{name}.cache-to=type=gha,mode=max,scope={name},ignore-error=true",
        )
    ]
    assert [one.split() for one in bakes] == ([[*caches, "*.output=type=cacheonly"]] if built else [])


@pytest.mark.parametrize("text", ["services: [", "services: {app: [", "- app", ""])
def test_a_compose_file_that_cannot_be_read_is_named(
    tasks: "Terminal", project: "Project", path: Path, text: str
) -> None:
    project.ci.compose_file.write_text(text)
    refused = tasks("ci.workflow")
    assert (refused.code, path.exists()) == (78, False)
    assert f"{project.ci.compose_file} is not a Compose file" in refused.err


def test_a_project_may_install_nothing(tasks: "Terminal", project: "Project", path: Path) -> None:
    configure(project, install=[], run=["make", "test"])
    tasks("ci.workflow")
    assert lint(path) == []
    assert commands(path)[1] == "make test"
    assert "pip install" not in path.read_text(encoding="utf-8")


def test_a_project_has_to_say_what_is_installed(tasks: "Terminal", project: "Project", path: Path) -> None:
    write_settings(project, {})
    refused = tasks("ci.workflow")
    assert (refused.code, path.exists()) == (78, False)
    assert refused.err.startswith("error: dashtam.workflow.install is not set, ")


@pytest.mark.parametrize(
    "workflow", [{"branches": []}, {"run": []}, {"install": [[]]}, {"timeout_minutes": 0}, {"runs": ["make"]}]
)
def test_settings_that_make_no_workflow_are_refused(
    tasks: "Terminal", project: "Project", path: Path, workflow: dict[str, object]
) -> None:
    configure(project, **workflow)
    refused = tasks("ci.workflow")
    assert refused.code == 78
    assert f"invoke.yaml: dashtam.workflow.{next(iter(workflow))}" in refused.err
    assert not path.exists()


@pytest.mark.usefixtures("hostile_umask")
def test_a_new_workflow_is_for_everybody_to_read_and_for_its_owner_to_change(
    tasks: "Terminal", path: Path
) -> None:
    written = tasks("ci.workflow")
    assert (written.code, written.out, written.err) == (0, f"wrote {path}\n", "")
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in path.parent.iterdir()] == ["test.yml"]


def test_a_workflow_that_is_current_is_left_as_it_is(tasks: "Terminal", path: Path) -> None:
    tasks("ci.workflow")
    before = path.stat()
    for options in ((), ("--force",), ("--check",)):
        done = tasks("ci.workflow", *options)
        assert (done.code, done.out, done.err) == (0, "Nothing to do.\n", "")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_another_workflow_is_not_replaced(tasks: "Terminal", path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("name: Mine\n", encoding="utf-8")
    refused = tasks("ci.workflow")
    assert refused.code == 65
    assert str(path) in refused.err
    assert "--force" in refused.err
    assert path.read_text(encoding="utf-8") == "name: Mine\n"
    assert [one.name for one in path.parent.iterdir()] == ["test.yml"]


def test_force_replaces_another_workflow_and_keeps_it_where_actions_does_not_read_it(
    tasks: "Terminal", path: Path
) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("name: Mine\n", encoding="utf-8")
    done = tasks("ci.workflow", "--force")
    (kept,) = [one for one in path.parent.iterdir() if one != path]
    assert kept.suffix not in {".yml", ".yaml"}
    assert kept.read_text(encoding="utf-8") == "name: Mine\n"
    assert (done.code, done.out) == (0, f"kept the old workflow as {kept}\nwrote {path}\n")
    assert tasks("ci.workflow", "--check").code == 0


def test_check_tells_of_a_missing_workflow_and_writes_none(tasks: "Terminal", path: Path) -> None:
    missing = tasks("ci.workflow", "--check")
    assert missing.code == 1
    assert "The file is missing." in missing.out
    assert not path.exists()


def test_check_tells_of_another_workflow_and_leaves_it(
    tasks: "Terminal", project: "Project", path: Path
) -> None:
    tasks("ci.workflow")
    before = path.read_bytes()
    configure(project, python="3.12")
    different = tasks("ci.workflow", "--check")
    assert different.code == 1
    assert "The file differs from what the settings say." in different.out
    assert path.read_bytes() == before


def test_output_is_where_the_person_stands_and_a_set_path_in_the_project(
    tasks: "Terminal", project: "Project", path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(project, path="ci/tests.yml")
    monkeypatch.chdir(project.folder / "src")
    assert tasks("ci.workflow").code == 0
    assert tasks("ci.workflow", "--output", "mine.yml").code == 0
    assert (project.folder / "src/mine.yml").read_bytes() == (project.folder / "ci/tests.yml").read_bytes()
    assert not path.exists()


@pytest.mark.parametrize("options", [(), ("--force",)])
def test_a_folder_is_no_place_for_a_workflow(
    tasks: "Terminal", project: "Project", path: Path, options: tuple[str, ...]
) -> None:
    refused = tasks("ci.workflow", "--output", "src", *options)
    assert (refused.code, refused.out) == (64, "")
    assert refused.err.startswith("error: src is a folder.\n")
    assert list((project.folder / "src").iterdir()) == []
    assert not path.exists()


def test_a_place_where_nothing_can_be_written_is_named(tasks: "Terminal", path: Path) -> None:
    path.parents[1].write_text("", encoding="utf-8")
    refused = tasks("ci.workflow")
    assert refused.code == 73
    assert str(path.parent) in refused.err


def test_the_installed_package_brings_its_template(project: "Project", tmp_path: Path) -> None:
    options = ("--target", "wheel", "--directory", str(tmp_path / "wheel"))
    build = [sys.executable, "-m", "hatchling", "build", *options]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True, timeout=120)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    configure(project)
    program = "from dashtam_tasks import program; program.main()"
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(tmp_path / "installed")}
    subprocess.run(
        [sys.executable, "-c", program, "ci.workflow"],
        cwd=project.folder,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert lint(project.folder / ".github/workflows/test.yml") == []
