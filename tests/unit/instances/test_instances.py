import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from dashtam_tasks import instances
from dashtam_tasks.compose import Compose, Model, PublishedPort, Service
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.instances import Instance, names

PORTS = {"APP_PORT": 8000, "POSTGRES_PORT": 5432}

# Claims an instance as soon as its input says so, and prints the ports that it got.
CLAIM = """
import sys
from pathlib import Path
from dashtam_tasks import instances
from dashtam_tasks.compose import Compose, Model

folder, name = Path(sys.argv[1]), sys.argv[2]
compose = Compose(file=folder / "compose.yml", env_files=(), variables={"INSTANCE_SUFFIX": f"-{name}"})
print("ready", flush=True)
sys.stdin.readline()
made = instances.claim(
    folder, "dev", name, compose=compose, model=Model(name=f"shop-dev-{name}"),
    ports={"APP_PORT": 8000, "POSTGRES_PORT": 5432},
)
print(*made.ports)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The folder of a project."""
    return checkout(tmp_path / "shop")


def checkout(folder: Path) -> Path:
    """Make a project's folder with the files that an instance is remembered by."""
    folder.mkdir()
    for name in ("compose.yml", ".env"):
        (folder / name).touch()
    return folder


def compose_of(folder: Path, name: str) -> Compose:
    """Return the project's Compose file with an instance's variables, as it is opened."""
    known = instances.find(folder, "dev", name)
    variables = known.variables if known else names.variables(name, {})
    return Compose(file=folder / "compose.yml", env_files=(folder / ".env",), variables=variables)


def claim(folder: Path, name: str = "", *, project: str = "shop-dev", **ports: int) -> Instance:
    """Claim an instance as a task does; `ports` are those of the default one."""
    wanted = ports or PORTS
    published = tuple(PublishedPort(target=port, published=str(port)) for port in wanted.values())
    suffix = f"-{name}" if name else ""
    model = Model(name=f"{project}{suffix}", services={"app": Service(ports=published)})
    compose = compose_of(folder, name)
    return instances.claim(folder, "dev", name, compose=compose, model=model, ports=wanted if name else {})


def test_ten_processes_at_once_get_no_port_twice(tmp_path: Path, state: Path) -> None:
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", CLAIM, str(checkout(tmp_path / f"shop-{name}")), f"copy-{name}"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for name in range(10)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
        given = [process.stdout.read().split() for process in processes if process.stdout]
        assert [process.wait(timeout=60) for process in processes] == [0] * 10
    every = [port for ports in given for port in ports]
    assert len(every) == len(set(every)) == 20
    assert len(list(state.glob("*.json"))) == 10
    assert sorted(str(port) for one in instances.remembered() for port in one.ports) == sorted(every)


def test_the_default_instance_has_the_ports_of_its_files(shop: Path) -> None:
    made = claim(shop)
    assert (made.project, made.label, made.ports, made.variables) == ("shop-dev", "dev", (5432, 8000), {})
    assert instances.remembered() == (made,)


def test_a_named_instance_gets_ports_of_its_own(shop: Path) -> None:
    made = claim(shop, "feature-x")
    assert (made.project, made.label) == ("shop-dev-feature-x", "dev (feature-x)")
    assert made.variables.pop("INSTANCE_SUFFIX") == "-feature-x"
    assert sorted(map(int, made.variables.values())) == list(made.ports)
    assert made.variables.keys() == PORTS.keys()
    assert {8000, 5432}.isdisjoint(made.ports)


def test_ports_of_an_instance_that_is_down_are_not_given(tmp_path: Path, shop: Path) -> None:
    elsewhere = checkout(tmp_path / "elsewhere")
    one, other, third = claim(shop, "a"), claim(shop, "b"), claim(elsewhere, "a", project="other-dev")
    assert len({*one.ports, *other.ports, *third.ports}) == 6


def test_ports_of_a_default_instance_that_is_down_are_not_given(tmp_path: Path, shop: Path) -> None:
    candidate = claim(shop, "a").ports[-1]
    instances.forget(["shop-dev-a"])
    claim(checkout(tmp_path / "elsewhere"), project="other-dev", APP_PORT=candidate)
    assert candidate not in claim(shop, "a").ports


def test_an_instance_does_not_get_the_ports_of_its_own_projects_default(shop: Path) -> None:
    # Moved by 100, the first of these is the second.
    ports = claim(shop, "a", APP_PORT=20000, ADMIN_PORT=20100).ports
    assert {20000, 20100}.isdisjoint(ports)
    assert len(set(ports)) == 2


def test_an_instance_keeps_its_ports(shop: Path) -> None:
    first = claim(shop, "a")
    claim(shop, "b")
    assert claim(shop, "a") == first
    assert claim(shop, "a", APP_PORT=9000, POSTGRES_PORT=9001).ports == first.ports


def test_a_new_variable_gets_a_port_beside_those_that_are_there(shop: Path) -> None:
    first = claim(shop, "a", APP_PORT=20000)
    # Moved by as much as the first one was, it would be the same.
    second = claim(shop, "a", APP_PORT=20000, ADMIN_PORT=first.ports[0] - 100)
    assert second.variables["APP_PORT"] == first.variables["APP_PORT"]
    assert second.variables["ADMIN_PORT"] != second.variables["APP_PORT"]
    assert len(second.ports) == 2
    assert second.made == first.made


def test_a_variable_that_the_files_have_no_more_takes_no_port(shop: Path) -> None:
    first = claim(shop, "a")
    second = claim(shop, "a", APP_PORT=8000)
    assert second.ports == (int(first.variables["APP_PORT"]),)


def test_an_instance_describes_itself_until_its_files_change(shop: Path) -> None:
    made = claim(shop)
    compose = compose_of(shop, "")
    model = Model(name="shop-dev", services={"app": Service(ports=(port(8000), port(5432)))})
    assert made.describes(compose, model)
    fewer = Model(name="shop-dev", services={"app": Service(ports=(port(8000),))})
    assert made.describes(compose, fewer)
    others = Model(name="shop-dev", services={"app": Service(ports=(port(8000), port(9000)))})
    assert not made.describes(compose, others)
    assert not made.describes(compose, Model(name="shop-dev2", services=model.services))
    assert not made.describes(Compose(file=shop / "other.yml", env_files=compose.env_files), model)
    assert not made.describes(Compose(file=compose.file, env_files=(shop / ".env.images",)), model)


def port(number: int) -> PublishedPort:
    return PublishedPort(target=80, published=str(number))


def test_an_instance_is_found_by_folder_environment_and_name(tmp_path: Path, shop: Path) -> None:
    elsewhere = checkout(tmp_path / "elsewhere")
    default, named = claim(shop), claim(shop, "a")
    other = claim(elsewhere, "b", project="other-dev")
    assert instances.find(shop, "dev", "") == default
    assert instances.find(shop, "dev", "a") == named
    assert instances.find(shop, "dev", "b") is None
    assert instances.find(shop, "test", "") is None
    assert instances.of_folder(shop) == (default, named)
    assert instances.of_folder(elsewhere) == (other,)
    (tmp_path / "link").symlink_to(shop)
    assert instances.find(tmp_path / "link", "dev", "a") == named


def test_a_project_of_another_folder_is_busy(tmp_path: Path, shop: Path) -> None:
    claim(shop)
    elsewhere = checkout(tmp_path / "elsewhere")
    with pytest.raises(DashtamError) as raised:
        claim(elsewhere)
    assert raised.value.code == ExitCode.BUSY
    assert raised.value.reason == f"Compose project shop-dev belongs to {shop}."
    assert "--instance NAME" in raised.value.hint
    assert instances.of_folder(elsewhere) == ()
    assert claim(elsewhere, "mine").project == "shop-dev-mine"


def test_a_project_whose_folder_is_gone_is_taken_over(tmp_path: Path, shop: Path) -> None:
    old = claim(shop)
    shutil.rmtree(shop)
    assert old.is_orphan
    new = claim(checkout(tmp_path / "elsewhere"))
    assert new.project == old.project
    assert instances.remembered() == (new,)
    assert not new.is_orphan


def test_what_was_prepared_is_remembered_when_an_instance_is_claimed_again(shop: Path) -> None:
    made = claim(shop)
    assert made.prepared == ""
    instances.note_prepared(made, "the volume of today")
    again = claim(shop, APP_PORT=9000)
    assert (again.prepared, again.ports) == ("the volume of today", (9000,))
    assert instances.remembered() == (again,)


def test_forgetting_forgets_no_more_than_it_is_told(shop: Path) -> None:
    default, named = claim(shop), claim(shop, "a")
    instances.forget([default.project, "never-there"])
    assert instances.remembered() == (named,)
    instances.forget([])
    assert instances.remembered() == (named,)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b'{"project": "shop-dev"}', b'{"ports": "none"}']
)
def test_a_damaged_file_is_named(shop: Path, state: Path, content: bytes) -> None:
    claim(shop)
    path = state / "shop-dev.json"
    path.write_bytes(content)
    for call in (instances.remembered, lambda: instances.find(shop, "dev", ""), lambda: claim(shop)):
        with pytest.raises(DashtamError) as raised:
            call()
        assert raised.value.code == ExitCode.DATA
        assert raised.value.reason.startswith(f"{path} does not describe an instance: ")
        assert "Remove the file" in raised.value.hint
    assert path.read_bytes() == content


def test_a_file_that_goes_meanwhile_is_no_instance(shop: Path, state: Path) -> None:
    made = claim(shop)
    # It is listed, but when it is read it is not there.
    (state / "gone.json").symlink_to("nowhere")
    assert instances.remembered() == (made,)


@pytest.mark.usefixtures("hostile_umask")
def test_nobody_else_can_look_into_the_state_folder(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "new/state"
    monkeypatch.setenv("XDG_STATE_HOME", str(base))
    claim(shop)
    folders = [base.parent, base, base / "dashtam-tasks", base / "dashtam-tasks/instances"]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert [path.name for path in folders[-1].iterdir()] == ["shop-dev.json"]
    assert (folders[-1] / "shop-dev.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("value", [None, "", "relative/state"])
def test_without_a_state_folder_of_its_own_it_is_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    if value is not None:
        monkeypatch.setenv("XDG_STATE_HOME", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert instances.state_folder() == tmp_path / ".local/state/dashtam-tasks/instances"
    assert (tmp_path / ".local/state/dashtam-tasks/instances").is_dir()


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(DashtamError, match=f"^{tmp_path}/file/dashtam-tasks/instances cannot be") as raised:
        instances.remembered()
    assert raised.value.code == ExitCode.CANNOT_CREATE


def test_the_file_of_an_instance_is_plain_json(shop: Path, state: Path) -> None:
    made = claim(shop, "a")
    written = json.loads((state / "shop-dev-a.json").read_text(encoding="utf-8"))
    assert (written["name"], written["folder"], written["ports"]) == ("a", str(shop), list(made.ports))
    assert Path(written["compose_file"]) == shop / "compose.yml"
    assert [path.name for path in state.iterdir()] == ["shop-dev-a.json"]
