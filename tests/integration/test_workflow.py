import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.projects import ROOT, Project, disposable

WORKFLOW = ".github/workflows/test.yml"
SECRET = re.compile(r"\$\{\{ secrets\.(\w+) \}\}")
FAILING_TEST = "def test_that_fails() -> None:\n    assert False\n"


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Runs a workflow's own commands as a runner of GitHub Actions does, in `folder`; actions are not run."""

    folder: Path
    temporary: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def workflow(self) -> Any:
        return yaml.load((self.folder / WORKFLOW).read_text(), yaml.BaseLoader)  # noqa: S506 - it makes text only

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The steps that are commands, in their order."""
        assert self.workflow["defaults"] == {"run": {"shell": "bash"}}
        return [step for step in self.workflow["jobs"]["test"]["steps"] if "run" in step]

    def run(self, step: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        """Run a step's command: https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax."""
        assert "${{" not in step["run"]
        own = {name: self.expand(value) for name, value in step.get("env", {}).items()}
        files = {"GITHUB_OUTPUT": str(self.temporary / "output"), "RUNNER_TEMP": str(self.temporary)}
        script = self.temporary / "step.sh"
        script.write_text(step["run"])
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.folder,
            env={**os.environ, "CI": "true", "GITHUB_ACTIONS": "true", **self.variables, **files, **own},
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def expand(self, value: str) -> str:
        """Return a value with its secrets in it; one that there is not is empty. It has no other expression."""
        expanded = SECRET.sub(lambda found: self.secrets.get(found[1], ""), value)
        assert "${{" not in expanded
        return expanded

    @property
    def outputs(self) -> list[str]:
        """What steps said to others, line by line."""
        return (self.temporary / "output").read_text().splitlines()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that installs this package from the checkout, has its workflow, and has run nothing."""
    folder = tmp_path_factory.mktemp("workflow")
    installed = folder / "installed here"
    uv = str(Path(sys.executable).with_name("uv"))
    alone = ("--offline", "--no-deps", "--no-build-isolation", "--python", sys.executable)
    install = [uv, "pip", "install", *alone, "--target", str(installed), str(ROOT)]
    run = ["env", f"PYTHONPATH={installed}", str(installed / "bin/dashtam-tasks"), "ci.run"]
    for made in disposable(folder / "project"):
        settings = yaml.safe_load((made.path / "invoke.yaml").read_text())
        settings["dashtam"]["workflow"] = {"install": [install], "run": run}
        (made.path / "invoke.yaml").write_text(yaml.safe_dump(settings))
        made.inv("ci.workflow")
        yield made


@pytest.fixture
def runner(host: Project, tmp_path: Path) -> Runner:
    return Runner(folder=host.path, temporary=tmp_path, variables={"XDG_STATE_HOME": str(host.state)})


def test_every_command_of_a_project_succeeds_and_its_reports_are_there(host: Project, runner: Runner) -> None:
    done = [runner.run(step) for step in runner.steps]
    assert [one.returncode for one in done] == [0, 0, 0, 0], "\n".join(
        one.stdout + one.stderr for one in done
    )
    assert runner.outputs == ["found=no"]
    assert len(list(host.path.glob("reports/ci*/junit.xml"))) == 1
    assert len(list(host.path.glob("reports/ci*/coverage.xml"))) == 1
    assert host.leftovers() == []


def test_what_bake_reads_is_the_image_of_the_run(host: Project, runner: Runner) -> None:
    (baking,) = [step for step in runner.workflow["jobs"]["test"]["steps"] if "bake" in step.get("uses", "")]
    assert runner.run(runner.steps[0]).returncode == 0
    file = baking["with"]["files"].replace("${{ runner.temp }}", str(runner.temporary))
    # Bake takes a file for one of Compose's by its name.
    assert Path(file).suffix == ".yaml"
    services = yaml.safe_load(Path(file).read_text())["services"]
    built = {name: service["build"]["context"] for name, service in services.items() if "build" in service}
    assert built == {"app": str(host.path / "example")}


def test_a_failing_test_fails_its_step_with_pytests_code_and_is_in_the_report(
    host: Project, runner: Runner
) -> None:
    broken = host.path / "example/tests/test_broken.py"
    broken.write_text(FAILING_TEST)
    try:
        done = [runner.run(step) for step in runner.steps]
    finally:
        broken.unlink()
    assert [one.returncode for one in done] == [0, 0, 1, 0], "\n".join(
        one.stdout + one.stderr for one in done
    )
    (report,) = host.path.glob("reports/ci*/junit.xml")
    assert "test_that_fails" in report.read_text()
    assert host.leftovers() == []


@pytest.mark.parametrize(
    ("secrets", "found"), [({}, "no"), ({"CODECOV_TOKEN": "a token; it's secret"}, "yes")]
)
def test_this_repositorys_workflow_runs_the_gate_and_its_other_commands_succeed(
    tmp_path: Path, secrets: dict[str, str], found: str
) -> None:
    runner = Runner(folder=ROOT, temporary=tmp_path, secrets=secrets)
    gate = "./bootstrap nox -s ci"
    # This very test runs in it.
    others = [step for step in runner.steps if step["run"] != gate]
    assert len(runner.steps) - len(others) == 1
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == f"exec {gate}"
    done = [runner.run(step) for step in others]
    assert [one.returncode for one in done] == [0, 0], "\n".join(one.stdout + one.stderr for one in done)
    assert runner.outputs == [f"found={found}"]
    assert not any(secret in one.stdout + one.stderr for one in done for secret in secrets.values())
