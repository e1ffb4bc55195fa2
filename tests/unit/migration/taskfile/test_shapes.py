"""Projects of other shapes: every target accounted for, files that load, and nothing said that is not so."""

from pathlib import Path

import pytest
import yaml

from dashtam_tasks.migration import taskfile
from dashtam_tasks.migration.legacy import Role
from dashtam_tasks.migration.taskfile import Fate
from tests.unit.migration.blueprints import SHAPES, copied_to
from tests.unit.migration.taskfile import blueprints, running

pytestmark = pytest.mark.shapes

MIGRATED = sorted(
    path.parent.name
    for path in SHAPES.glob("*/shape.yml")
    if yaml.safe_load(path.read_text(encoding="utf-8"))["outcome"] != "refused"
    and path.parent.name != "already-migrated"
)
# What runs tests there: by name of the suite, its command and its paths.
COMMANDS = {
    "anchors": ("inv test.all", ["bundle", "exec", "rspec"]),
    "two-overlays": ("inv test.all", ["python", "manage.py", "test"]),
    "tests-in-file": ("inv test.build test.all --down", ["go", "test", "-count=1"]),
    "udp-host-ip": ("inv test.build test.all", ["go", "test"]),
    "unknown-image": ("inv test.all", ["pytest"]),
    "external": ("inv test.all", ["pytest"]),
    "subfolder": ("inv test.all", ["vendor/bin/phpunit"]),
}


@pytest.mark.parametrize("name", MIGRATED)
def test_a_project_of_another_shape_gets_tasks_that_load(name: str, tmp_path: Path) -> None:
    folder = copied_to(tmp_path / name, name)
    blueprint = blueprints.blueprint(folder, test_file=Role.OVERLAY if name == "signs-disagree" else None)
    step, told = taskfile.step(blueprint)
    makefile = blueprint.found.makefile
    assert [one.target for one in told] == [one.name for one in (makefile.targets if makefile else ())]
    for one in told:
        assert one.reason if one.fate is Fate.LEFT else one.command.startswith("inv ")
    migrated = tmp_path / "migrated"
    running.write(step, migrated)
    assert not running.complaints(migrated)
    # Settings are read before the option is, and tasks.py before that.
    done = running.inv(migrated, "migrate.plan", "--test-file=neither")
    assert (done.returncode, "--test-file is" in done.stderr) == (64, True), done.stderr


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_tests_run_as_the_makefile_ran_them(name: str, tmp_path: Path) -> None:
    step, told = taskfile.step(blueprints.blueprint(copied_to(tmp_path / name, name)))
    running.write(step, tmp_path / "migrated")
    written = yaml.safe_load((tmp_path / "migrated/invoke.yaml").read_text())["dashtam"]
    task, command = COMMANDS[name]
    assert {one.target: one.command for one in told}["test"] == task
    assert written["suites"]["all"]["command"] == command


def test_a_system_suite_brings_the_services_that_its_recipe_started(tmp_path: Path) -> None:
    folder = copied_to(tmp_path / "shop", "overlay-only-services")
    running.write(taskfile.step(blueprints.blueprint(folder))[0], tmp_path / "migrated")
    suites = yaml.safe_load((tmp_path / "migrated/invoke.yaml").read_text())["dashtam"]["suites"]
    assert suites["system"]["paths"] == ["spec/system"]
    assert {"browser", "bank"} & {*suites["system"].get("needs", ())} or "needs" not in suites["system"]
    assert suites["unit"]["paths"] == ["spec/models"]
    assert "No suite integration here" in suites["integration"]["command"][-1]


def test_a_variable_that_the_makefile_set_for_a_target_is_told(tmp_path: Path) -> None:
    blueprint = blueprints.blueprint(copied_to(tmp_path / "shop", "environment-forms"))
    test = {one.target: one for one in taskfile.accounts(blueprint)}["test"]
    assert test.fate is Fate.REPLACED
    assert "the Makefile set SECRET_KEY: set it in the env file" in test.reason


def test_other_runners_are_told_of(tmp_path: Path) -> None:
    step, told = taskfile.step(blueprints.blueprint(copied_to(tmp_path / "polls", "same-names")))
    assert told == ()
    assert any(one.startswith("package.json:8: docker:test calls Compose") for one in step.remarks)


def test_a_project_without_tests_has_no_workflow(tmp_path: Path) -> None:
    step = taskfile.workflow_step(blueprints.blueprint(copied_to(tmp_path / "shop", "no-overlay")))
    assert step.operations == ()
    assert "no environment for CI" in step.remarks[0]


def test_a_workflow_of_the_persons_own_stays(tmp_path: Path) -> None:
    blueprint = blueprints.blueprint(copied_to(tmp_path / "api", "no-container-names"))
    step = taskfile.workflow_step(blueprint)
    assert [one.made for one in step.operations] == [".github/workflows/dashtam-tests.yml"]
    assert any(".github/workflows/test.yml" in one for one in step.remarks)
    running.write(taskfile.step(blueprint)[0], tmp_path / "migrated")
    assert "path: .github/workflows/dashtam-tests.yml" in (tmp_path / "migrated/invoke.yaml").read_text()
