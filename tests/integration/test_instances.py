"""Instances: any number of copies at once, each with names, ports and data of its own."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.projects import Project, disposable, docker

EIGHT = [f"copy{number}" for number in range(8)]


@pytest.fixture
def worktree(project: Project) -> Project:
    """A second git worktree of the project's repository, set up as a person would."""
    identity = ("-c", "user.name=Nobody", "-c", "user.email=nobody@localhost")
    ignored = "/certs/\n/envs/.env.*\n!/envs/.env.*.example\n/reports/\n__pycache__/\n"
    (project.path / ".gitignore").write_text(ignored)
    path = project.path.with_name("Feature X")
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all"),
        (*identity, "commit", "--quiet", "--message=all"),
        ("worktree", "add", "--quiet", "-b", "feature", str(path)),
    ):
        subprocess.run(["git", *arguments], cwd=project.path, check=True, capture_output=True, timeout=60)
    made = Project(path=path, suffix=project.suffix, state=project.state)
    made.inv("setup")
    return made


def all_at_once(project: Project, *commands: tuple[str, ...]) -> list[str]:
    """Run `inv` commands at the same time and return what each printed; all of them have to succeed."""
    with ExitStack() as stack:
        started = [stack.enter_context(project.start(*command)) for command in commands]
        outputs = [process.communicate(timeout=600) for process in started]
    for process, (output, errors) in zip(started, outputs, strict=True):
        assert process.returncode == 0, output + errors
    return [output for output, _ in outputs]


@pytest.mark.crowd
@pytest.mark.timeout(900)
def test_eight_instances_are_healthy_and_their_suites_run_at_once(project: Project) -> None:
    project.inv("test.build")
    all_at_once(project, *(("test.up", "--instance", name) for name in EIGHT))
    known = project.instances()
    assert {one["name"] for one in known.values()} == set(EIGHT)
    assert {one["state"] for one in known.values()} == {"healthy"}
    ports = [port for one in known.values() for port in one["ports"]]
    assert len(ports) == len(set(ports)) == 4 * len(EIGHT)
    for name in EIGHT:
        services = {container.split("-")[2] for container in project.containers("test", name)}
        assert services == {"app", "callback", "postgres", "redis"}
        assert len(project.containers("test", name)) == 4
    project.inv("isolation")

    all_at_once(project, *(("test.all", "--instance", name) for name in EIGHT))
    for name in EIGHT:
        assert (project.path / f"reports/test-{name}/junit-all.xml").is_file()
    all_at_once(project, *(("test.down", "--instance", name) for name in EIGHT))
    assert project.leftovers() == []
    assert project.instances() == {}


def test_an_instance_has_rows_and_ports_of_its_own_and_keeps_them(project: Project) -> None:
    project.inv("dev.up", "--instance", "blue")
    project.inv("dev.up")
    project.send("/accounts", {"name": "savings", "institution": "Schwab"})
    count = ("dev.db-shell", "--instance", "blue", "--", "-Atc", "select count(*) from accounts")
    assert project.inv(*count).stdout.strip() == "0"
    blue = project.instances()[project.compose_project("dev", "blue")]
    project.inv("dev.down", "--instance", "blue")
    assert project.containers("dev", "blue") == {}
    assert project.instances()[blue["project"]]["ports"] == blue["ports"]
    project.inv("dev.up", environment={"DASHTAM_INSTANCE": "blue"})
    assert project.instances()[blue["project"]]["ports"] == blue["ports"]
    assert project.get("/accounts")

    project.inv("clean", "--volumes", "--yes")
    assert project.leftovers() == []
    assert project.instances() == {}


@pytest.mark.timeout(900)
def test_two_worktrees_run_development_and_tests_each(project: Project, worktree: Project) -> None:
    with ExitStack() as stack:
        started = [
            stack.enter_context(one.start(task))
            for one in (project, worktree)
            for task in ("dev.up", "test.all")
        ]
        for process in started:
            output, errors = process.communicate(timeout=600)
            assert process.returncode == 0, output + errors
    known = project.instances()
    assert {(one["environment"], one["folder"]) for one in known.values()} == {
        (environment, str(one.path)) for environment in ("dev", "test") for one in (project, worktree)
    }
    ports = [port for one in known.values() for port in one["ports"]]
    assert len(ports) == len(set(ports)) == 16
    own = {one["name"] for one in known.values() if one["folder"] == str(worktree.path)}
    assert len(own) == 1
    assert own != {""}
    assert (worktree.path / "reports").is_dir()
    for one in (project, worktree):
        status = json.loads(one.inv("dev.status", "--json").stdout)
        assert {service["health"] for service in status} == {"healthy"}
        one.inv("isolation")
        assert [
            found
            for found in json.loads(one.inv("doctor", "--json").stdout)["findings"]
            if found["severity"] == "error"
        ] == []
    worktree.inv("clean", "--volumes", "--yes")
    assert {one["folder"] for one in project.instances().values()} == {str(project.path)}
    assert project.get("/health")["status"] == "ok"


def test_what_a_removed_worktree_left_is_pruned(project: Project, worktree: Project) -> None:
    project.inv("dev.up", "--service", "redis")
    worktree.inv("dev.up", "--service", "postgres")
    shutil.rmtree(worktree.path)
    (orphan,) = [one for one in project.instances().values() if one["folder"] == str(worktree.path)]
    assert orphan["state"] == "folder is gone"
    assert "--yes" in project.inv("instances.prune", code=64).stderr
    assert docker("ps", "-q", "--filter", f"label=com.docker.compose.project={orphan['project']}")
    project.inv("instances.prune", "--yes")
    assert list(project.instances()) == [project.name]
    assert project.found("volume") == [f"{project.name}_dev_redis_data"]
    assert project.containers().keys() == {f"dashtam-dev-redis{project.suffix}"}


def test_a_second_clone_is_told_who_has_the_name(project: Project, tmp_path: Path) -> None:
    project.inv("dev.up", "--service", "postgres")
    project.inv("dev.down")
    clone = Project(path=tmp_path / "clone", suffix=project.suffix, state=project.state)
    shutil.copytree(project.path, clone.path)
    for task in (("dev.up",), ("dev.down", "--volumes", "--yes")):
        done = clone.inv(*task, code=75)
        assert str(project.path) in done.stderr
        assert "--instance" in done.stderr
    assert project.found("volume") == [f"{project.name}_dev_postgres_data"]
    # A clone's env files are not in git. The first one's volume does not keep it from having secrets of its own.
    (clone.path / "envs/.env.dev").unlink()
    clone.inv("setup")
    assert clone.variable("POSTGRES_PASSWORD") != project.variable("POSTGRES_PASSWORD")
    clone.inv("dev.up", "--instance", "clone")
    status = json.loads(clone.inv("dev.status", "--json", "--instance", "clone").stdout)
    assert {service["health"] for service in status} == {"healthy"}
    assert str(project.path) in clone.inv("dev.status", code=75).stderr


def test_a_moved_project_keeps_its_data(project: Project, tmp_path: Path) -> None:
    project.inv("dev.up")
    made = project.send("/accounts", {"name": "savings", "institution": "Schwab"})
    moved = Project(path=tmp_path / "moved", suffix=project.suffix, state=project.state)
    project.path.rename(moved.path)
    moved.inv("dev.up")
    assert [one["id"] for one in moved.get("/accounts")] == [made["id"]]
    assert [one["folder"] for one in moved.instances().values()] == [str(moved.path)]


def test_a_compose_file_with_a_fixed_name_is_refused(project: Project) -> None:
    line = "container_name: dashtam-test-redis${INSTANCE_SUFFIX:-}"
    project.replace("compose/docker-compose.test.yml", line, f"container_name: redis{project.suffix}")
    done = project.inv("test.up", "--instance", "blue", code=78)
    lines = (project.path / "compose/docker-compose.test.yml").read_text().splitlines()
    number = lines.index(f"    container_name: redis{project.suffix}") + 1
    assert f"docker-compose.test.yml:{number}: " in done.stderr
    assert project.leftovers() == []
    assert project.instances() == {}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that tests share which start nothing of their own."""
    yield from disposable(tmp_path_factory.mktemp("shared") / "project")


@pytest.mark.parametrize("name", ["Upper", "-a", "a b", "a/b", "a" * 41])
def test_an_impossible_name_is_a_usage_error(shared: Project, name: str) -> None:
    assert repr(name) in shared.inv("dev.status", f"--instance={name}", code=64).stderr
