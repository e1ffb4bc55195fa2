from typing import TYPE_CHECKING

import pytest

from dashtam_tasks.engine import LOCAL_LABEL, VERSION_LABEL
from tests.unit.doctor.examining import examine, kinds, lack, script_images, script_variables, the_finding

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

pytestmark = pytest.mark.usefixtures("in_order")


def test_images_their_origins_and_who_needs_them_are_told(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    script_images(fake_docker, project, redis="somewhere/redis:8-local")
    labels = {LOCAL_LABEL: "true", VERSION_LABEL: "8.0.2"}
    image = {"Id": "sha256:cafe", "Config": {"Labels": labels}}
    fake_docker.answer("image", "inspect", "somewhere/redis:8-local", stdout=[image])
    diagnosis = examine(project)
    assert diagnosis.findings == ()
    facts = dict(diagnosis.facts)
    assert facts["image somewhere/redis:8-local"] == "version 8.0.2, local build, for dashtam-dev"
    assert facts["image redis:8.2.1-alpine3.22"] == (
        "version 8.2.1-alpine3.22, registry, for dashtam-test, dashtam-ci"
    )


def test_an_image_of_the_settings_that_no_environment_names_is_not_looked_for(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    for one in (project, project.test, project.ci):
        script_images(fake_docker, one, postgres="localhost/shop/postgres:15", redis="valkey:8")
    for image in project.settings.images.base.values():
        fake_docker.answer("image", "inspect", image.reference, stderr="No such image", code=1)
    assert examine(project).findings == ()


def test_a_missing_image_is_found_once_for_all_who_need_it(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    lack(fake_docker, "redis:8.2.1-alpine3.22")
    diagnosis = examine(project)
    (found,) = diagnosis.findings
    assert (found.kind, found.where) == ("image-missing", "redis:8.2.1-alpine3.22")
    assert found.message == (
        "The engine does not have this image, which is for dashtam-dev, dashtam-test, dashtam-ci."
    )
    assert found.hint == "Run `inv setup`, or `inv images.build` where no registry answers."
    assert "image redis:8.2.1-alpine3.22" not in dict(diagnosis.facts)


def test_a_missing_image_that_setup_does_not_provide_is_to_be_pulled(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    script_images(fake_docker, project, postgres="postgres:15-alpine")
    lack(fake_docker, "postgres:15-alpine")
    found = the_finding(project)
    assert (found.kind, found.where) == ("image-missing", "postgres:15-alpine")
    assert found.hint.startswith("Run `docker pull postgres:15-alpine`, ")


def test_the_base_of_an_image_that_is_built_is_looked_for(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    model = project.model()
    model["services"]["app"]["build"]["args"] = {"PYTHON_IMAGE": "python:3.12", "VERSION": "7"}
    fake_docker.answer("compose", str(project.compose_file), "config", stdout=model)
    script_variables(fake_docker)
    lack(fake_docker, "python:3.12")
    assert kinds(project) == {"python:3.12": "image-missing"}


def test_an_image_that_another_service_builds_is_not_looked_for(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    model = project.model()
    model["services"]["app"]["image"] = "shop:dev"
    model["services"]["worker"] = {"image": "shop:dev", "healthcheck": {"test": ["CMD", "true"]}}
    fake_docker.answer("compose", str(project.compose_file), "config", stdout=model)
    script_variables(fake_docker)
    lack(fake_docker, "shop:dev")
    assert examine(project).findings == ()
