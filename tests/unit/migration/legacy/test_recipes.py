from pathlib import Path

import pytest

from dashtam_tasks.migration.legacy import Legacy, runners, survey
from dashtam_tasks.migration.legacy.recipes import Start, Suite
from tests.unit.migration.legacy.conftest import MakeProject

pytestmark = pytest.mark.usefixtures("no_engine")

BASE = """\
services:
  web: {build: ., container_name: shop-web, ports: ["3000:3000"]}
  worker: {build: .}
  db: {image: "registry.example/team/postgres:17"}
  cache: {image: valkey/valkey}
  search: {build: search, volumes: ["found:/var/lib/mysql"]}
volumes: {found: {}}
"""


def shop(make_project: MakeProject, **files: str) -> Legacy:
    return survey(
        make_project({"compose.yaml": BASE, **{name.replace("__", "."): one for name, one in files.items()}})
    )


def seen(suite: Suite) -> tuple[str, Start, str, str]:
    return suite.name, suite.started.start, suite.started.service, " ".join(suite.started.command)


@pytest.mark.parametrize(
    "command",
    [
        "pytest",
        "uv run pytest -q",
        "uv run --frozen --no-sync pytest",
        "poetry run python -m pytest tests",
        "python3.12 -m unittest",
        "coverage run -m pytest",
        "python manage.py test shop",
        "npm test",
        "npm run test:unit",
        "yarn test --ci",
        "pnpm exec jest",
        "npx vitest run",
        "go test ./...",
        "cargo test",
        "./gradlew test",
        "mvn -B verify",
        "bundle exec rspec",
        "bin/rails test",
        "php artisan test",
        "vendor/bin/phpunit",
        "dotnet test",
        "mix test",
    ],
)
def test_runners_of_many_languages_are_known(command: str) -> None:
    assert runners.runner_at(tuple(command.split())) is not None


@pytest.mark.parametrize(
    "command",
    [
        "",
        "bash",
        "npm run build",
        "python src/init_test_db.py",
        "go build",
        "pip install pytest",
        "test -f x",
    ],
)
def test_what_runs_no_tests_is_no_runner(command: str) -> None:
    assert runners.runner_at(tuple(command.split())) is None


def test_paths_are_what_is_tested_and_not_what_options_take() -> None:
    command = "uv run pytest tests/unit -k a/b --cov=src/x -c conf/p.ini tests -m slow more::test_a README"
    found = runners.paths_of(tuple(command.split()), lambda path: path in {"tests", "more"})
    assert found == ("tests/unit", "tests", "more::test_a")


def test_suites_say_how_they_start(make_project: MakeProject) -> None:
    makefile = (
        "C = docker compose\n"
        "test-run:\n\t$(C) run --rm -e CI=1 web npm test\n"
        "test-exec:\n\t$(C) exec -T -u app web go test ./pkg/...\n"
        "test-container:\n\tdocker exec -i -e A=b shop-web pytest\n"
        "test-host:\n\t$(C) up -d db\n\tpytest tests/it\n"
        "lint:\n\t$(C) run web eslint .\n"
    )
    found = shop(make_project, Makefile=makefile)
    assert [seen(one) for one in found.suites] == [
        ("test-run", Start.RUN, "web", "npm test"),
        ("test-exec", Start.EXEC, "web", "go test ./pkg/..."),
        ("test-container", Start.EXEC, "web", "pytest"),
        ("test-host", Start.HOST, "", "pytest tests/it"),
    ]
    assert [one.started.where for one in found.suites] == [
        "Makefile:3",
        "Makefile:5",
        "Makefile:7",
        "Makefile:10",
    ]


def test_tests_may_be_what_a_service_runs_itself(make_project: MakeProject) -> None:
    test_file = (
        "services:\n  db: {image: a}\n"
        "  tests: {image: shop, command: sh -c 'python init.py && exec pytest -q tests'}\n"
    )
    makefile = (
        "test:\n\tdocker compose -f docker-compose.test.yml up --exit-code-from tests\n"
        "again:\n\tdocker compose -f docker-compose.test.yml run --rm tests\n"
        "database:\n\tdocker compose -f docker-compose.test.yml up -d db\n"
    )
    found = shop(make_project, docker_compose__test__yml="", Makefile=makefile)
    assert found.suites == ()
    folder: Path = make_project({"docker-compose.test.yml": test_file, "tests/test_a.py": ""})
    found = survey(folder)
    assert [seen(one) for one in found.suites] == [
        ("test", Start.INSIDE, "tests", "pytest -q tests"),
        ("again", Start.INSIDE, "tests", "pytest -q tests"),
    ]
    assert [one.command for one in found.suites[0].prepared_by] == [("python", "init.py")]
    assert found.suites[0].paths == ("tests",)


def test_what_prepares_runs_before_in_the_same_service(make_project: MakeProject) -> None:
    makefile = (
        "test: setup\n"
        "\tdocker compose exec web rails db:seed\n"
        "\tdocker compose exec web bundle exec rspec $(FILE)\n"
        "\tdocker compose exec web rails log:clear\n"
        "setup: wait\n"
        "\tdocker compose exec db createdb shop\n"
        "\tdocker compose exec web sh -c 'cd /app && rails db:create db:migrate'\n"
        "wait:\n\tdocker compose exec web wait-for-it.sh db:5432\n\tdocker compose exec web rails log:rotate\n"
        "other:\n\tdocker compose exec web rails other\n"
    )
    (suite,) = shop(make_project, Makefile=makefile).suites
    assert [" ".join(one.command) for one in suite.prepared_by] == [
        "rails log:rotate",
        "cd /app",
        "rails db:create db:migrate",
        "rails db:seed",
    ]
    assert suite.parameters == ("FILE",)


def test_a_script_of_npm_that_containers_call_is_no_suite_of_the_host(make_project: MakeProject) -> None:
    package = '{"scripts": {"test": "jest", "test:docker": "docker compose run web npm test"}}'
    found = shop(make_project, package__json=package)
    assert [seen(one) for one in found.suites] == [("test:docker", Start.RUN, "web", "npm test")]
    found = survey(make_project({"package.json": '{"scripts": {"test": "jest"}}'}))
    assert [seen(one) for one in found.suites] == [("test", Start.HOST, "", "jest")]


def test_documents_start_nothing(make_project: MakeProject) -> None:
    assert shop(make_project, README__md="```\ndocker compose exec web pytest\npytest\n```\n").suites == ()


def test_services_are_known_by_image_data_and_use(make_project: MakeProject) -> None:
    services = shop(
        make_project, a__sh="docker compose exec worker bash\ndocker compose exec db psql\n"
    ).services
    assert [one.service for one in services.databases] == ["db", "search"]
    assert [one.service for one in services.caches] == ["cache"]
    assert services.app is not None
    assert (services.app.service, services.app.reason) == ("worker", "commands run in it")


@pytest.mark.parametrize(
    ("files", "service"),
    [
        ({}, "web"),
        ({"Makefile": "test:\n\tdocker compose run worker pytest\n\tdocker compose exec web ls\n"}, "worker"),
        (
            {
                ".devcontainer.json": '{"service": "worker", /* why */ "dockerComposeFile": ["compose.yaml",],}'
            },
            "worker",
        ),
    ],
)
def test_the_app_is_where_tests_run_else_where_people_work(
    make_project: MakeProject, files: dict[str, str], service: str
) -> None:
    app = survey(make_project({"compose.yaml": BASE, **files})).services.app
    assert app is not None
    assert app.service == service


@pytest.mark.parametrize(
    ("test_file", "service"),
    [
        ("services:\n  web: {image: web}\n  tests: {build: ., command: pytest}\n", "web"),
        ("services:\n  tests: {build: ., command: pytest}\n  db: {image: 'postgres:17'}\n", "web"),
        ("services:\n  worker: {build: ., command: pytest}\n", "worker"),
    ],
    ids=["both have it", "tests have none", "tests run in it"],
)
def test_the_app_is_a_service_that_development_has(
    make_project: MakeProject, test_file: str, service: str
) -> None:
    makefile = "test:\n\tdocker compose -f compose.test.yaml up --exit-code-from tests\n"
    files = {"compose.yaml": BASE, "compose.test.yaml": test_file, "Makefile": makefile}
    app = survey(make_project(files)).services.app
    assert app is not None
    assert app.service == service


def test_a_pipeline_that_calls_make_has_no_suite_beside_the_targets(make_project: MakeProject) -> None:
    files = {
        "compose.yaml": BASE,
        "Makefile": "test:\n\tdocker compose exec web pytest\n",
        ".github/workflows/ci.yml": "jobs:\n  all:\n    steps:\n      - run: make test\n",
        "kit/build.sh": "#!/bin/sh\nmake -C kit verify test-kit\n",
    }
    assert [seen(one) for one in survey(make_project(files)).suites] == [
        ("test", Start.EXEC, "web", "pytest")
    ]
