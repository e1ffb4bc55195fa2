from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from dashtam_tasks.migration.legacy import Legacy, survey
from dashtam_tasks.migration.planning.choices import Choices, sources
from tests.unit.migration.blueprints import SHAPES, copied_to
from tests.unit.migration.legacy.conftest import MakeProject

pytestmark = pytest.mark.usefixtures("no_engine")

SHOP = "services:\n  app: {image: shop}\n"
MORE = "services:\n  app: {ports: ['${WEB:?its port}:80']}\n"
BASE, OWN = "docker-compose.yml", "docker-compose.dev.yml"
BOTH = f"-f {BASE} -f {OWN}"


def used(make_project: MakeProject, makefile: str, **files: str) -> Legacy:
    text = "".join(f"t{number}:\n\t{line}\n" for number, line in enumerate(makefile.splitlines()))
    return survey(make_project({BASE: SHOP, OWN: MORE, "Makefile": text, ".env": "WEB=80\n", **files}))


def services(found: Legacy) -> dict[str, int]:
    model = found.resolutions[0].model
    assert model is not None
    return {name: len(service.ports) for name, service in model.services.items()}


def test_an_overlay_that_is_called_after_development_belongs_to_it(make_project: MakeProject) -> None:
    found = used(make_project, f"docker compose {BOTH} up -d\ndocker compose logs")
    assert found.development.files == (BASE, OWN)
    assert services(found) == {"app": 1}
    assert found.others == (OWN,)


def test_a_file_of_its_own_takes_the_place_of_the_base(make_project: MakeProject) -> None:
    files = {"compose.local.yml": SHOP}
    found = used(make_project, "docker compose -f compose.local.yml up", **files)
    assert (found.base, found.development.files) == (BASE, ("compose.local.yml",))


@pytest.mark.parametrize(
    "line",
    [
        "docker compose up",
        f"docker compose -f {BASE} -f docker-compose.prod.yml up",
        f"docker compose {BOTH} -f docker-compose.prod.yml up",
        f"docker compose {BOTH} -f docker-compose.test.yml up",
        f"docker compose {BOTH} --env-file .env.staging up",
        f"docker compose {BOTH} -f gone.yml up",
    ],
)
def test_what_is_for_another_machine_is_not_developments(make_project: MakeProject, line: str) -> None:
    files = {"docker-compose.prod.yml": SHOP, "docker-compose.test.yml": SHOP, ".env.staging": ""}
    found = used(make_project, line, **files)
    assert (found.development.files, found.development.found) == ((BASE,), True)


def test_files_that_env_chooses_are_developments(make_project: MakeProject) -> None:
    found = used(make_project, "docker compose up", **{".env": f"COMPOSE_FILE={BASE}:{OWN}\nWEB=80\n"})
    assert found.development.files == (BASE, OWN)
    (source,) = sources(found, Choices())
    assert (source.files, source.env_file) == ((BASE, OWN), ".env")


def test_its_env_file_and_its_name_are_those_of_most_command_lines(make_project: MakeProject) -> None:
    options = f"--project-name store --env-file config/dev.env {BOTH}"
    lines = f"docker compose {options} up\ndocker compose {options} down\ndocker compose {BOTH} ps"
    found = used(make_project, lines, **{"config/dev.env": "WEB=8080\n"})
    assert (found.development.env_files, found.development.project) == (("config/dev.env",), "store")
    assert found.project.name == "store"
    (source,) = sources(found, Choices())
    assert (source.project, source.env_file) == ("store", "config/dev.env")
    model = found.resolutions[0].model
    assert model is not None
    assert [port.published for port in model.services["app"].ports] == ["8080"]


def test_an_env_file_beside_a_base_elsewhere_is_not_that_of_the_folder(make_project: MakeProject) -> None:
    files = {"deploy/app.yml": "services:\n  app: {image: shop, ports: ['${WEB}:80']}\n", ".env": "WEB=1\n"}
    found = survey(make_project({**files, "run.sh": "docker compose -f deploy/app.yml up\n"}))
    assert found.refusals == ()
    assert found.resolutions[0].stand_ins == ("WEB",)


@pytest.mark.shapes
@pytest.mark.parametrize(
    "name", sorted({one.parent.name for one in SHAPES.glob("*/shape.yml")} - {"already-migrated"})
)
def test_development_of_every_shape_is_what_its_people_call(name: str, tmp_path: Path) -> None:
    said = yaml.safe_load((SHAPES / name / "shape.yml").read_text(encoding="utf-8"))
    options = said["development"]
    files = tuple(value for option, value in pairwise(options) if option == "-f")
    found = survey(copied_to(tmp_path / name, name)).development
    assert found.files == files if files else found.found
