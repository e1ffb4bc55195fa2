import pytest

from tests.unit.migration.legacy.conftest import Uses

BOTH = ("docker-compose.yml", "docker-compose.test.yml")


@pytest.mark.parametrize(
    "command",
    [
        "docker-compose -f docker-compose.yml -f docker-compose.test.yml --env-file .env.test up -d",
        "docker compose --file=docker-compose.yml --file docker-compose.test.yml --env-file=.env.test up -d",
        "docker --context a compose -fdocker-compose.yml -fdocker-compose.test.yml --env-file .env.test up -d",
        "sudo -E docker compose -f ./docker-compose.yml -f ./docker-compose.test.yml --env-file .env.test up -d",
        "A=1 COMPOSE_FILE=docker-compose.yml:docker-compose.test.yml docker compose --env-file .env.test up -d",
        ": && docker compose -f docker-compose.yml -f docker-compose.test.yml --env-file .env.test up -d >a 2>&1",
        "bash -ec 'docker compose -f docker-compose.yml -f docker-compose.test.yml --env-file .env.test up -d'",
        "dotenv -e x -- docker compose -f docker-compose.yml -f docker-compose.test.yml --env-file .env.test up -d",
        "if docker compose -f docker-compose.yml -f docker-compose.test.yml --env-file .env.test up -d; then :; fi",
        "id=$(docker compose -f docker-compose.yml -f docker-compose.test.yml --env-file .env.test up -d)",
    ],
)
def test_a_call_of_compose_is_known_however_it_is_written(uses: Uses, command: str) -> None:
    (use,) = uses({"run.sh": f"#!/bin/sh\n{command}\n"})
    assert (use.where, use.files, use.env_files) == ("run.sh:2", BOTH, (".env.test",))
    assert (use.subcommand, use.arguments) == ("up", ("-d",))


@pytest.mark.parametrize(
    "command",
    [
        "echo docker-compose up",
        "command -v docker-compose",
        "pip install docker-compose",
        "# docker compose up",
        "docker run compose up",
        "docker-compose is a tool",
        "docker ps",
    ],
)
def test_what_only_names_compose_is_no_call(uses: Uses, command: str) -> None:
    assert uses({"run.sh": f"#!/bin/sh\n{command}\n"}) == ()


def test_a_name_and_profiles_are_kept(uses: Uses) -> None:
    (use,) = uses({"run.sh": "docker compose -p shop-test --profile a --profile b run --rm app pytest\n"})
    assert (use.files, use.project, use.profiles) == ((), "shop-test", ("a", "b"))
    assert (use.subcommand, use.arguments) == ("run", ("--rm", "app", "pytest"))


def test_a_variable_of_the_makefile_tells_where_the_files_are_named(uses: Uses) -> None:
    makefile = (
        "BASE = -f docker-compose.yml\n"
        "TEST := docker-compose $(BASE) -f docker-compose.test.yml\n"
        "test:\n\t@$(TEST) run app pytest\n"
    )
    found = uses({"Makefile": makefile})
    assert [(use.where, use.owner, use.files, use.subcommand) for use in found] == [
        ("Makefile:2", "", BOTH, ""),
        ("Makefile:4", "test", BOTH, "run"),
    ]


def test_an_exported_choice_of_files_counts(uses: Uses) -> None:
    found = uses({"Makefile": "export COMPOSE_FILE := docker-compose.yml:docker-compose.test.yml\n"})
    assert [(use.where, use.files) for use in found] == [("Makefile:1", BOTH)]


def test_a_script_may_keep_the_command_in_variables(uses: Uses) -> None:
    script = (
        "#!/usr/bin/env bash\n"
        'FILE="docker-compose.test.yml"\n'
        'COMPOSE="docker compose -f docker-compose.yml -f $FILE"\n'
        "ARRAY=(docker compose -f docker-compose.yml)\n"
        '$COMPOSE up \\\n  -d "app"\n'
        '"${ARRAY[@]}" down\n'
        'docker compose -f "${OTHER:-docker-compose.test.yml}" ps\n'
    )
    found = [use for use in uses({"bin/test": script}) if use.subcommand]
    assert [(use.line, use.files, use.subcommand, use.arguments) for use in found] == [
        (5, BOTH, "up", ("-d", "app")),
        (7, BOTH[:1], "down", ()),
        (8, BOTH[1:], "ps", ()),
    ]


def test_files_are_looked_for_where_the_command_runs(uses: Uses) -> None:
    files = {
        "docker/compose.test.yml": "{}\n",
        "scripts/test.sh": 'cd "$(dirname "$0")/.."\ncd docker\ndocker compose -f compose.test.yml up\n',
        ".github/workflows/ci.yml": (
            "jobs:\n  unit:\n    steps:\n      - name: x\n        working-directory: docker\n        run: |\n"
            "          echo\n          docker compose -f compose.test.yml up\n"
        ),
        "Makefile": (
            "test:\n\tcd docker && docker compose -f compose.test.yml up\n\tdocker compose -f gone.yml up\n"
        ),
    }
    assert [(use.where, use.files[0]) for use in uses(files)] == [
        ("Makefile:2", "docker/compose.test.yml"),
        ("Makefile:3", "gone.yml"),
        (".github/workflows/ci.yml:8", "docker/compose.test.yml"),
        ("scripts/test.sh:3", "docker/compose.test.yml"),
    ]


def test_every_kind_of_file_that_runs_commands_is_read(uses: Uses) -> None:
    files = {
        "package.json": '{\n\t"scripts": {\n\t\t"test": "docker compose run app npm test"\n\t}\n}\n',
        "justfile": 'compose := "docker compose"\n\ntest *args: build\n  @{{compose}} run app pytest {{args}}\n',
        "Taskfile.yml": (
            "vars: {C: docker compose}\ntasks:\n  test:\n    cmds:\n"
            "      - '{{.C}} up'\n      - cmd: '{{.C}} down'\n"
        ),
        ".gitlab-ci.yml": "unit:\n  script:\n    - docker compose build\n",
        "README.md": (
            "Call `docker compose ps`, say docker compose rm.\n\n```bash\n$ docker compose up\n```\n"
            "```yaml\ncommand: docker compose kill\n```\n\n    docker compose logs\n"
        ),
    }
    assert [(use.where, use.owner, use.subcommand) for use in uses(files)] == [
        (".gitlab-ci.yml:3", "unit", "build"),
        ("README.md:1", "", "ps"),
        ("README.md:4", "", "up"),
        ("README.md:10", "", "logs"),
        ("Taskfile.yml:5", "test", "up"),
        ("Taskfile.yml:6", "test", "down"),
        ("justfile:4", "test", "run"),
        ("package.json:3", "test", "run"),
    ]


def test_files_of_others_are_not_looked_into(uses: Uses) -> None:
    places = ("node_modules/x/run.sh", "env3/bin/run.sh", ".git/hooks.sh")
    assert uses({"env3/pyvenv.cfg": "", **dict.fromkeys(places, "docker compose up\n")}) == ()


def test_broken_files_are_passed_over(uses: Uses) -> None:
    files = {
        "package.json": "{",
        ".github/workflows/ci.yml": "a: [\n",
        "run.sh": "echo 'open\ndocker compose up\n",
        "other.sh": "docker compose down\n",
    }
    assert [use.where for use in uses(files)] == ["other.sh:1"]
