from pathlib import Path

import pytest

from dashtam_tasks.migration.legacy import Role, TestFile, survey
from tests.unit.migration.legacy.conftest import MakeProject

pytestmark = pytest.mark.usefixtures("no_engine")

BASE = "services:\n  app: {image: shop}\n  db: {image: postgres:17}\n"
PARTIAL = "services:\n  app: {command: sleep infinity}\n"
COMPLETE = "services:\n  app: {image: shop, command: pytest}\n"
OVER = "docker compose -f docker-compose.yml -f docker-compose.test.yml"
ALONE = "docker compose -f docker-compose.test.yml"


def judged(folder: Path) -> TestFile:
    (test,) = survey(folder).tests
    return test


@pytest.mark.parametrize(
    ("test_file", "commands", "role"),
    [
        (PARTIAL, [OVER], Role.OVERLAY),
        (PARTIAL, [], Role.OVERLAY),
        (COMPLETE, [OVER], Role.OVERLAY),
        (COMPLETE, [ALONE], Role.STANDALONE),
        (COMPLETE, [], Role.STANDALONE),
        (COMPLETE, [OVER, ALONE], Role.UNDECIDED),
        (PARTIAL, [ALONE], Role.UNDECIDED),
        (PARTIAL, [OVER, ALONE], Role.UNDECIDED),
    ],
)
def test_use_and_resolving_decide_and_a_person_where_they_disagree(
    make_project: MakeProject, test_file: str, commands: list[str], role: Role
) -> None:
    script = "".join(f"{command} up\n" for command in commands)
    folder = make_project(
        {"docker-compose.yml": BASE, "docker-compose.test.yml": test_file, "run.sh": script}
    )
    assert judged(folder).role is role


def test_every_sign_has_its_place_and_words(make_project: MakeProject) -> None:
    makefile = f"test:\n\t{OVER} up\n\t{OVER} down\n"
    readme = f"```\n{ALONE} up\n```\n"
    files = {"docker-compose.yml": BASE, "docker-compose.test.yml": PARTIAL, "Makefile": makefile}
    test = judged(make_project({**files, "README.md": readme}))
    assert [(sign.role, sign.where, sign.words) for sign in test.signs[:2]] == [
        (Role.OVERLAY, "Makefile:2", "names it after docker-compose.yml (and 1 more do)"),
        (Role.STANDALONE, "README.md:2", "names it first"),
    ]
    assert test.signs[2].where == "docker-compose.test.yml"
    assert "does not resolve alone" in test.signs[2].words
    assert "neither an image nor a build context" in test.signs[2].words


def test_a_disagreement_is_a_question(make_project: MakeProject) -> None:
    found = survey(
        make_project({"docker-compose.yml": BASE, "docker-compose.test.yml": PARTIAL, "a.sh": ALONE + " up"})
    )
    (question,) = found.refusals
    assert (question.kind, question.where) == ("test-file-undecided", "docker-compose.test.yml")
    assert "--test-file=overlay" in question.hint
    (test,) = found.tests
    assert (test.overlay, test.standalone) == (
        ("docker-compose.yml", "docker-compose.test.yml"),
        ("docker-compose.test.yml",),
    )


def test_all_files_that_belong_together_are_kept_in_order(make_project: MakeProject) -> None:
    files = ("docker-compose.yml", "docker-compose.tools.yml", "docker-compose.test.yml")
    command = f"docker compose {' '.join(f'-f {name}' for name in files)} --env-file .env.test -p shop-t up\n"
    texts = dict(zip(files, (BASE, "services:\n  tool: {image: t}\n", PARTIAL), strict=True))
    found = survey(make_project({**texts, "run.sh": command, ".env.test": "A=1\n"}))
    (test,) = found.tests
    assert (test.role, test.files, test.env_files, test.project) == (
        Role.OVERLAY,
        files,
        (".env.test",),
        "shop-t",
    )
    assert found.project.others == ("shop-t",)
    assert found.refusals == ()


@pytest.mark.parametrize(
    "service",
    [
        "{image: '${IMAGE:?is needed}', ports: ['${PORT}:80'], read_only: '${READ_ONLY}'}",
        "{image: shop, volumes: ['${SOURCE}:/app'], healthcheck: {test: [CMD, a], interval: '${EVERY}'}}",
        "{image: shop, env_file: [.env.of.nobody], mem_limit: '${MEMORY}', environment: {A: $PLAIN, B: $$NONE}}",
        "{build: {context: '${CONTEXT?}', args: {A: '${B:-${C}}'}}, tty: '${TTY:-}', init: '${INIT}'}",
        "{image: shop, volumes: [{type: bind, source: '${WHERE}', target: /app}], stop_grace_period: '${GRACE}'}",
    ],
)
def test_a_value_that_nobody_set_is_no_reason(make_project: MakeProject, service: str) -> None:
    folder = make_project({"compose.yaml": BASE, "compose.test.yaml": f"services:\n  app: {service}\n"})
    assert judged(folder).signs[-1].words == "resolves alone"


def test_what_steers_docker_itself_keeps_its_value(make_project: MakeProject) -> None:
    service = (
        "{image: '${COMPOSE_PROJECT_NAME}-app', environment: {PATH: '/app:$PATH', D: '$DOCKER_CONTEXT'}}"
    )
    found = survey(make_project({"compose.yaml": f"services:\n  app: {service}\n"}))
    model = found.resolutions[0].model
    assert model is not None
    assert (found.project.name, model.services["app"].image) == ("shop", "shop-app")
    assert found.resolutions[0].stand_ins == ()


def test_a_value_of_env_counts(make_project: MakeProject) -> None:
    files = {"compose.yaml": "name: ${WHO:?}\n" + BASE, ".env": "WHO=theirs\n"}
    assert survey(make_project(files)).project.name == "theirs"


def test_the_shell_of_a_developer_decides_nothing(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPOSE_FILE", "docker-compose.test.yml")
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "theirs")
    found = survey(make_project({"docker-compose.yml": BASE, "docker-compose.test.yml": PARTIAL}))
    assert (found.base, found.project.name, found.tests[0].role) == (
        "docker-compose.yml",
        "shop",
        Role.OVERLAY,
    )


def test_without_compose_nothing_is_guessed(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = survey(make_project({"docker-compose.yml": BASE, "docker-compose.test.yml": COMPLETE}))
    assert found.tests[0].role is Role.UNDECIDED
    assert "docker could not be started" in found.tests[0].signs[0].words
    assert {one.kind for one in found.findings} == {
        "compose-not-asked",
        "test-file-undecided",
        "engine-not-asked",
    }
    assert found.project.name == "shop"
