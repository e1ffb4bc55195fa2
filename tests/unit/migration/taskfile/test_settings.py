"""What invoke.yaml says of a project: services, suites, probes, certificates, shared folders, secrets, images."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile import accounts, preferences, security, step, workflow_step
from dashtam_tasks.settings import Settings, default_suites
from tests.unit.migration.blueprints import copied, copied_to
from tests.unit.migration.taskfile import blueprints, running

pytestmark = pytest.mark.shapes

TEST = "docker compose -f docker-compose.yml -f docker-compose.test.yml"


def written(blueprint: Blueprint) -> dict[str, Any]:
    return dict(preferences.read(blueprint).written)


def chosen(blueprint: Blueprint) -> Settings:
    return preferences.read(blueprint).settings


def with_check(blueprint: Blueprint, test: object, **variables: str) -> Blueprint:
    """Return the blueprint where web of development has this health check and these variables."""
    model = blueprint.models["dev"]
    web = msgspec.structs.replace(
        model.services["web"], healthcheck={"test": test}, environment=dict(variables)
    )
    services = {**model.services, "web": web}
    return replace(
        blueprint, models={**blueprint.models, "dev": msgspec.structs.replace(model, services=services)}
    )


def project(folder: Path, makefile: str = "") -> Blueprint:
    suite = f"test-all:\n\t{TEST} exec -T web pytest checks\n"
    return blueprints.blueprint(blueprints.shop(folder, suite + makefile))


def test_names_of_services_and_of_the_job(tmp_path: Path) -> None:
    found = written(project(tmp_path))
    assert found["project"] == "shop"
    assert found["services"] == {"app": "web", "database": "db"}
    assert found["environments"]["ci"] == {"job": "web"}


def test_a_database_is_prepared_by_what_the_recipes_ran_before_the_tests(tmp_path: Path) -> None:
    before = f"{TEST} exec -T web python make_schema.py"
    more = f"{TEST} exec -T web python load.py --all 'a b'"
    blueprint = blueprints.blueprint(
        blueprints.shop(tmp_path, f"test:\n\t{before}\n\t{more}\n\t{TEST} exec -T web pytest\n")
    )
    expected = ["sh", "-c", "python make_schema.py && python load.py --all 'a b'"]
    assert written(blueprint)["environments"]["test"] == {"prepare": expected}
    assert [one.command for one in accounts(blueprint)] == ["inv test.all"]


def test_the_shell_and_the_linter_are_those_that_people_used(tmp_path: Path) -> None:
    recipes = (
        "sh:\n\tdocker compose exec web sh -l\nlint:\n\tdocker compose exec -T web flake8 src\n"
        "db:\n\tdocker compose exec web poetry run alembic upgrade head\n"
    )
    blueprint = project(tmp_path, recipes)
    found = chosen(blueprint)
    assert (found.shell, found.lint) == (("sh", "-l"), ("flake8", "src"))
    assert found.alembic == ("poetry", "run", "alembic")
    told = {one.target: one.command for one in accounts(blueprint)}
    assert (told["sh"], told["lint"], told["db"]) == ("inv dev.shell", "inv ci.lint", "inv db.upgrade")


def test_without_a_linter_the_task_says_so(tmp_path: Path) -> None:
    assert "No linter here" in chosen(project(tmp_path)).lint[-1]


@pytest.mark.parametrize(
    ("test", "variables", "expected"),
    [
        (["CMD", "curl", "-f", "http://localhost:8000/ready"], {}, {"scheme": "http", "path": "/ready"}),
        (["CMD-SHELL", "wget -q http://127.0.0.1:8000/ || exit 1"], {}, {"scheme": "http", "path": "/"}),
        (
            ["CMD", "python", "-c", "...", "8000", "/health"],
            {"SSL_ENABLED": "false"},
            {"scheme": "$SSL_ENABLED", "path": "/health"},
        ),
    ],
)
def test_a_probe_asks_what_the_health_check_asks(
    test: list[str], variables: dict[str, str], expected: dict[str, str], tmp_path: Path
) -> None:
    (probe,) = chosen(with_check(project(tmp_path), test, **variables)).readiness.probes
    assert (probe.service, probe.port, probe.scheme, probe.path) == (
        "web",
        8000,
        expected["scheme"],
        expected["path"],
    )


@pytest.mark.parametrize(
    ("test", "variables"),
    [
        (["CMD", "curl", "-f", "http://localhost:9999/ready"], {}),
        (["CMD", "pg_isready"], {}),
        (["CMD", "python", "-c", "...", "8000", "/"], {}),
        (["CMD", "curl", "-fk", "https://localhost:8000/ready"], {}),
        (["CMD", "python", "-c", "...", "8000", "/health"], {"SSL_ENABLED": "true"}),
    ],
)
def test_no_probe_where_nothing_sure_would_answer(
    test: list[str], variables: dict[str, str], tmp_path: Path
) -> None:
    assert chosen(with_check(project(tmp_path), test, **variables)).readiness.probes == ()


def test_a_project_without_certificates_has_none_to_check(tmp_path: Path) -> None:
    assert chosen(project(tmp_path)).certificates.leaves == ()


@pytest.fixture
def with_foreign_certificates(tmp_path: Path) -> Blueprint:
    folder = copied_to(tmp_path / "bank")
    (folder / "certs/cert.pem").write_text("not ours\n")
    (folder / "certs/key.pem").write_text("neither\n")
    return blueprints.blueprint(folder)


def test_certificates_of_no_local_authority_are_told_and_not_asked_for(
    with_foreign_certificates: Blueprint,
) -> None:
    found = preferences.read(with_foreign_certificates)
    assert found.settings.readiness.probes == ()
    # Tests over HTTPS need those that a local authority signs.
    assert found.settings.certificates.leaves == ("cert", "callback_cert")
    (told,) = (one for one in found.remarks if one.startswith("certs/cert.pem: no local authority"))
    assert "`inv certs --force`" in told


def test_certificates_that_nobody_checks_stay_the_persons_own(with_foreign_certificates: Blueprint) -> None:
    development = {"dev": with_foreign_certificates.models["dev"]}
    trust = security.read(replace(with_foreign_certificates, models=development))
    assert trust.certificates["leaves"] == []
    assert "dashtam.certificates.leaves" in trust.remarks[0]


def test_tests_over_https_have_their_suite(tmp_path: Path) -> None:
    found = chosen(blueprints.blueprint(copied_to(tmp_path / "bank"))).suites["ssl"]
    assert found == default_suites()["ssl"]


def test_where_no_service_speaks_https_the_suite_says_so(tmp_path: Path) -> None:
    folder = blueprints.shop(tmp_path, f"test:\n\t{TEST} exec -T web pytest\n")
    blueprint = blueprints.blueprint(folder)
    running.write(step(blueprint)[0], folder)
    for name in ("dev", "test"):
        source = blueprint.sources[name]
        (folder / source.compose_file).parent.mkdir(exist_ok=True)
        (folder / source.compose_file).write_text(blueprint.drafts[name].document.text)
        (folder / source.new_env_file).parent.mkdir(exist_ok=True)
        (folder / source.new_env_file).write_text("DB_PASSWORD=made-up\n")
    done = running.inv(folder, "test.ssl", XDG_STATE_HOME=str(tmp_path / "state"))
    assert (done.returncode, done.stdout) == (64, "")
    assert "No suite ssl here: see dashtam.suites in invoke.yaml." in done.stderr


def test_environments_that_a_project_does_not_have_are_said_to_be_none(tmp_path: Path) -> None:
    blueprint = blueprints.blueprint(copied("no-overlay", tmp_path))
    found = preferences.read(blueprint)
    assert found.written["environments"] == {"test": {"compose_file": ""}, "ci": {"compose_file": ""}}
    assert list(found.settings.environments) == ["dev"]


def test_without_a_suite_in_a_container_ci_alone_is_said_to_be_none(tmp_path: Path) -> None:
    blueprint = blueprints.blueprint(copied("tests-on-host", tmp_path))
    assert written(blueprint)["environments"]["ci"] == {"compose_file": ""}
    assert list(chosen(blueprint).environments) == ["dev", "test"]


def test_folders_that_both_environments_mount_and_one_writes_to_are_shared(tmp_path: Path) -> None:
    assert written(project(tmp_path))["isolation"] == {"shared": ["src"]}


def test_the_passwords_that_databases_take_from_env_files_are_generated(tmp_path: Path) -> None:
    assert written(project(tmp_path))["keys"] == {"DB_PASSWORD": "password"}


def test_images_that_no_compose_file_names_are_not_used(tmp_path: Path) -> None:
    assert chosen(project(tmp_path)).images.used == {}


def test_the_settings_are_those_that_the_file_gives(tmp_path: Path) -> None:
    found = preferences.read(project(tmp_path))
    assert msgspec.yaml.decode(found.text) == {"dashtam": dict(found.written)}


def test_the_workflow_runs_the_tests_and_keeps_layers(tmp_path: Path) -> None:
    from dashtam_tasks.migration.operations import Write

    (file,) = workflow_step(project(tmp_path)).operations
    assert isinstance(file, Write)
    text = file.data.decode()
    assert "dashtam-tasks ci.run" in text
    assert "web.cache-from" in text
