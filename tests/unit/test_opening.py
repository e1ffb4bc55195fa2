import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dashtam_tasks import instances
from dashtam_tasks.environments import Environment
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.opening import changing, claimed, every_instance, open_environment
from tests.unit import copies
from tests.unit.holders import holding

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project, Terminal


@pytest.fixture
def docker(fake_docker: "FakeDocker", project: "Project") -> "FakeDocker":
    """A docker that knows dev's Compose file, which keeps instances apart, and on which nothing runs."""
    copies.tell(fake_docker, copies.model(project))
    fake_docker.answer("ps")
    fake_docker.answer("compose")
    return fake_docker


def remembered() -> list[str]:
    """Return the Compose projects that are remembered."""
    return [one.project for one in instances.remembered()]


def test_an_unknown_environment_is_named_with_those_that_are_there(project: "Project") -> None:
    with pytest.raises(DashtamError, match=r"^There is no environment prod\.$") as raised:
        open_environment(project.settings, "prod")
    assert (raised.value.code, raised.value.hint) == (ExitCode.USAGE, "There is dev, test, ci.")


def test_a_missing_compose_file_is_named_with_its_setting(project: "Project") -> None:
    project.compose_file.unlink()
    with pytest.raises(DashtamError) as raised:
        open_environment(project.settings, "dev")
    assert raised.value.code == ExitCode.CONFIGURATION
    assert str(project.compose_file) in raised.value.reason
    assert "dashtam.environments.dev.compose_file" in raised.value.hint


def test_a_missing_env_file_is_named(project: "Project") -> None:
    project.env_file.unlink()
    with pytest.raises(DashtamError, match=f"^{project.env_file} is missing") as raised:
        open_environment(project.settings, "dev")
    assert raised.value.code == ExitCode.CONFIGURATION
    assert "inv setup" in raised.value.hint


def test_a_malformed_env_file_is_named_with_its_line(project: "Project") -> None:
    project.env_file.write_text("A=1\nno assignment\n", encoding="utf-8")
    with pytest.raises(DashtamError, match=f"^{project.env_file}:2: ") as raised:
        open_environment(project.settings, "dev")
    assert raised.value.code == ExitCode.CONFIGURATION


def test_the_chosen_images_come_before_the_environments_own_file(project: "Project") -> None:
    images = project.folder / "envs/.env.images"
    assert open_environment(project.settings, "dev").compose.env_files == (project.env_file,)
    images.write_text("POSTGRES_IMAGE=local/postgres:17\n", encoding="utf-8")
    assert open_environment(project.settings, "dev").compose.env_files == (images, project.env_file)


@pytest.mark.usefixtures("docker")
def test_looking_at_an_instance_remembers_nothing(project: "Project") -> None:
    assert open_environment(project.settings, "dev").model.name == "dashtam-dev"
    assert open_environment(project.settings, "dev", instance="x").model.name == "dashtam-dev-x"
    assert remembered() == []


@pytest.mark.parametrize("name", ["X", "a.b", "-", "x" * 41])
def test_an_impossible_name_is_a_usage_error(project: "Project", name: str) -> None:
    with pytest.raises(DashtamError, match="cannot be the name of an instance") as raised:
        open_environment(project.settings, "dev", instance=name)
    assert raised.value.code == ExitCode.USAGE


def test_the_default_instance_is_remembered_with_its_files(docker: "FakeDocker", project: "Project") -> None:
    opened = claimed(open_environment(project.settings, "dev"))
    assert opened.remembered
    assert (opened.label, opened.remembered.ports, opened.remembered.variables) == ("dev", (5432, 8000), {})
    assert opened.remembered.folder == str(project.folder)
    assert instances.remembered() == (opened.remembered,)
    assert copies.composed(docker) == []


@pytest.mark.usefixtures("docker")
def test_a_named_instance_is_remembered_with_its_names_and_ports(project: "Project") -> None:
    opened = claimed(open_environment(project.settings, "dev", instance="x"))
    again = open_environment(project.settings, "dev", instance="x")
    assert (opened.label, opened.model.name) == ("dev (x)", "dashtam-dev-x")
    assert again.compose.variables == opened.compose.variables
    ports = [port.published for name in ("app", "postgres") for port in again.model.services[name].ports]
    assert sorted(map(int, ports)) == list(opened.remembered.ports if opened.remembered else ())
    assert {"8000", "5432"}.isdisjoint(ports)
    assert claimed(again) == again


@pytest.mark.usefixtures("docker")
def test_an_env_files_own_suffix_stays(project: "Project") -> None:
    with project.env_file.open("a", encoding="utf-8") as file:
        file.write("INSTANCE_SUFFIX=-blue\n")
    opened = open_environment(project.settings, "dev", instance="x")
    assert opened.compose.variables == {"INSTANCE_SUFFIX": "-blue-x"}


def test_a_linked_worktree_is_an_instance_of_its_own(docker: "FakeDocker", project: "Project") -> None:
    (project.folder / ".git").write_text("gitdir: /shop/.git/worktrees/Fix-1\n", encoding="utf-8")
    opened = claimed(open_environment(project.settings, "dev"))
    assert opened.instance.startswith("fix-1-")
    assert opened.model.name == f"dashtam-dev-{opened.instance}"
    assert open_environment(project.settings, "dev", instance="").model.name == "dashtam-dev"
    assert remembered() == [f"dashtam-dev-{opened.instance}"]
    assert copies.composed(docker) == []


@pytest.mark.usefixtures("docker")
def test_every_instance_is_the_folders_own_and_those_that_are_remembered(project: "Project") -> None:
    for name in ("b", "a"):
        claimed(open_environment(project.settings, "dev", instance=name))
    found = every_instance(project.settings, "dev")
    assert [one.label for one in found] == ["dev", "dev (a)", "dev (b)"]
    assert [one.label for one in every_instance(project.settings, "test")] == ["test"]
    (project.folder / ".git").write_text("gitdir: /shop/.git/worktrees/c\n", encoding="utf-8")
    assert [one.instance for one in every_instance(project.settings, "dev")] == ["a", "b", "c"]


def fix_name(model: dict[str, Any]) -> None:
    model["services"]["app"]["container_name"] = "dashtam-dev-app"


def fix_port(model: dict[str, Any]) -> None:
    model["services"]["app"]["ports"][0]["published"] = "8000"


def fix_network(model: dict[str, Any]) -> None:
    model["services"]["app"]["networks"] = {"shared": None}
    model["networks"] = {"shared": {"name": "shared-network"}}


def fix_volume(model: dict[str, Any]) -> None:
    model["volumes"]["dev_postgres_data"]["name"] = "data"


def fix_project(model: dict[str, Any]) -> None:
    model["name"] = "dashtam-dev"


FIXED_FILE = """\
name: dashtam-dev
services:
  postgres:
    volumes: ["dev_postgres_data:/var/lib/postgresql/data"]
  app:
    container_name: dashtam-dev-app
    ports:
      - "127.0.0.1:8000:8000"
    networks: [shared]
networks:
  shared:
    name: shared-network
volumes:
  dev_postgres_data:
    name: data
"""


@pytest.mark.parametrize(
    ("fix", "line", "thing"),
    [
        (fix_project, 1, "Compose project dashtam-dev"),
        (fix_name, 6, "Container name dashtam-dev-app"),
        (fix_port, 8, "Host port 127.0.0.1:8000/tcp"),
        (fix_network, 12, "Network shared-network"),
        (fix_volume, 15, "Volume data"),
    ],
)
def test_a_compose_file_that_does_not_keep_instances_apart_is_refused(
    docker: "FakeDocker", project: "Project", tasks: "Terminal", fix: Any, line: int, thing: str
) -> None:
    project.compose_file.write_text(FIXED_FILE, encoding="utf-8")
    model = copies.model(project)
    fix(model)
    copies.tell(docker, model)
    done = tasks("dev.up", "--instance", "x")
    assert (done.code, done.out) == (78, "")
    first, *others, hint = done.err.splitlines()
    assert first.startswith(f"error: {project.compose_file}:{line}: ")
    assert thing in first
    assert others == []
    assert "dev (x)" in first
    assert "${INSTANCE_SUFFIX:-}" in hint
    assert "${APP_PORT:-8000}" in hint
    assert remembered() == []
    assert copies.composed(docker) == []


def test_the_default_instance_of_such_a_file_starts(docker: "FakeDocker", project: "Project") -> None:
    model = copies.model(project)
    for fix in (fix_name, fix_port, fix_network, fix_volume, fix_project):
        fix(model)
    copies.tell(docker, model)
    assert claimed(open_environment(project.settings, "dev")).model.name == "dashtam-dev"
    assert remembered() == ["dashtam-dev"]


def test_a_port_without_a_number_to_count_from_is_named(docker: "FakeDocker", project: "Project") -> None:
    model = copies.model(project)
    model["services"]["app"]["ports"][0]["published"] = "${APP_PORT}"
    docker.answer("compose", "config", "--no-interpolate", stdout=model)
    project.env_file.write_text(
        f"{project.env_file.read_text('utf-8')}APP_PORT=8000-8010\n", encoding="utf-8"
    )
    with pytest.raises(DashtamError, match=r"^APP_PORT is '8000-8010', which is no host port") as raised:
        claimed(open_environment(project.settings, "dev", instance="x"))
    assert raised.value.code == ExitCode.CONFIGURATION
    assert remembered() == []


@pytest.mark.usefixtures("docker")
def test_new_ports_in_the_files_are_remembered(docker: "FakeDocker", project: "Project") -> None:
    claimed(open_environment(project.settings, "dev"))
    model = copies.model(project)
    model["services"]["app"]["ports"][0]["published"] = "9000"
    copies.tell(docker, model)
    opened = claimed(open_environment(project.settings, "dev"))
    assert opened.remembered
    assert opened.remembered.ports == (5432, 9000)
    assert instances.remembered() == (opened.remembered,)


def copy_of(project: "Project", folder: Path) -> Path:
    """Copy a project, as a second clone of it is."""
    shutil.copytree(project.folder, folder)
    return folder


@pytest.mark.usefixtures("docker")
def test_a_second_clone_does_not_take_the_first_ones_project(
    project: "Project", tasks: "Terminal", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(open_environment(project.settings, "dev"))
    monkeypatch.chdir(copy_of(project, tmp_path / "clone"))
    done = tasks("dev.down")
    assert (done.code, done.out) == (75, "")
    assert done.err.startswith(f"error: Compose project dashtam-dev belongs to {project.folder}.\n")
    assert "DASHTAM_INSTANCE=NAME" in done.err
    assert [one.folder for one in instances.remembered()] == [str(project.folder)]


@pytest.mark.usefixtures("docker")
def test_a_clone_takes_over_from_one_that_is_gone(
    project: "Project", tasks: "Terminal", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claimed(open_environment(project.settings, "dev"))
    clone = copy_of(project, tmp_path / "clone")
    monkeypatch.chdir(clone)
    shutil.rmtree(project.folder)
    assert tasks("dev.run", "--", "true").code == 0
    assert [one.folder for one in instances.remembered()] == [str(clone)]


@pytest.mark.parametrize("way", ["option", "variable"])
def test_an_instances_variables_reach_every_call_of_compose(
    docker: "FakeDocker", project: "Project", tasks: "Terminal", monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    (project.folder / "certs").mkdir()
    (project.folder / "invoke.yaml").write_text("dashtam: {readiness: {probes: []}}", encoding="utf-8")
    docker.answer("image", "inspect", stdout="[]")
    docker.answer("events", holds=True)
    option = ("--instance", "x") if way == "option" else ()
    monkeypatch.setenv("DASHTAM_INSTANCE", "x" if way == "variable" else "another")
    assert tasks("dev.up", *option).code == 0
    (made,) = instances.remembered()
    assert (made.project, made.variables["INSTANCE_SUFFIX"]) == ("dashtam-dev-x", "-x")
    before = len(docker.calls)
    for arguments in (("dev.up",), ("dev.build",), ("dev.logs",), ("dev.restart",), ("dev.status",)):
        assert tasks(*arguments, *option).code == 0
    assert tasks("dev.run", *option, "--", "true").code == 0
    assert tasks("dev.down", *option).code == 0
    calls = [call for call in docker.calls[before:] if call.argv[0] == "compose"]
    assert {call.argv[-1] for call in calls} > {"build", "--follow", "restart", "--remove-orphans", "true"}
    assert all(made.variables.items() <= call.environment.items() for call in calls)
    asked = {word for call in docker.calls[before:] for word in call.argv if word.startswith("label=")}
    assert asked == {"label=com.docker.compose.project=dashtam-dev-x"}


def test_the_default_instance_gets_no_variables(docker: "FakeDocker", tasks: "Terminal") -> None:
    assert tasks("dev.build", "--instance", "x").code == 0
    assert tasks("dev.build").code == 0
    first, second = (call.environment for call in docker.calls if call.argv[-1] == "build")
    assert first["INSTANCE_SUFFIX"] == "-x"
    assert first.keys() - second.keys() == {"INSTANCE_SUFFIX"}


@pytest.mark.usefixtures("docker")
def test_an_impossible_name_starts_nothing(
    tasks: "Terminal", docker: "FakeDocker", monkeypatch: pytest.MonkeyPatch
) -> None:
    by_option = tasks("dev.up", "--instance", "Feature X")
    monkeypatch.setenv("DASHTAM_INSTANCE", "Feature X")
    by_variable = tasks("dev.up")
    assert by_option == by_variable
    assert (by_option.code, by_option.out) == (64, "")
    assert by_option.err.startswith("error: 'Feature X' cannot be the name of an instance.\n")
    assert docker.calls == ()


@pytest.mark.parametrize(
    "arguments",
    [("dev.up",), ("dev.down",), ("dev.restart",), ("dev.build",), ("dev.rebuild",), ("db.upgrade",)],
)
def test_a_task_that_changes_an_instance_is_busy_while_another_does(
    docker: "FakeDocker", project: "Project", tasks: "Terminal", arguments: tuple[str, ...]
) -> None:
    (project.folder / "invoke.yaml").write_text("dashtam: {instances: {patience: 0.01}}", encoding="utf-8")
    with holding(project.folder, "dev") as other:
        done = tasks(*arguments)
        other.communicate("\n")
    assert (done.code, done.out) == (75, "")
    waiting, error, hint = done.err.splitlines()
    assert waiting == f"waiting for inv dev.rebuild (process {other.pid}), which works on dev"
    assert error == f"error: inv dev.rebuild (process {other.pid}) still works on dev after 0.01 s."
    assert hint.endswith("--instance NAME.")
    assert copies.composed(docker) == []
    assert remembered() == []


def test_without_patience_a_held_instance_is_busy_at_once(docker: "FakeDocker", project: "Project") -> None:
    told: list[str] = []
    with holding(project.folder, "dev") as other:
        taking = changing(
            project.settings, "dev", task="dev.up", starts=True, patience=0, waiting=told.append
        )
        with pytest.raises(DashtamError) as raised, taking:
            pytest.fail("It is another's.")
        other.communicate("\n")
    assert raised.value.code == ExitCode.BUSY
    assert raised.value.reason == f"inv dev.rebuild (process {other.pid}) works on dev."
    assert (told, remembered(), docker.calls) == ([], [], ())


def test_what_only_looks_or_works_on_another_instance_does_not_wait(
    docker: "FakeDocker", project: "Project", tasks: "Terminal"
) -> None:
    with holding(project.folder, "dev") as other:
        done = [
            tasks("dev.status"),
            tasks("dev.logs"),
            tasks("dev.build", "--instance", "x"),
            tasks("test.build"),
        ]
        other.communicate("\n")
    assert [(one.code, one.err) for one in done] == [(0, "")] * 4
    assert len(copies.composed(docker)) == 3


def test_what_the_other_task_did_meanwhile_counts(docker: "FakeDocker", project: "Project") -> None:
    named = claimed(open_environment(project.settings, "dev", instance="x"))

    def removed(_: str) -> None:
        """Remove the instance while we wait, as the task that holds it does at its end."""
        instances.forget([named.model.name])
        other.communicate("\n")

    with (
        holding(project.folder, "dev (x)") as other,
        changing(project.settings, "dev", instance="x", task="dev.down", waiting=removed) as opened,
    ):
        assert opened.remembered is None
        assert opened.compose.variables == {"INSTANCE_SUFFIX": "-x"}
    assert copies.composed(docker) == []


@pytest.mark.usefixtures("docker")
def test_only_what_starts_something_is_remembered(project: "Project") -> None:
    def unasked(text: str) -> None:
        pytest.fail(text)

    with changing(project.settings, "dev", task="dev.build", waiting=unasked) as opened:
        assert isinstance(opened, Environment)
        assert remembered() == []
    with changing(project.settings, "dev", task="dev.up", starts=True, waiting=unasked):
        assert remembered() == ["dashtam-dev"]
    assert remembered() == ["dashtam-dev"]


@pytest.mark.parametrize(
    ("instance", "variable", "expected"),
    [("a", None, "a"), ("a", "b", "a"), ("", "b", ""), (None, "b", "b"), (None, "", ""), (None, None, "")],
)
def test_the_instance_is_that_which_is_named_or_else_that_of_the_variable(
    project: "Project",
    monkeypatch: pytest.MonkeyPatch,
    instance: str | None,
    variable: str | None,
    expected: str,
) -> None:
    if variable is not None:
        monkeypatch.setenv("DASHTAM_INSTANCE", variable)
    assert open_environment(project.settings, "dev", instance=instance).instance == expected
