import pytest

from tests.unit.bootstrap.machine import IMAGES, SETUP_FILES, Machine


@pytest.mark.parametrize("name", SETUP_FILES)
def test_setup_makes_a_file_that_is_missing(ready: Machine, name: str) -> None:
    (ready.checkout / name).unlink()
    result = ready.bootstrap("echo", "ran")
    assert (result.returncode, result.stdout) == (0, "ran\n")
    assert ready.calls == ["inv setup"]


@pytest.mark.parametrize("image", IMAGES.values())
def test_setup_makes_an_image_that_is_missing(ready: Machine, image: str) -> None:
    ready.have_images(*(other for other in IMAGES.values() if other != image))
    assert ready.bootstrap("true").returncode == 0
    assert ready.calls == ["inv setup"]


def test_setup_chooses_an_image_that_is_not_chosen(ready: Machine) -> None:
    (ready.checkout / "envs/.env.images").write_text("POSTGRES_IMAGE=postgres:17.6-alpine3.22\n")
    assert ready.bootstrap("true").returncode == 0
    assert ready.calls == ["inv setup"]


@pytest.mark.parametrize("command", ["inv setup", "invoke --echo setup", "inv setup --no-install"])
def test_setup_itself_does_not_run_twice(ready: Machine, command: str) -> None:
    (ready.checkout / "envs/.env.dev").unlink()
    ready.program(ready.checkout / ".venv/bin/invoke")
    assert ready.bootstrap(*command.split()).returncode == 0
    assert ready.calls == [command]


def test_a_failing_setup_ends_with_its_exit_code(ready: Machine) -> None:
    ready.program(ready.checkout / ".venv/bin/inv", "exit 78")
    (ready.checkout / "envs/.env.dev").unlink()
    result = ready.bootstrap("touch", "ran")
    assert result.returncode == 78
    assert "/inv' setup` ended with exit code 78\n" in result.stderr
    assert not (ready.root / "ran").exists()
