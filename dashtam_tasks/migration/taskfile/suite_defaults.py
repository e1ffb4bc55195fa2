"""Suite defaults: what becomes of our own suites in a project that has not named them.

Settings are merged over the defaults, so that a suite can be replaced there, and not removed.
"""

from collections.abc import Iterator, Mapping

from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile.suite_settings import TESTS, replace_in
from dashtam_tasks.settings import Suite, default_suites

# sysexits' EX_USAGE, as for every suite that there is not.
NO_SUCH_TESTS = 64


def defaults(blueprint: Blueprint, named: Mapping[str, Suite]) -> Iterator[tuple[str, Suite]]:
    """Yield the suites of our defaults that the project has not named."""
    model = blueprint.models.get(TESTS)
    all_tests = named.get("all") or union(tuple(named.values()))
    for name, suite in default_suites().items():
        if name in named:
            continue
        secure = tuple(one for one in (model.services if model else ()) if one.endswith("-ssl"))
        folder = next((path for path in suite.paths if (blueprint.found.folder / path).is_dir()), "")
        if name == "all" and all_tests:
            yield name, all_tests
        elif name == "ssl" and secure and all_tests and all_tests.pytest:
            stores = tuple(one for one in (*blueprint.facts.databases, *blueprint.facts.caches))
            needs = tuple(one for one in (*stores, *secure) if model and one in model.services)
            yield name, replace_in(all_tests, options=suite.options, needs=needs, variables=suite.variables)
        elif name != "ssl" and folder and all_tests and all_tests.pytest:
            yield name, replace_in(all_tests, paths=(folder,))
        else:
            yield name, absent(name)


def union(suites: tuple[Suite, ...]) -> Suite | None:
    """Return the suite that runs the tests of all, None where they differ in more than their paths."""
    first = next(iter(suites), None)
    if first is None or any(replace_in(one, paths=first.paths) != first for one in suites):
        return None
    return replace_in(first, paths=tuple(dict.fromkeys(path for one in suites for path in one.paths)))


def absent(name: str) -> Suite:
    """Return the suite that says that there is none, on the host and without a service."""
    said = f"No suite {name} here: see dashtam.suites in invoke.yaml."
    command = ("sh", "-c", f"echo '{said}' >&2; exit {NO_SUCH_TESTS}")
    return Suite(command=command, where="host", needs=(), pytest=False, coverage="")


def is_absent(suite: Suite) -> bool:
    """Return whether a suite only says that there is none."""
    return suite.command[-1].endswith(f">&2; exit {NO_SUCH_TESTS}")
