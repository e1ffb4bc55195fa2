import pytest

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.rules.draft import Draft
from dashtam_tasks.migration.rules.health import HEALTH_CHECK
from dashtam_tasks.migration.rules.one_shot import ONE_SHOT
from tests.unit.migration.rules.conftest import MakeStage
from tests.unit.migration.rules.stages import unexplained

SERVED = "services:\n  web:\n    image: web\n    command: serve\n"


def draft(text: str, environment: str = "test") -> Draft:
    return Draft(document=Document(text, "c.yml"), environment=environment, project="shop")


def profiles(made: Draft, service: str = "tests") -> object:
    return made.document.get(("services", service, "profiles"))


def beside(*lines: str) -> str:
    return SERVED + "  tests:\n    build: .\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    "command",
    [
        "pytest -q tests",
        '["uv", "run", "pytest"]',
        "python -m pytest",
        "tox -e py313",
        "nox",
        "npm test",
        "go test ./...",
        "sh -c 'alembic upgrade head && exec pytest'",
        "./wait-for-it.sh db:5432 -- pytest",
    ],
)
def test_up_starts_no_service_that_only_runs_tests(command: str) -> None:
    result = ONE_SHOT.apply(draft(beside(f"command: {command}")))
    assert profiles(result) == ["job"]
    assert profiles(result, "web") is None
    assert [one.place for one in result.declared] == [("services", "tests", "profiles")]
    assert ONE_SHOT.apply(result) == result


@pytest.mark.parametrize(
    "command", ["serve", "npx jest --watchAll", "sh -c 'pytest --collect-only; serve'", "celery worker"]
)
def test_a_service_that_stays_up_is_started_as_before(command: str) -> None:
    before = draft(beside(f"command: {command}"))
    assert ONE_SHOT.apply(before) == before


def test_its_own_profiles_stay() -> None:
    result = ONE_SHOT.apply(draft(beside("command: pytest", "profiles: [ci]"), "dev"))
    assert profiles(result) == ["ci", "job"]


def test_development_leaves_a_service_that_is_started_again_and_again() -> None:
    text = beside("command: pytest", "restart: always")
    assert profiles(ONE_SHOT.apply(draft(text, "dev"))) is None
    assert profiles(ONE_SHOT.apply(draft(text, "test"))) == ["job"]


def test_in_ci_the_job_is_started() -> None:
    before = draft(beside("command: pytest"), "ci")
    assert ONE_SHOT.apply(before) == before


def test_what_a_lasting_service_needs_is_started_and_a_person_hears_of_it() -> None:
    text = beside("command: pytest") + "  report:\n    image: nginx\n    depends_on: [tests]\n"
    result = ONE_SHOT.apply(draft(text))
    assert profiles(result) is None
    assert result.remarks == ("tests runs tests and ends, and report depends on it: `up` runs them.",)


def test_a_service_that_merges_it_in_is_not_held_back() -> None:
    text = "services:\n  tests: &t\n    image: x\n    command: pytest\n  web: { <<: *t, command: serve }\n"
    result = ONE_SHOT.apply(draft(text))
    assert profiles(result, "web") is None
    assert profiles(result) is None
    assert len(result.remarks) == 1


def test_it_gets_no_health_check_and_nobody_is_asked_to_write_one() -> None:
    text = beside("command: pytest", 'ports: ["8000:8000"]')
    result = HEALTH_CHECK.apply(ONE_SHOT.apply(draft(text)))
    assert result.document.get(("services", "tests", "healthcheck")) is None
    assert not [one for one in result.remarks if one.startswith("tests ")]


def test_nothing_else_changes_for_compose(make_stage: MakeStage) -> None:
    stage = make_stage({"docker-compose.yml": beside("command: pytest", "depends_on: [web]")})
    result = ONE_SHOT.apply(stage.draft("test"))
    found = stage.differences(result)
    assert [one.place for one in found if one.place[-1] == "profiles"] == [("services", "tests", "profiles")]
    assert not [one for one in unexplained(found, result.declared) if one.place[0] == "services"]
