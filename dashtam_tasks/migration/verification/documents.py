"""What the plan asks of documents: that they are there, and that what they say is so."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from dashtam_tasks import env_files
from dashtam_tasks.migration.legacy import make_reader
from dashtam_tasks.migration.verification import former
from dashtam_tasks.migration.verification.evidence import looked
from dashtam_tasks.migration.verification.kept_files import reversible
from dashtam_tasks.migration.verification.subject import Subject
from dashtam_tasks.migration.verification.tasks import require_listed
from dashtam_tasks.migration.verification.ticking import (
    Line,
    Verdict,
    holds,
    not_applicable,
    passed,
)

GUIDE, PROCEDURE = "MIGRATION_GUIDE.md", "ROLLBACK_PROCEDURE.md"
# Those that the plan names, if the project has them.
KNOWN = ("README.md", "WARP.md", "ARCHITECTURE_GUIDE.md", "ARCHITECTURE.md", "docs/architecture.md")

CODE = re.compile(
    r"^(?P<fence>```+|~~~+)[^\n]*\n(?P<block>.*?)^(?P=fence)|(?P<ticks>`+)(?P<span>.+?)(?P=ticks)",
    re.MULTILINE | re.DOTALL,
)
COMMAND = re.compile(
    r"(?:^|[\s;&|$])(?:inv|invoke|dashtam-tasks)[ \t]+(?P<task>[a-z][\w-]*(?:\.[\w-]+)*)(?![\w.<*=/])"
)
FILE = re.compile(r"(?<![\w./-])(?:compose|envs)/[\w.-]+\.[\w.-]*\w(?![\w*<])")
# Step 3.3's own list of what the page has to have.
ROLLBACK_TASK, BACKUPS_TASK = "migrate.rollback", "migrate.backups"


def pages(subject: Subject) -> tuple[Line, ...]:
    """Return the list of step 2.6."""
    return (
        ("All documentation updated", partial(is_updated, subject)),
        ("Commands are accurate", partial(names_real_tasks, subject)),
        ("Examples work", partial(names_real_files, subject)),
        ("Migration guide complete", partial(is_complete, subject)),
    )


def way_back(subject: Subject, *, signed_off_by: str = "") -> tuple[Line, ...]:
    """Return the list of step 3.3; whether a team knows the procedure only a person can tell."""
    return (
        ("Rollback procedure documented", partial(is_documented, subject)),
        reversible(subject),
        ("Team aware of procedure", partial(confirmed, signed_off_by)),
    )


def confirmed(signed_off_by: str) -> Verdict:
    """Decide what only a person can: it holds if one has put a name to it."""
    if not signed_off_by:
        return not_applicable("Only a person can tell: say so with --signed-off-by NAME.")
    return passed(reason=f"Confirmed by {signed_off_by}.")


def present(subject: Subject) -> tuple[Path, ...]:
    """Return the documents that are about the project's environments."""
    return tuple(path for name in (*KNOWN, GUIDE, PROCEDURE) if (path := subject.path(name)).is_file())


def code(path: Path) -> Iterator[str]:
    """Yield the code of a page: blocks and spans, which a reader takes at their word."""
    for found in CODE.finditer(path.read_text(encoding="utf-8", errors="replace")):
        yield found["block"] or found["span"] or ""


def tasks_in(path: Path) -> tuple[str, ...]:
    """Return the tasks that the code of a page names, each once."""
    found = (one["task"] for text in code(path) for one in COMMAND.finditer(text))
    return tuple(dict.fromkeys(found))


def is_updated(subject: Subject) -> Verdict:
    """Decide whether the pages are there, and those that were there before name the new commands."""
    found = present(subject)
    seen = looked(subject, "ls", "\n".join(path.name for path in found))
    missing = (f"There is no {name}." for name in (GUIDE,) if not subject.path(name).is_file())
    silent = (f"{path.name} names no task." for path in found if not tasks_in(path))
    return holds(chain(missing, silent), seen)


def names_real_tasks(subject: Subject) -> Verdict:
    """Decide whether each task that the pages name is one that the project's own task list has."""
    known = require_listed(subject)
    spaces = {name.rpartition(".")[0] for name in known}
    named = {path.name: tasks_in(path) for path in present(subject)}
    count = len({task for tasks in named.values() for task in tasks})
    seen = looked(subject, "inv --list", f"{count} tasks named in {', '.join(named)}")
    wrong = (
        f"{page} names {task}, and there is no such task."
        for page, tasks in named.items()
        for task in tasks
        if task.replace("_", "-") not in known | spaces
    )
    return holds(wrong, seen)


def names_real_files(subject: Subject) -> Verdict:
    """Decide whether each Compose and env file in the pages' code is there, or is made from its example."""
    named = {path.name: sorted(set(files_in(path))) for path in present(subject)}
    seen = looked(
        subject, "ls compose envs", "\n".join(sorted({one for each in named.values() for one in each}))
    )
    wrong = (
        f"{page} names {file}, and there is no such file."
        for page, each in named.items()
        for file in each
        if file != subject.settings.images.env_file and not is_or_will_be(subject.path(file))
    )
    return holds(wrong, seen)


def files_in(path: Path) -> Iterator[str]:
    """Yield the Compose and env files that the code of a page names; capitals stand for any name."""
    names = (found[0] for text in code(path) for found in FILE.finditer(text))
    yield from (name for name in names if name == name.lower())


def is_or_will_be(path: Path) -> bool:
    """Return whether a file is there, or its example is."""
    return path.exists() or env_files.example_of(path).is_file()


def is_complete(subject: Subject) -> Verdict:
    """Decide whether the guide names every new file, where every old one went, and every target of the Makefile."""
    path = subject.path(GUIDE)
    text = path.read_text(encoding="utf-8")
    wanted = tuple(dict.fromkeys(subjects_of_guide(subject)))
    seen = looked(subject, f"cat {GUIDE}", f"looked for {', '.join(wanted)}")
    return holds((f"{GUIDE} does not mention {one}." for one in wanted if not mentions(text, one)), seen)


def subjects_of_guide(subject: Subject) -> Iterator[str]:
    """Yield what a guide to this project's migration has to mention."""
    for one in subject.facts.environments:
        yield from (one.compose_file, one.env_file)
    for old, new in subject.facts.moved.items():
        yield from (old, new)
    makefile = former.whereabouts(subject, former.MAKEFILE)
    if makefile:
        found = make_reader.parse(
            makefile.read_text(encoding="utf-8", errors="replace"), file=former.MAKEFILE
        )
        yield from (target.name for target in found.targets if target.recipe and not target.is_pattern)


def mentions(text: str, name: str) -> bool:
    """Return whether a text has a name as a word of its own."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def is_documented(subject: Subject) -> Verdict:
    """Decide whether the procedure is written down, with its commands and every file that was moved."""
    path = subject.path(PROCEDURE)
    text = path.read_text(encoding="utf-8")
    wanted = (ROLLBACK_TASK, BACKUPS_TASK, *subject.facts.moved)
    seen = looked(subject, f"cat {PROCEDURE}", f"looked for {', '.join(wanted)}")
    return holds((f"{PROCEDURE} does not mention {one}." for one in wanted if not mentions(text, one)), seen)
