import shutil
from typing import TYPE_CHECKING

import pytest

from tests.unit.doctor.examining import examine, git, kinds, the_finding

if TYPE_CHECKING:
    from tests.unit.conftest import FakeDocker, Project

pytestmark = pytest.mark.usefixtures("in_order")


def test_a_missing_env_file_is_one_finding(project: "Project") -> None:
    project.env_file.unlink()
    assert kinds(project) == {str(project.env_file): "missing"}


def test_a_missing_example_is_found_where_it_is_needed(project: "Project") -> None:
    project.example.unlink()
    assert examine(project).findings == ()
    project.env_file.unlink()
    assert kinds(project) == {str(project.env_file): "missing", str(project.example): "missing"}


def test_an_env_file_that_is_a_folder_is_one_finding(project: "Project") -> None:
    project.env_file.unlink()
    project.env_file.mkdir()
    found = the_finding(project)
    assert (found.kind, found.where) == ("unreadable", str(project.env_file))
    assert found.message == "It is a folder, and should be a file."


def test_a_malformed_line_is_one_finding(fake_docker: "FakeDocker", project: "Project") -> None:
    text = project.env_file.read_text()
    project.env_file.write_text(text.replace("POSTGRES_PORT=5432", "POSTGRES_PORT='5432"))
    assert kinds(project) == {f"{project.env_file}:2": "malformed"}
    assert str(project.compose_file) not in {word for argv in fake_docker.argvs for word in argv}


def test_a_malformed_choice_of_images_is_found(project: "Project") -> None:
    choice = project.folder / "envs/.env.images"
    choice.write_text('POSTGRES_IMAGE="never closed\n')
    assert kinds(project) == {f"{choice}:1": "malformed"}


def test_a_choice_of_images_that_is_no_text_is_found(project: "Project") -> None:
    choice = project.folder / "envs/.env.images"
    choice.write_bytes(b"POSTGRES_IMAGE=\xff\n")
    found = the_finding(project)
    assert (found.kind, found.where) == ("unreadable", str(choice))
    assert found.message == "It is not UTF-8 text: look at line 1."


def test_missing_certificates_are_found_without_their_folder_as_an_echo(project: "Project") -> None:
    shutil.rmtree(project.folder / "certs")
    found = kinds(project)
    assert found[str(project.folder / "certs/ca.pem")] == "missing"
    assert set(found.values()) == {"missing"}


def test_a_key_that_others_may_read_is_found(project: "Project") -> None:
    key = project.folder / "certs/key.pem"
    key.chmod(0o644)
    assert kinds(project) == {str(key): "mode"}


def test_secrets_that_git_tracks_are_found(project: "Project") -> None:
    copy = project.env_file.with_name(".env.dev.bak-20260101T000000Z")
    copy.write_text("SECRET_KEY=old\n")
    git(project.folder, "init")
    assert examine(project).findings == ()
    git(project.folder, "add", "--all")
    certs = project.folder / "certs"
    keys = [certs / name for name in ("ca_key.pem", "key.pem", "callback_key.pem")]
    tracked = [project.env_file, project.test.env_file, project.ci.env_file, copy, *keys]
    assert kinds(project) == dict.fromkeys(map(str, tracked), "tracked-secret")


def test_secrets_that_git_tracks_are_found_from_below_the_root_of_the_checkout(project: "Project") -> None:
    git(project.folder.parent, "init")
    git(project.folder, "add", "envs")
    tracked = [project.env_file, project.test.env_file, project.ci.env_file]
    assert kinds(project) == dict.fromkeys(map(str, tracked), "tracked-secret")


def test_a_git_that_cannot_tell_is_found(project: "Project") -> None:
    (project.folder / ".git").write_text("not a pointer to a repository\n")
    found = the_finding(project)
    assert (found.kind, found.where) == ("git", str(project.folder))


def test_a_private_file_that_the_app_may_not_read_is_found(project: "Project") -> None:
    project.env_file.chmod(0o200)
    found = {(one.kind, one.where) for one in examine(project).findings}
    assert ("unreadable-by-app", str(project.env_file)) in found
