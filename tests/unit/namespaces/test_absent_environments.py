"""A project that has no tests: their tasks say so, and others do without them."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project, Terminal

SETTINGS = "dashtam: {environments: {test: {compose_file: ''}, ci: {compose_file: ''}}}\n"


@pytest.fixture(autouse=True)
def development_alone(project: "Project") -> None:
    """Let the project have the environment dev alone."""
    (project.folder / "invoke.yaml").write_text(SETTINGS)
    for one in (project.test, project.ci):
        for path in (one.compose_file, one.env_file, one.example):
            path.unlink()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("test.up",), "test"),
        (("test.down",), "test"),
        (("test.unit",), "test"),
        (("test.coverage",), "test"),
        (("keys", "--env", "test"), "test"),
        (("db.upgrade", "--env", "test"), "test"),
        (("ci.run",), "ci"),
        (("ci.build",), "ci"),
        (("ci.lint",), "ci"),
        (("ci.logs",), "ci"),
        (("ci.clean",), "ci"),
    ],
)
def test_a_task_of_an_absent_environment_says_so(
    tasks: "Terminal", project: "Project", fake_docker: "FakeDocker", words: tuple[str, ...], name: str
) -> None:
    before = sorted(project.folder.rglob("*"))
    done = tasks(*words)
    assert (done.code, done.out) == (78, "")
    assert done.err.startswith(f"error: This project has no environment {name}.\nhint: ")
    assert sorted(project.folder.rglob("*")) == before
    assert fake_docker.calls == ()


def test_what_is_done_for_all_environments_is_done_for_those_that_there_are(
    tasks: "Terminal", project: "Project", fake_docker: "FakeDocker"
) -> None:
    fake_docker.answer("version", stdout="28.5.2")
    fake_docker.answer("ps")
    fake_docker.answer("compose", "config", stdout=project.model(app=8000, postgres=5432))
    done = tasks("isolation")
    assert done.out == "Nothing is shared, and all is sound: dev.\n", done.err


def test_without_certificates_there_is_nothing_to_make(tasks: "Terminal", project: "Project") -> None:
    (project.folder / "invoke.yaml").write_text("dashtam: {certificates: {leaves: []}}\n")
    done = tasks("certs")
    assert (done.code, done.out) == (
        0,
        "This project has no certificates: dashtam.certificates.leaves is empty.\n",
    )
    assert not (project.folder / "certs").exists()
