import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from invoke.collection import Collection
from invoke.program import Program

from dashtam_tasks import settings
from dashtam_tasks.namespaces import lifecycle, task_tree

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

ROOT = Path(__file__).parents[3]

LIFECYCLE = {
    "build": "instance no-cache service",
    "db-shell": "instance",
    "down": "instance timeout volumes yes",
    "exec": "instance service user",
    "logs": "follow instance service since tail",
    "rebuild": "instance service timeout",
    "redis-cli": "instance",
    "restart": "instance service timeout",
    "run": "instance service",
    "shell": "instance service",
    "status": "instance json",
    "up": "build instance service timeout",
}
SUITE = "cov down instance k lf path pdb x"
# Every task with its options.
TASKS = {
    "certs": "check force",
    "clean": "images volumes yes",
    "doctor": "json",
    "isolation": "json",
    "keys": "check env force name yes",
    "setup": "install",
    "ci.build": "no-cache",
    "ci.clean": "",
    "ci.lint": "instance",
    "ci.logs": "follow instance service",
    "ci.run": "instance timeout",
    "ci.workflow": "check force output",
    "db.current": "env instance",
    "db.downgrade": "env instance revision yes",
    "db.dump": "env file instance",
    "db.history": "env instance",
    "db.restore": "env file instance yes",
    "db.revision": "autogenerate env instance message",
    "db.upgrade": "env instance revision",
    **{f"dev.{name}": options for name, options in LIFECYCLE.items()},
    "images.build": "image install no-cache",
    "images.status": "json",
    "instances.list": "json",
    "instances.prune": "yes",
    "migrate.plan": "diff full json project test-file volumes",
    "migrate.backup": "database project test-file volumes",
    "migrate.backups": "json verify",
    "migrate.apply": "dry-run phase project step test-file until volumes yes",
    "migrate.rollback": "dry-run force yes",
    "migrate.status": "json",
    "migrate.verify": "",
    "migrate.cleanup": "volumes yes",
    "migrate.validate": "json signed-off-by",
    **{f"test.{name}": options for name, options in LIFECYCLE.items()},
    **{f"test.{name}": SUITE for name in ("all", "integration", "ssl", "unit")},
    "test.coverage": "down instance k path",
}
# What a namespace means by its name alone.
DEFAULTS = {"instances": "instances.list", "test": "test.all"}
ALIASES = {
    "down": "dev.down",
    "logs": "dev.logs",
    "ps": "dev.status",
    "restart": "dev.restart",
    "shell": "dev.shell",
    "status": "dev.status",
    "up": "dev.up",
}

DESCRIBE = """
import json
from pathlib import Path
from dashtam_tasks.namespaces import task_tree
contexts = task_tree(Path.cwd()).to_contexts()
print(json.dumps({one.name: {max(arg.names, key=len): arg.help for arg in one.args.values()} for one in contexts}))
"""

Options = dict[str, dict[str, str | None]]


@pytest.fixture(scope="module")
def tree() -> Collection:
    return task_tree(ROOT)


@pytest.fixture(scope="module")
def options() -> Options:
    """Return each task's options with their help; Invoke uses the help up, so that a new process tells."""
    done = subprocess.run(
        [sys.executable, "-c", DESCRIBE], capture_output=True, text=True, check=True, timeout=60
    )
    described: Options = json.loads(done.stdout)
    return described


def test_there_are_these_tasks_and_no_others(tree: Collection) -> None:
    assert set(tree.task_names) == TASKS.keys() | ALIASES.keys()


@pytest.mark.parametrize("name", TASKS)
def test_a_task_has_these_options_each_with_its_help(options: Options, name: str) -> None:
    assert sorted(options[name]) == TASKS[name].split()
    assert all(options[name].values())


@pytest.mark.parametrize("name", [*TASKS, *ALIASES])
def test_a_task_has_one_line_of_help(tree: Collection, name: str) -> None:
    text = tree[name].__doc__
    assert text
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 100


@pytest.mark.parametrize("name", ALIASES)
def test_an_alias_is_what_it_says(tree: Collection, options: Options, name: str) -> None:
    target = ALIASES[name]
    assert tree[name].body is tree[target].body
    assert tree[name].__doc__ == f"Alias of {target}."
    assert options[name] == options[target]


def test_inv_lists_every_task_with_its_help(tree: Collection, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "--list"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    # A row begins with two spaces; texts that do not fit go on in the next line.
    rows = re.findall(r"^  (\S+)(?: \((\w+)\))? +(\S.*(?:\n {3,}.*)*)", done.stdout, flags=re.MULTILINE)
    listed = {name: text.split() for name, _, text in rows}
    assert listed.keys() == set(tree.task_names)
    for name in ("dev.up", "test.integration", "instances.prune"):
        assert listed[name] == (tree[name].__doc__ or "").split()
    assert {default: name for name, default, _ in rows if default} == DEFAULTS
    assert done.stderr == ""


def test_the_same_task_of_two_environments_runs_twice(
    project: "Project",
    fake_docker: "FakeDocker",
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (project.folder / "certs").mkdir()
    fake_docker.answer("compose")
    fake_docker.answer("compose", "config", stdout=project.model())
    fake_docker.answer("image", "inspect", stdout="[]")
    fake_docker.answer("events", holds=True)
    fake_docker.runs("app")
    files = {"compose_file": "compose/docker-compose.dev.yml", "env_file": "envs/.env.test"}
    (project.folder / "envs/.env.test").touch()
    tree = Collection(lifecycle.collection("dev"), lifecycle.collection("test"))
    tree.configure(settings.defaults(project.folder))
    tree.configure({"dashtam": {"environments": {"test": files}}})
    Program(namespace=tree).run(["tasks", "dev.up", "test.up"])
    started = [argv[4] for argv in fake_docker.argvs if "up" in argv]
    assert started == [str(project.env_file), str(project.folder / "envs/.env.test")]
    assert capfd.readouterr().out.count("postgres") == 2
