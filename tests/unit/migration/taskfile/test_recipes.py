"""Recipes that are replaced only where a task does what they do; else carried over, or left with a reason."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from dashtam_tasks.migration import taskfile
from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.steps import Step
from dashtam_tasks.migration.taskfile import Account, Fate
from tests.unit.migration.taskfile import blueprints
from tests.unit.migration.taskfile.blueprints import shop

Accounts = Callable[[str], dict[str, Account]]
TEST = "docker compose -f docker-compose.yml -f docker-compose.test.yml"

REPLACED = {
    "docker compose up": "inv dev.up dev.logs",
    "docker compose up -d db": "inv dev.up --service db",
    "docker compose up -d --build web": "inv dev.up --build --service web",
    "docker-compose down --volumes --remove-orphans": "inv dev.down --volumes",
    "docker compose logs --tail=20 web": "inv dev.logs --no-follow --tail 20 --service web",
    "docker compose logs -f $(SERVICE)": "inv dev.logs --service SERVICE",
    "docker compose restart web": "inv dev.restart --service web",
    "docker compose build --no-cache": "inv dev.build --no-cache",
    "docker compose ps -a": "inv dev.status",
    "sudo docker compose ps": "inv dev.status",
    "docker compose exec web bash": "inv dev.shell",
    "docker compose exec worker sh": "inv dev.exec --service worker -- sh",
    "docker compose exec db psql -U keeper -d shop": "inv dev.db-shell",
    "docker exec -it shop-db psql -U keeper -d shop": "inv dev.db-shell",
    "docker compose exec web alembic upgrade +1": "inv db.upgrade --revision=+1",
    "docker compose exec web alembic downgrade -1": "inv db.downgrade",
    "docker compose exec web alembic revision -m '$(NAME)'": "inv db.revision --no-autogenerate --message NAME",
    "docker compose down && docker compose up -d": "inv dev.down dev.up",
}
COMPOSE = "docker compose --file compose/docker-compose.dev.yml --env-file envs/.env.dev"
CARRIED = {
    "docker compose up -d --force-recreate": f"{COMPOSE} up -d --force-recreate",
    "docker compose exec -u root web id": f"{COMPOSE} exec -u root web id",
    "docker compose stop web": f"{COMPOSE} stop web",
    "docker compose exec web python manage.py check": "inv dev.exec -- python manage.py check",
    "docker compose exec db psql -U another": "inv dev.exec --service db -- psql -U another",
    "docker exec -i shop-db pg_restore": "inv dev.exec --service db -- pg_restore",
    "docker compose exec worker tool > dump.sql": "sh -c inv dev.exec --service worker -- tool > dump.sql",
    "docker compose exec web alembic stamp head": "inv dev.exec -- alembic stamp head",
    "docker compose exec web pg_isready": "inv dev.exec -- pg_isready",
    "docker compose exec web pytest": "inv dev.exec -- pytest",
    "docker ps": "docker ps",
    "for one in a b; do docker compose logs $$one; done": f"sh -c for one in a b; do {COMPOSE} logs $one; done",
    "cp .env backup": "cp envs/.env.dev backup",
    "echo a > made": "sh -c echo a > made",
    "docker compose down && docker compose up -d && docker compose down": (
        f"sh -c {COMPOSE} down && {COMPOSE} up -d && {COMPOSE} down"
    ),
    "$(MAKE) -C docs html": "make -C docs html",
}
LEFT = {
    "docker compose --profile tools up -d": "a profile or a project of its own",
    "docker compose -f other.yml up -d": "other.yml",
    "docker logs shop-db": "shop-db, which has another name now",
    "docker exec another sh": "a container by its name",
    "docker stack deploy -c docker-compose.yml shop": "docker-compose.yml, which has another name now",
    "cd src && docker compose up -d": "from another folder",
    "echo $(shell date)": "only make knows",
    "cat $<": "only make knows what $< is",
    "echo '$(WORD)'": "stands in single quotes",
    "$(MAKE) FILE=x other": "it calls make in a way",
}


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory) -> tuple[Step, dict[str, Account]]:
    """The step and the accounts of a project with a target for each recipe, by recipe."""
    recipes = [*REPLACED, *CARRIED, *LEFT]
    rules = "".join(f"one-{number}:\n\t{recipe}\n" for number, recipe in enumerate(recipes))
    # What tests run in is the app.
    suite = f"test-all:\n\t{TEST} exec -T web pytest checks\n"
    folder = shop(tmp_path_factory.mktemp("recipes"), rules + suite)
    step, told = taskfile.step(blueprints.blueprint(folder))
    return step, dict(zip(recipes, told, strict=False))


@pytest.mark.parametrize("recipe", REPLACED)
def test_replaced(recipe: str, step: tuple[Step, dict[str, Account]]) -> None:
    told = step[1][recipe]
    assert (told.fate, told.command) == (Fate.REPLACED, REPLACED[recipe]), told.reason


@pytest.mark.parametrize("recipe", CARRIED)
def test_carried_over(recipe: str, step: tuple[Step, dict[str, Account]]) -> None:
    told = step[1][recipe]
    assert (told.fate, told.command) == (Fate.CARRIED, f"inv {told.target}"), told.reason
    tasks = step[0].operations[0]
    assert isinstance(tasks, Write)
    assert calls(tasks.data.decode(), told.target) == [CARRIED[recipe]]


@pytest.mark.parametrize("recipe", LEFT)
def test_left(recipe: str, step: tuple[Step, dict[str, Account]]) -> None:
    told = step[1][recipe]
    assert (told.fate, told.command) == (Fate.LEFT, "")
    assert told.reason.startswith(f"Makefile:{told.line + 1}: ")
    assert LEFT[recipe] in told.reason
    assert f"{told.target} is left to you: {told.reason}." in step[0].remarks


def calls(text: str, target: str) -> list[str]:
    """Return the words of each call of `run` in the task of a target."""
    name = target.replace("-", "_")
    functions = {one.name: one for one in ast.parse(text).body if isinstance(one, ast.FunctionDef)}
    return [
        " ".join(ast.literal_eval(one) for one in node.args)
        for node in ast.walk(functions[name])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "run"
    ]


@pytest.mark.parametrize(
    ("recipe", "command"),
    [
        (f"{TEST} up -d --build && {TEST} exec -T web pytest tests", "inv test.build test.one"),
        (f"{TEST} up -d && {TEST} run --rm web pytest tests && {TEST} down -v", "inv test.one --down"),
        (f"{TEST} up -d\n\t{TEST} exec -T db pg_isready\n\t{TEST} exec -T web pytest tests", "inv test.one"),
    ],
)
def test_a_suite_brings_and_takes_its_services(recipe: str, command: str, accounts: Accounts) -> None:
    told = accounts(f"one:\n\t{recipe}\n")["one"]
    assert (told.fate, told.command) == (Fate.REPLACED, command), told.reason


def test_a_target_is_known_by_what_it_does_and_not_by_its_name(accounts: Accounts) -> None:
    told = accounts("up:\n\tnpm start\ndown:\n\tdocker compose up -d\n")
    assert (told["up"].fate, told["up"].command) == (Fate.CARRIED, "inv make-up")
    assert "up is a task of another kind already" in told["up"].reason
    assert told["down"].command == "inv dev.up"


def test_prerequisites_alone(accounts: Accounts) -> None:
    told = accounts(
        "both: up check\nstart: up\nup:\n\tdocker compose up -d\ncheck:\n\tcurl localhost\n"
        "round: about\nabout: round\nfile: src/app.py\n\techo x\nnone:\nweb: build-x\nbuild-%:\n\techo $*\n"
    )
    assert (told["start"].fate, told["start"].command) == (Fate.REPLACED, "inv dev.up")
    assert told["both"].fate is Fate.CARRIED
    assert told["web"].fate is Fate.CARRIED
    assert told["build-%"].command == "inv build --name NAME"
    for name, words in (
        ("round", "about"),
        ("about", "needs it"),
        ("file", "only make"),
        ("none", "nothing"),
    ):
        assert told[name].fate is Fate.LEFT
        assert words in told[name].reason


@pytest.mark.parametrize(
    ("makefile", "words"),
    [
        ("ifdef CI\nX = a\nelse\nX = b\nendif\none:\n\techo $(X)\n", "on a condition"),
        ("one:\nifdef CI\n\techo a\nelse\n\techo b\nendif\n", "depends on a condition"),
        ("define X\necho a\necho b\nendef\none:\n\t$(X)\n", "defines over several lines"),
        ("define X\necho a\nendef\none:\n\t$(call X,1)\n", "defines over several lines"),
        ("include other.mk\none:\n\techo $(X)\n", "line 1 includes"),
        ("X != date\none:\n\techo $(X)\n", "the shell says"),
        (".EXPORT_ALL_VARIABLES:\none:\n\techo a\n", "every variable"),
        (".RECIPEPREFIX = >\none:\n> echo a\n", ".RECIPEPREFIX"),
        ("src/made: src\n\ttouch src/made\none: src/made\n\techo a\n", "src/made"),
    ],
)
def test_what_only_make_knows_is_left(makefile: str, words: str, accounts: Accounts) -> None:
    told = accounts(makefile)["one"]
    assert told.fate is Fate.LEFT
    assert words in told.reason


def test_an_exported_variable_that_compose_reads_is_told(accounts: Accounts) -> None:
    told = accounts("export DB_PASSWORD := x\nexport OTHER := y\none:\n\tdocker compose up -d\n")["one"]
    assert told.reason == "the Makefile set DB_PASSWORD: set it in the env file"


def test_a_listing_of_targets(accounts: Accounts) -> None:
    told = accounts(
        "help:\n\t@grep '##' $(MAKEFILE_LIST) | sort\nusage:\n\t@echo 'make up: start'\nhi:\n\t@echo hi\n"
    )
    assert [told[name].command for name in ("help", "usage", "hi")] == ["inv --list", "inv --list", "inv hi"]


def test_a_script_that_names_a_moved_file_is_told(project: Callable[[str], Path]) -> None:
    folder = project("deploy:\n\t./deploy.sh now\n")
    (folder / "deploy.sh").write_text("#!/bin/sh\n# .env\ncat .env\n")
    (told,) = taskfile.accounts(blueprints.blueprint(folder))
    assert told.fate is Fate.CARRIED
    assert told.reason == "deploy.sh:3 names .env, which has another place now"
