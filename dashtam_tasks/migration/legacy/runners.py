"""Which commands run tests, and which only look or wait."""

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import PurePosixPath

# These run the command behind them.
LAUNCHERS = frozenset(
    tuple(words.split())
    for words in (
        "uv run",
        "poetry run",
        "pipenv run",
        "pdm run",
        "hatch run",
        "rye run",
        "bundle exec",
        "npx",
        "pnpm exec",
        "yarn exec",
        "bunx",
        "python -m",
        "coverage run -m",
        "coverage run",
        "xvfb-run",
        "exec",
        "spring",
    )
)
PROGRAMS = frozenset(
    "pytest py.test nose2 nosetests behave unittest tox nox jest vitest mocha ava tap karma phpunit pest paratest"
    " codecept behat rspec cucumber minitest ctest bats gotestsum ginkgo nextest".split()
)
SCRIPT_RUNNERS = frozenset("npm yarn pnpm bun".split())
TEST_VERBS = {
    "go": {"test"},
    "cargo": {"test", "nextest"},
    "mvn": {"test", "verify"},
    "mvnw": {"test", "verify"},
    "gradle": {"test", "check"},
    "gradlew": {"test", "check"},
    "dotnet": {"test"},
    "mix": {"test"},
    "sbt": {"test"},
    "deno": {"test"},
    "swift": {"test"},
    "composer": {"test"},
    "cypress": {"run"},
    "playwright": {"test"},
    "rails": {"test", "spec"},
    "rake": {"test", "spec"},
    "artisan": {"test"},
    "manage.py": {"test"},
    "make": {"test"},
}
# Options of pytest and of most others that take the next word as their value.
VALUED = frozenset(
    "-k -m -p -n -o -c -t -run -count -timeout --cov --cov-report --cov-config --junitxml --junit-xml --maxfail"
    " --tb --rootdir --config --settings --ignore --durations --seed".split()
)
# These look, wait or are for a person; they prepare nothing.
ONLY_LOOK = frozenset(
    "bash sh ash zsh psql mysql mongo mongosh redis-cli pg_isready mysqladmin cat ls echo env printenv ps curl wget"
    " true sleep wait-for-it.sh wait-for dockerize ruff flake8 mypy black isort eslint".split()
)


def runner_at(words: tuple[str, ...]) -> int | None:
    """Return where the test runner stands in a command, None for a command that runs none."""
    position = behind_launchers(words)
    rest = words[position:]
    if rest and re.fullmatch(r"(python|php|ruby|node)[\d.]*", name_of(rest[0])):
        position, rest = position + 1, rest[1:]
    if not rest:
        return None
    program = name_of(rest[0])
    if program in PROGRAMS or (program in SCRIPT_RUNNERS and runs_test_script(rest[1:])):
        return position
    verbs = TEST_VERBS.get(program, set())
    plain = [word.split(":")[0] for word in rest[1:] if not word.startswith("-")]
    return position if verbs & set(plain[:2]) else None


def runs_test_script(words: tuple[str, ...]) -> bool:
    """Return whether npm, or what is like it, is told to run a test script."""
    plain = [word for word in words if not word.startswith("-")]
    script = plain[1:2] if plain[:1] in (["run"], ["run-script"]) else plain[:1]
    return any(re.match(r"t(ests?)?\b|test", word) for word in script)


def behind_launchers(words: tuple[str, ...]) -> int:
    """Return where the command starts that launchers such as `uv run` run."""
    position = 0
    while length := launcher_length(words[position:]):
        position += length
    return position


def launcher_length(words: tuple[str, ...]) -> int:
    """Return how many words a launcher and its options take, 0 where none stands first."""
    named = tuple(re.sub(r"^python[\d.]*$", "python", name_of(word)) for word in words[:3])
    length = next((size for size in (3, 2, 1) if named[:size] in LAUNCHERS and len(named) >= size), 0)
    if not length or named[0] == "python":
        return length
    while length < len(words) and words[length].startswith("-"):
        length += 1
    return length


def name_of(word: str) -> str:
    """Return the name of a program without its folder."""
    return PurePosixPath(word).name


def paths_of(words: tuple[str, ...], exists: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the tests that a command names: what is there, or is written like a path."""
    start = runner_at(words) or 0
    found = []
    for before, word in pairwise(words[start:]):
        is_option = word.startswith("-") or before in VALUED or "=" in word
        path = word.partition("::")[0]
        if not is_option and "$" not in word and ("/" in word or exists(path)):
            found.append(word)
    return tuple(found)


def prepares(words: tuple[str, ...]) -> bool:
    """Return whether a command may prepare something: it runs no tests, and does more than look."""
    rest = words[behind_launchers(words) :]
    return bool(rest) and name_of(rest[0]) not in ONLY_LOOK and runner_at(words) is None
