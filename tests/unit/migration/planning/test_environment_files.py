from pathlib import Path

import pytest

from dashtam_tasks.migration import legacy
from dashtam_tasks.migration.operations import Copy, Move, Write
from dashtam_tasks.migration.planning import drafting, environment_files
from dashtam_tasks.migration.planning.choices import Choices
from dashtam_tasks.migration.steps import Step
from tests.unit.migration.blueprints import copied
from tests.unit.migration.undertakings import SECRET

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.shapes]


def steps(folder: Path) -> dict[str, Step]:
    drafted = drafting.draft(legacy.survey(folder), Choices())
    return {one.outline.number: one for one in environment_files.steps(drafted)}


def told(step: Step) -> list[str]:
    return [str(one) for one in step.operations]


def test_the_steps_come_in_the_order_of_the_plan(tmp_path: Path) -> None:
    made = steps(copied("example", tmp_path))
    assert list(made) == ["1.2", "1.3", "1.4", "2.1", "2.2", "2.3"]
    assert told(made["1.3"]) == [
        "move .env to envs/.env.dev",
        "move .env.example to envs/.env.dev.example",
    ]
    assert told(made["1.4"])[1:] == [
        "move .env.test to envs/.env.test",
        "move .env.test.example to envs/.env.test.example",
    ]


def test_tests_over_https_rewrite_the_file_of_tests(tmp_path: Path) -> None:
    (file,) = steps(copied("example", tmp_path))["2.1"].operations
    assert isinstance(file, Write)
    assert (file.path, file.rewrites, b"app-ssl:" in file.data) == (
        "compose/docker-compose.test.yml",
        True,
        True,
    )


def test_where_nothing_speaks_https_the_step_says_why(shop: Path) -> None:
    made = steps(shop)["2.1"]
    assert (made.operations, bool(made.remarks)) == ((), True)


def test_tests_that_shared_an_env_file_get_a_copy_of_their_own(shop: Path) -> None:
    _, own = steps(shop)["1.4"].operations
    assert own == Copy(source="envs/.env.dev", target="envs/.env.test")


def test_without_an_env_file_an_empty_private_one_is_written(shop: Path) -> None:
    (shop / ".env").unlink()
    (shop / ".env.example").unlink()
    made = steps(shop)
    for number, name in (("1.3", "dev"), ("1.4", "test")):
        own = made[number].operations[-1]
        assert isinstance(own, Write)
        assert (own.path, own.mode) == (f"envs/.env.{name}", 0o600)
        assert own.data.decode().startswith(f"# Values for compose/docker-compose.{name}.yml")


def test_without_a_suite_in_a_container_there_is_nothing_for_ci(tmp_path: Path) -> None:
    made = steps(copied("tests-on-host", tmp_path))
    assert "2.3" not in made
    assert (made["2.2"].operations, made["2.2"].remarks) == ((), (drafting.NO_SUITE,))


def test_cis_env_file_is_its_example_and_holds_nothing_real(shop: Path) -> None:
    example, own = steps(shop)["2.3"].operations
    assert isinstance(example, Write)
    assert isinstance(own, Write)
    assert (example.path, example.mode) == ("envs/.env.ci.example", 0o644)
    assert (own.path, own.mode, own.data) == ("envs/.env.ci", 0o600, example.data)
    assert b"DB_PASSWORD=" in own.data
    assert SECRET.encode() not in own.data


def test_in_a_fresh_checkout_cis_env_file_is_made_from_the_example(tmp_path: Path) -> None:
    folder = copied("example", tmp_path)
    before = steps(folder)["2.3"].operations
    for name in (".env", ".env.test"):
        (folder / name).unlink()
    made = steps(folder)
    assert made["2.3"].operations == before
    assert told(made["1.3"]) == ["move .env.example to envs/.env.dev.example"]


def test_no_step_holds_what_an_env_file_does(shop: Path) -> None:
    made = [one for step in steps(shop).values() for one in step.operations]
    assert not any(SECRET.encode() in one.data for one in made if isinstance(one, Write))
    moves = [one for one in made if isinstance(one, Move) and one.source == ".env"]
    assert [one.mode for one in moves] == [0o600]
