from pathlib import Path

import pytest

from dashtam_tasks.migration.operations import CopyVolume, Write
from dashtam_tasks.migration.planning import whole
from dashtam_tasks.migration.steps import Step
from dashtam_tasks.migration.volumes import Mode
from tests.unit.conftest import FakeDocker
from tests.unit.migration.blueprints import blueprint_of, copied

pytestmark = pytest.mark.shapes


def steps(folder: Path, mode: Mode = "none") -> dict[str, Step]:
    blueprint, environments = blueprint_of(folder)
    made = whole.steps(blueprint, environments, data=mode)
    assert [one.outline.number for one in made] == sorted(one.outline.number for one in made)
    return {one.outline.number: one for one in made}


@pytest.mark.usefixtures("engine")
def test_every_step_of_the_plan_that_changes_something_is_there(tmp_path: Path) -> None:
    made = steps(copied("example", tmp_path))
    assert list(made) == ["1.1", "1.2", "1.3", "1.4", "1.5", "2.1", "2.2", "2.3", "2.5", "2.6", "3.3"]
    assert [str(one) for one in made["3.3"].operations] == ["write ROLLBACK_PROCEDURE.md"]


@pytest.mark.usefixtures("engine")
def test_certificates_come_after_the_file_that_mounts_them_and_git_never_has_their_keys(
    tmp_path: Path,
) -> None:
    folder = copied("example", tmp_path)
    (folder / ".gitignore").write_text("*.pyc\n")
    made = steps(folder)
    files = [str(one) for one in made["2.1"].operations]
    assert files[:2] == ["write compose/docker-compose.test.yml", "write certs/ca.pem"]
    (ignored,) = [one for one in made["1.1"].operations if one.made == ".gitignore"]
    assert isinstance(ignored, Write)
    assert b"key.pem" in ignored.data


@pytest.mark.usefixtures("engine")
def test_a_project_without_tests_has_neither_their_steps_nor_cis(tmp_path: Path) -> None:
    assert list(steps(copied("no-overlay", tmp_path))) == ["1.1", "1.2", "1.3", "1.5", "2.6", "3.3"]


@pytest.mark.parametrize("mode", ["copy", "adopt", "none"])
def test_data_come_before_the_file_that_starts_on_them(shop: Path, engine: FakeDocker, mode: Mode) -> None:
    engine.answer("volume", "ls", stdout="shop_data\tshop\tdata\n")
    engine.answer("image", "inspect", stdout="[]")
    first, *others = steps(shop, mode)["1.2"].operations
    if mode == "copy":
        assert isinstance(first, CopyVolume)
        assert (first.source, first.target) == ("shop_data", "shop-dev_dev_data")
    assert str([first, *others][-1]) == "write compose/docker-compose.dev.yml"
    assert len(others) == (1 if mode == "copy" else 0)
