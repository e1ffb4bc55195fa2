"""Recipes that were carried over, run: what the shell gets, exit codes, parameters, order."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dashtam_tasks.migration import taskfile
from tests.unit.migration.taskfile import blueprints, running

MAKEFILE = r'''
PORT ?= 9000
GREETING := it's 5$$ # not this
export MODE := quick
.PHONY: lambda import dev test

quotes: ## Say "it's" \ all """
	@echo "it's" 'a "b"' `echo c` é "$(GREETING)"
dollar:
	for i in 1 2; do echo $$i-$(PORT); done
multi:
	if true; then \
	echo "yes \
	no"; \
	fi
may-fail:
	-@echo first; exit 3
	@-rm nothing-like-this
	@echo last
fails:
	echo before
	sh -c 'exit 9'
	echo after
import:
	@echo import
lambda: import second
	@echo lambda
second: import
	@echo second
dev:
	@echo $$MODE
words:
	@echo "$(TEXT)" $(TEXT) | cat
again:
	@$(MAKE) --no-print-directory import second
pick-%:
	@echo $* of $@
test:
	echo from > made; cat made
grüße:
	@echo grüße
'''


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose recipes are tasks now."""
    folder = tmp_path_factory.mktemp("legacy") / "shop"
    folder.mkdir()
    (folder / "docker-compose.yml").write_text("services:\n  web:\n    image: busybox\n")
    (folder / "Makefile").write_text(MAKEFILE)
    running.write(taskfile.step(blueprints.blueprint(folder))[0], folder)
    return folder


CALLS = {
    ("quotes",): "it's a \"b\" c é it's 5$\n",
    ("dollar",): "1-9000\n2-9000\n",
    ("dollar", "--port", "1"): "1-1\n2-1\n",
    ("multi",): "yes no\n",
    ("may-fail",): "first\nlast\n",
    ("import",): "import\n",
    ("lambda",): "import\nsecond\nlambda\n",
    ("make-dev",): "quick\n",
    ("words", "--text", "a  $HOME 'b'"): "a  $HOME 'b' a $HOME 'b'\n",
    ("again",): "import\nimport\nsecond\n",
    ("pick", "--name", "one"): "one of pick-one\n",
    ("make-test",): "from\n",
    ("grüße",): "grüße\n",
}


@pytest.mark.parametrize("call", CALLS)
def test_a_task_does_what_its_recipe_did(call: tuple[str, ...], migrated: Path) -> None:
    done = running.inv(migrated, *call)
    assert done.stdout == CALLS[call], done.stderr
    assert done.returncode == 0


def test_the_first_failure_ends_a_task_with_its_exit_code(migrated: Path) -> None:
    done = running.inv(migrated, "fails")
    assert (done.returncode, done.stdout) == (9, "before\n")


def test_a_program_that_is_missing_is_named_without_a_traceback(project: Callable[[str], Path]) -> None:
    folder = project("one:\n\tno-such-program --now\n")
    running.write(taskfile.step(blueprints.blueprint(folder))[0], folder)
    done = running.inv(folder, "one")
    assert done.returncode == 69
    assert "no-such-program" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_recipe_runs_in_the_projects_folder(project: Callable[[str], Path]) -> None:
    folder = project("where:\n\t@pwd\n")
    running.write(taskfile.step(blueprints.blueprint(folder))[0], folder)
    assert running.inv(folder / "src", "where").stdout == f"{folder.resolve()}\n"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("SHELL = bash\n.SHELLFLAGS = -eu -o pipefail -c\n.ONESHELL:\n", (1, "one\n")),
        (".ONESHELL:\n", (0, "one\nlast\n")),
    ],
)
def test_one_shell_for_a_whole_recipe(
    head: str, expected: tuple[int, str], project: Callable[[str], Path]
) -> None:
    folder = project(
        f'{head}one:\n\t@X=one\n\techo $$X\n\tfalse | true; test -z "$$BASH_VERSION"\n\techo last\n'
    )
    running.write(taskfile.step(blueprints.blueprint(folder))[0], folder)
    done = running.inv(folder, "one")
    assert (done.returncode, done.stdout) == expected


def test_the_generated_file_is_clean(migrated: Path) -> None:
    assert not running.complaints(migrated)


def test_the_files_are_the_same_each_time(migrated: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    for name in ("docker-compose.yml", "Makefile"):
        (folder / name).write_bytes((migrated / name).read_bytes())
    running.write(taskfile.step(blueprints.blueprint(folder))[0], folder)
    for name in ("tasks.py", "noxfile.py", "invoke.yaml"):
        assert (folder / name).read_bytes() == (migrated / name).read_bytes()
