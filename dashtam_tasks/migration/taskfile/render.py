"""The files of step 1.5: tasks.py, noxfile.py and invoke.yaml of one project."""

from collections.abc import Iterable, Iterator

from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile import tasks_file
from dashtam_tasks.migration.taskfile.account import Decision
from dashtam_tasks.migration.taskfile.layout import identifier, literal
from dashtam_tasks.migration.taskfile.preferences import Preferences
from dashtam_tasks.migration.taskfile.suite_defaults import is_absent

USUAL = ("unit", "integration", "all")
NOX_HEAD = '''\
"""Sessions that run the tests in containers: `nox -s ci` is what a pipeline runs."""

import nox

# Everything is in the images: a session needs no environment of its own.
nox.options.default_venv_backend = "none"
nox.options.sessions = [{default}]
'''
CI_SESSION = '''\
@nox.session
def ci(session: nox.Session) -> None:
    """Build, run all tests as in a pipeline, remove everything."""
    session.run("dashtam-tasks", "ci.run", *session.posargs)
'''
SUITE_SESSION = '''\
@nox.session{options}
def {function}(session: nox.Session) -> None:
    """Run the suite {name} beside its services; arguments go to its command."""
    session.run("dashtam-tasks", "test.{name}", "--", *session.posargs)
'''


def files(blueprint: Blueprint, chosen: Preferences, decided: Iterable[Decision]) -> Iterator[Write]:
    """Yield the files of the step."""
    makefile = blueprint.found.makefile
    carried = [one.carried for one in decided if one.carried]
    tasks = tasks_file.text(carried, makefile=makefile.file if makefile else "")
    yield Write(path="tasks.py", data=tasks.encode())
    yield Write(path="noxfile.py", data=noxfile(blueprint, chosen).encode())
    yield Write(path="invoke.yaml", data=chosen.text.encode())


def noxfile(blueprint: Blueprint, chosen: Preferences) -> str:
    """Return the text of noxfile.py: a session for each suite that runs tests, and for CI where there is such."""
    suites = chosen.suites.named.items() if "test" in blueprint.sources else ()
    names = [name for name, suite in suites if not is_absent(suite)]
    has_ci = "ci" in blueprint.sources
    sessions = [CI_SESSION] if has_ci else []
    taken = {"nox", "ci"}
    for name in sorted(names, key=usual_order):
        function = identifier(name, taken)
        taken.add(function)
        options = f"(name={literal(name)})" if function != name else ""
        sessions.append(SUITE_SESSION.format(options=options, function=function, name=name))
    default = "ci" if has_ci else next(iter(names), "")
    head = NOX_HEAD.format(default=literal(default) if default else "")
    return "\n\n".join([head, *sessions])


def usual_order(name: str) -> tuple[int, str]:
    """Return what suites are sorted by: the quick ones first, all tests last of those that most projects have."""
    return (USUAL.index(name) if name in USUAL else len(USUAL), name)
