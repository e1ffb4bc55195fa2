from dashtam_tasks.migration.legacy import make_reader
from dashtam_tasks.migration.legacy.makefile import Makefile
from tests.unit.migration.legacy.conftest import EXAMPLE


def parse(text: str) -> Makefile:
    return make_reader.parse(text, file="Makefile")


def commands(makefile: Makefile, name: str) -> list[str]:
    target = makefile.target(name)
    assert target is not None
    return [line.command for line in target.recipe]


def test_a_target_has_its_line_what_it_needs_its_recipe_and_its_help() -> None:
    makefile = parse(
        "# Shop\n.PHONY: test\n\ntest: build | net ## All tests\n\t@pytest tests\n\n# why\n\techo done\n"
    )
    (target,) = makefile.targets
    assert (target.name, target.line, target.prerequisites) == ("test", 4, ("build", "net"))
    assert (target.help, target.is_phony, target.is_pattern) == ("All tests", True, False)
    assert [(one.line, one.raw, one.command) for one in target.recipe] == [
        (5, "@pytest tests", "pytest tests"),
        (8, "echo done", "echo done"),
    ]


def test_help_may_stand_above_its_target() -> None:
    makefile = parse("## Start it\nup:\n\tdocker compose up\n\ndown:\n\tdocker compose down\n")
    assert [one.help for one in makefile.targets] == ["Start it", ""]


def test_variables_are_expanded_through_each_other_as_make_does() -> None:
    makefile = parse(
        "COMPOSE = $(DOCKER) compose\n"
        "NOW := $(DOCKER)\n"
        "DOCKER = docker\n"
        "FILES ?= -f a.yml\n"
        "FILES ?= -f never.yml\n"
        "FILES += -f $${DIR}/b.yml\n"
        "up:\n\t$(COMPOSE) ${FILES} up $@ '$(NOW)'\n"
    )
    assert commands(makefile, "up") == ["docker compose -f a.yml -f ${DIR}/b.yml up up 'docker'"]


def test_what_nobody_sets_stays_to_be_seen() -> None:
    makefile = parse("test-%:\n\tpytest $(FILE) -k $* $(shell git rev-parse HEAD) $$HOME\n")
    assert commands(makefile, "test-%") == ["pytest ${FILE} -k $* $(shell git rev-parse HEAD) $HOME"]
    assert [(one.line, one.reason) for one in makefile.unread] == [(2, "the function shell")]


def test_a_variable_that_holds_itself_does_not_go_on_for_ever() -> None:
    assert commands(parse("A = $(B)\nB = $(A) b\nx:\n\techo $(A)\n"), "x") == ["echo ${A} b"]


def test_a_variable_of_one_target_counts_there_alone() -> None:
    makefile = parse("FILE = a\ntest: FILE := b\ntest:\n\techo $(FILE)\nup:\n\techo $(FILE)\n")
    assert (commands(makefile, "test"), commands(makefile, "up")) == (["echo b"], ["echo a"])


def test_lines_that_a_backslash_continues_are_one() -> None:
    makefile = parse(
        "FILES := -f a.yml \\\n\t-f b.yml\nall: one \\\n  two\n\tcd x && \\\n\t  ls $(FILES)\n\techo\n"
    )
    target = makefile.target("all")
    assert target is not None
    assert target.prerequisites == ("one", "two")
    assert [(one.line, one.command.split()) for one in target.recipe] == [
        (5, ["cd", "x", "&&", "ls", "-f", "a.yml", "-f", "b.yml"]),
        (7, ["echo"]),
    ]


def test_windows_line_ends_and_a_missing_one_are_fine() -> None:
    makefile = parse("A := 1\r\nup: down\r\n\techo $(A)")
    assert commands(makefile, "up") == ["echo 1"]


def test_several_targets_of_one_rule_and_several_rules_of_one_target() -> None:
    makefile = parse("a b: c\n\techo $@\na: d\nb ::= e\nlib: %.o: %.c ; cc $<\n")
    assert [(one.name, one.prerequisites) for one in makefile.targets] == [
        ("a", ("c", "d")),
        ("b", ("c",)),
        ("lib", ("%.c",)),
    ]
    assert (commands(makefile, "b"), commands(makefile, "lib")) == (["echo b"], ["cc $<"])


def test_what_only_make_can_know_is_said_and_left() -> None:
    makefile = parse(
        "include common.mk\n-include .env\n"
        "define banner\nup:\n\techo no target\nendef\n"
        "ifeq ($(CI),true)\nA := 1\nelse\nA := 2\nendif\n"
        "$(eval $(call banner))\nNOW != date\n"
        "up:\n\techo\n"
    )
    assert [one.name for one in makefile.targets] == ["up"]
    assert [one.line for one in makefile.unread] == [1, 2, 3, 7, 12, 13]
    assert all(one.reason and one.text for one in makefile.unread)


def test_what_a_target_needs_comes_in_the_order_that_make_makes_it() -> None:
    makefile = parse(
        "test: setup lint\nsetup: build\nbuild:\n\techo\nlint:\n\techo\nround: round2\nround2: round\n"
    )
    assert [one.name for one in makefile.needed("test")] == ["build", "setup", "lint"]
    assert [one.name for one in makefile.needed("round")] == ["round2"]


def test_a_pattern_makes_what_no_rule_names() -> None:
    makefile = parse("test-%:\n\tpytest -k $*\ntest-unit:\n\tpytest unit\n")
    assert commands(makefile, "test-unit") == ["pytest unit"]
    assert commands(makefile, "test-oauth") == ["pytest -k $*"]
    assert makefile.target("lint") is None


def test_the_example_is_read_whole() -> None:
    makefile = parse((EXAMPLE / "Makefile").read_text(encoding="utf-8"))
    named = (
        "help build up down logs logs-% status restart clean dev prod shell db-shell redis-cli certs keys setup"
        " test-setup test test-unit test-integration test-verify test-coverage test-file test-clean test-% lint"
        " format migrate migration auth-schwab check"
    )
    assert [one.name for one in makefile.targets] == named.split()
    assert makefile.unread == ()
    assert all(one.help for one in makefile.targets)
    assert commands(makefile, "test-clean") == [
        "docker-compose -f docker-compose.yml -f docker-compose.test.yml --env-file .env.test down -v || true"
    ]
