from collections.abc import Mapping
from pathlib import Path

import pytest

from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.migration import legacy
from dashtam_tasks.migration.planning import choices, refusals
from dashtam_tasks.migration.planning.choices import Choices

pytestmark = pytest.mark.usefixtures("no_engine")

BASE = "services:\n  web:\n    image: web\n"


def refused(folder: Path, files: Mapping[str, str]) -> tuple[Finding, ...]:
    for name, text in files.items():
        (folder / name).write_text(text)
    found = legacy.survey(folder)
    return tuple(refusals.of_legacy(found, tuple(choices.sources(found, Choices()))))


def test_a_plain_project_is_not_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, {"docker-compose.yml": BASE, ".env": "A=1\n"}) == ()


def test_a_service_on_the_hosts_network_is_named_with_its_line(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, {"docker-compose.yml": f"{BASE}    network_mode: host\n"})
    assert (found.kind, found.severity) == ("host-network", Severity.ERROR)
    assert found.where.endswith("docker-compose.yml:4")
    assert "Service web has `network_mode: host`" in found.message
    assert found.hint


def test_an_env_file_that_is_a_link_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "real.env").write_text("A=1\n")
    (tmp_path / ".env").symlink_to("real.env")
    (found,) = refused(tmp_path, {"docker-compose.yml": BASE})
    assert (found.kind, found.where) == ("env-is-link", ".env")
    assert found.hint == "Put the file itself in its place: cp --remove-destination real.env .env"


def test_an_env_file_that_names_the_project_is_refused_once(tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": BASE,
        "docker-compose.test.yml": "services: { web: { command: sleep 9 } }\n",
        "Makefile": "t:\n\tdocker compose -f docker-compose.yml -f docker-compose.test.yml up\n",
        ".env": "COMPOSE_PROJECT_NAME=store\nSECRET=hidden-from-all\n",
    }
    (found,) = refused(tmp_path, files)
    assert (found.kind, found.where) == ("project-name-in-env-file", ".env")
    assert "`name: store` at the top of docker-compose.yml" in found.hint
    assert "hidden-from-all" not in f"{found.message}{found.hint}"


def test_a_file_in_the_way_is_named() -> None:
    found = refusals.in_the_way("tasks.py")
    assert (found.kind, found.where, found.severity) == ("in-the-way", "tasks.py", Severity.ERROR)
    assert found.hint == "Give yours another name, or take it away."
