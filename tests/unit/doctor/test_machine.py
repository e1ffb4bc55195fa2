from typing import TYPE_CHECKING

import pytest

from dashtam_tasks.findings import Severity
from tests.unit.doctor.examining import GIB, examine, have_free, the_finding

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

pytestmark = pytest.mark.usefixtures("in_order")


def test_an_old_compose_is_found(fake_docker: "FakeDocker", project: "Project") -> None:
    fake_docker.answer("compose", "version", stdout="v1.29.2\n")
    assert the_finding(project).kind == "compose-version"


@pytest.mark.parametrize("version", ["v2.0.0", "2.26.1-4", "5.6.1", "dev"])
def test_a_compose_from_version_2_on_is_fine(
    fake_docker: "FakeDocker", project: "Project", version: str
) -> None:
    fake_docker.answer("compose", "version", stdout=f"{version}\n")
    assert examine(project).findings == ()


@pytest.mark.parametrize(("api", "found"), [("1.40", ["engine-version"]), ("1.41", [])])
def test_an_engine_before_20_10_is_found(
    fake_docker: "FakeDocker", project: "Project", api: str, found: list[str]
) -> None:
    fake_docker.answer("version", "{{.Server.Version}} {{.Server.APIVersion}}", stdout=f"19.03.15 {api}\n")
    assert [one.kind for one in examine(project).findings] == found


def test_a_remote_engine_is_named_and_its_disk_is_not_ours(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    fake_docker.answer("context", "inspect", stdout="ssh://build@example.org\n")
    fake_docker.answer("info", stdout="/\n")
    diagnosis = examine(project)
    (found,) = diagnosis.findings
    assert (found.kind, found.where) == ("engine-remote", "ssh://build@example.org")
    assert found.severity is Severity.WARNING
    assert dict(diagnosis.facts)["free disk space"].endswith(f"at {project.folder}")


@pytest.mark.parametrize(
    ("free", "severities"),
    [
        (GIB - 1, [Severity.ERROR]),
        (GIB, [Severity.WARNING]),
        (5 * GIB - 1, [Severity.WARNING]),
        (5 * GIB, []),
    ],
)
def test_little_disk_space_is_found(
    project: "Project",
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    severities: list[Severity],
) -> None:
    have_free(free, monkeypatch)
    found = examine(project).findings
    assert [(one.kind, one.where, one.severity) for one in found] == [
        ("disk", str(project.folder), severity) for severity in severities
    ]


def test_space_is_that_of_the_project_where_the_engines_folder_is_out_of_sight(
    fake_docker: "FakeDocker", project: "Project"
) -> None:
    fake_docker.answer("info", stdout="/nowhere/docker\n")
    assert dict(examine(project).facts)["free disk space"].endswith(f"at {project.folder}")
