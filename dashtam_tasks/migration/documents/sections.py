"""The section that README, WARP.md and an architecture page get, between markers so that it can be found again."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from dashtam_tasks import files
from dashtam_tasks.migration.documents import environments, guide, rollback
from dashtam_tasks.migration.documents.markdown import commands, document
from dashtam_tasks.migration.ignored.lines import line_end
from dashtam_tasks.migration.operations import Write
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.references import Account

BEGIN, END = "<!-- dashtam-tasks:begin -->", "<!-- dashtam-tasks:end -->"
MARKED = re.compile(rf"{BEGIN}.*?{END}".encode(), re.DOTALL)
PAGE = re.compile(
    r"(?P<front>readme|warp)(?:\.\w+)?|(?:docs?/)?(?P<deep>architecture[\w-]*)\.\w+", re.IGNORECASE
)
MARKDOWN = frozenset({".md", ".markdown"})
SUITE = re.compile(r"inv test\.(?P<name>[\w-]+)")
# Tasks of the environment, which are no suites.
LIFECYCLE = frozenset("build db-shell down exec logs rebuild redis-cli restart run shell status up".split())


def writes(blueprint: Blueprint, accounts: Sequence[Account]) -> Iterator[Write]:
    """Yield each page with its section; nothing for one that has it."""
    for name in pages(blueprint):
        path = blueprint.found.folder / name
        before = path.read_bytes()
        after = with_section(before, text(blueprint, accounts, name))
        if PurePosixPath(name).suffix.lower() in MARKDOWN and after != before:
            yield Write(path=name, data=after, mode=files.mode_of(path), rewrites=True)


def remarks(blueprint: Blueprint) -> Iterator[str]:
    """Yield what a person has to write: into a page that is no Markdown, or whose markers are torn."""
    for name in pages(blueprint):
        data = (blueprint.found.folder / name).read_bytes()
        if PurePosixPath(name).suffix.lower() not in MARKDOWN:
            yield f"{name}: it is no Markdown; let it name {guide.NAME}"
        elif is_torn(data):
            yield f"{name}: one of `{BEGIN}` and `{END}` is missing; put it back, or remove the other"


def pages(blueprint: Blueprint) -> tuple[str, ...]:
    """Return the pages that people read first: README, WARP.md and a page on the architecture."""
    return tuple(name for name in blueprint.found.files.documents if PAGE.fullmatch(name))


def with_section(data: bytes, section: str) -> bytes:
    """Return a page with a section in the place of the one that it has, else at its end, in its own line ends."""
    if is_torn(data):
        return data
    end = line_end(data)
    written = f"{BEGIN}\n{section}{END}".encode().replace(b"\n", end)
    if MARKED.search(data):
        return MARKED.sub(lambda _: written, data, count=1)
    gap = b"" if not data else end if data.endswith(b"\n") else end * 2
    return data + gap + written + end


def is_torn(data: bytes) -> bool:
    """Return whether a page has one marker without the other."""
    return (BEGIN.encode() in data or END.encode() in data) and not MARKED.search(data)


def text(blueprint: Blueprint, accounts: Sequence[Account], name: str) -> str:
    """Return the section for a page; one on the architecture tells of networks and volumes as well."""
    up = posixpath.relpath(".", posixpath.dirname(name) or ".")
    links = [f"[{one}]({posixpath.normpath(posixpath.join(up, one))})" for one in (guide.NAME, rollback.NAME)]
    found = PAGE.fullmatch(name)
    is_deep = found is not None and found["deep"]
    return document(
        "## Environments",
        introduction(blueprint),
        environments.files(blueprint),
        environments.services(blueprint),
        environments.networks(blueprint) if is_deep else "",
        commands(daily(blueprint, accounts)),
        f"{links[0]} says what the old commands are called now, {links[1]} how to go back.",
    )


def introduction(blueprint: Blueprint) -> str:
    """Return what the environments are to each other."""
    titles = environments.titles(blueprint)
    if len(environments.present(blueprint)) == 1:
        return "Development has a Compose file and an env file of its own."
    return f"{titles[0].upper()}{titles[1:]} run side by side: each has a Compose file and an env file of its own."


def daily(blueprint: Blueprint, accounts: Sequence[Account]) -> Iterator[str]:
    """Yield the commands of every day."""
    yield "inv dev.up        # start development, and wait until it is healthy"
    yield "inv dev.logs"
    yield from suites(accounts) if "test" in blueprint.models else ()
    yield from ("inv ci.run        # all tests, as CI runs them",) if "ci" in blueprint.models else ()
    yield "inv dev.down      # the data stay"
    yield "inv --list        # every task"


def suites(accounts: Sequence[Account]) -> Iterator[str]:
    """Yield the commands that run tests, each once; without any, the one that starts what tests need."""
    called = (SUITE.fullmatch(one.command) for one in accounts)
    names = dict.fromkeys(one["name"] for one in called if one and one["name"] not in LIFECYCLE)
    yield from (f"inv test.{name}" for name in names) if names else ("inv test.up",)
