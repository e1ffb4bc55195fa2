from pathlib import Path

import pytest

from dashtam_tasks.migration import legacy
from dashtam_tasks.migration.legacy import Role
from dashtam_tasks.migration.planning import drafting, environment_files
from dashtam_tasks.migration.planning.choices import Choices, Volumes
from dashtam_tasks.migration.planning.drafting import Drafted
from dashtam_tasks.migration.planning.staging import staged
from dashtam_tasks.migration.volumes import NOTHING_KEPT
from tests.unit.conftest import FakeDocker
from tests.unit.migration.blueprints import copied


def drafted(folder: Path, choices: Choices | None = None) -> Drafted:
    return drafting.draft(legacy.survey(folder), choices or Choices())


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("name", "environments"),
    [
        ("example", ["dev", "test", "ci"]),
        ("tests-on-host", ["dev", "test"]),
        ("no-overlay", ["dev"]),
    ],
)
def test_a_project_gets_the_environments_that_it_has_something_for(
    tmp_path: Path, name: str, environments: list[str]
) -> None:
    made = drafted(copied(name, tmp_path))
    assert list(made.drafts) == list(made.sources) == environments
    assert (made.over_http is not None) == ("test" in environments)
    assert made.has_tls == (name == "example")


@pytest.mark.usefixtures("engine")
def test_an_env_file_that_two_share_goes_to_development(shop: Path) -> None:
    assert drafted(shop).moved == {".env": "envs/.env.dev"}


@pytest.mark.usefixtures("engine")
def test_every_draft_is_proven_and_what_is_not_declared_is_told(shop: Path) -> None:
    made = drafted(shop)
    operations = [one for step in environment_files.steps(made) for one in step.operations]
    with staged(shop, operations) as stage:
        last = (stage / made.sources["test"].compose_file).read_bytes()
        assert made.unproven(stage) == dict.fromkeys(("1.2", "2.1", "1.4", "2.2"), ())
        assert (stage / made.sources["test"].compose_file).read_bytes() == last
        file = stage / made.sources["dev"].compose_file
        file.write_text(file.read_text().replace("[python, -m, shop]", "[python, -m, other]"))
        assert [".".join(one.place) for one in made.unproven(stage)["1.2"]] == ["services.web.command"]


@pytest.mark.usefixtures("engine")
def test_a_persons_choice_decides_what_tests_are_made_from(tmp_path: Path) -> None:
    folder = copied("signs-disagree", tmp_path)
    files = {role: drafted(folder, Choices(test_file=role)).sources["test"].files for role in Role}
    assert len(files[Role.OVERLAY]) == 2
    assert files[Role.STANDALONE] == files[Role.OVERLAY][1:]


@pytest.mark.parametrize("mode", Volumes)
def test_developments_data_are_what_a_person_decided(shop: Path, engine: FakeDocker, mode: Volumes) -> None:
    engine.answer("volume", "ls", stdout="shop_data\tshop\tdata\n")
    made = drafted(shop, Choices(volumes=mode)).drafts["dev"]
    external = made.document.get(("volumes", "dev_data")) == {"external": True, "name": "shop_data"}
    assert external == (mode is Volumes.ADOPT)
    assert (NOTHING_KEPT in made.remarks) == (mode is Volumes.NONE)
