"""The report of a verification: for programs as JSON, for people as Markdown, in reports/migration/."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import msgspec

from dashtam_tasks import files, reports
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.boxes import Box, Evidence, Outcome
from dashtam_tasks.migration.steps import OUTLINES
from dashtam_tasks.migration.verification.subject import read_settings

FOLDER, JSON, MARKDOWN = "reports/migration", "verification.json", "verification.md"
MARKS = {
    Outcome.PASSED: "- [x]",
    Outcome.FAILED: "- [ ] **failed:**",
    Outcome.NOT_APPLICABLE: "-",
    Outcome.NOT_RUN: "- [ ]",
}


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A verification's boxes, when it was made (UTC, ISO 8601), and the hash of the files that it is about."""

    made: str
    about: str
    boxes: tuple[Box, ...]


def write(project: Path, boxes: Iterable[Box]) -> tuple[Path, Path]:
    """Write boxes to the report, in place of the last one, and return its two files.

    Of boxes for the same line the last counts. Raises DashtamError: CANNOT_CREATE, CONFIGURATION for settings that
    are wrong.
    """
    made = Report(
        made=datetime.now(UTC).isoformat(timespec="seconds"), about=about(project), boxes=merged(boxes)
    )
    folder = reports.made(project / FOLDER)
    written = {
        folder / JSON: msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n",
        folder / MARKDOWN: "\n".join(markdown(made)).encode(),
    }
    for path, data in written.items():
        files.write_atomically(path, data, mode=files.PRIVATE)
    return folder / JSON, folder / MARKDOWN


def read(project: Path) -> Report | None:
    """Return the last report, None where there is none.

    Raises DashtamError (DATA) for one that cannot be read.
    """
    path = project / FOLDER / JSON
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise DashtamError(
            f"{path} is no report that can be read: {error}",
            code=ExitCode.DATA,
            hint="Remove it, and verify again: dashtam-tasks migrate.verify",
        ) from error


def is_current(project: Path, found: Report) -> bool:
    """Return whether a report is about the files that are there now.

    Raises DashtamError (CONFIGURATION) for settings that are wrong.
    """
    return found.about == about(project)


def about(project: Path) -> str:
    """Return a hash of what a verification is about: Compose files, and the names of the env files that are there.

    What those hold does not count, so that it tells nothing of them.
    """
    digest = hashlib.sha256()
    settings = read_settings(project)
    for name, one in sorted(settings.environments.items()):
        compose_file, env_file = settings.path(one.compose_file), settings.path(one.env_file)
        contents = compose_file.read_bytes() if compose_file.is_file() else b""
        there = "there" if env_file.is_file() else "missing"
        for part in (
            name.encode(),
            one.compose_file.encode(),
            contents,
            one.env_file.encode(),
            there.encode(),
        ):
            digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def merged(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Return boxes in the order of the steps, each line once: what was decided last counts."""
    latest = {(one.step, one.text): one for one in boxes}
    order = {outline.number: place for place, outline in enumerate(OUTLINES)}
    return tuple(sorted(latest.values(), key=lambda one: order.get(one.step, len(order))))


def markdown(made: Report) -> Iterator[str]:
    """Yield the lines of the page for people: a list for each step, evidence folded away."""
    counts = {outcome: sum(one.outcome is outcome for one in made.boxes) for outcome in Outcome}
    summary = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    yield from ("# Verification of the migration", "", f"{made.made}: {summary}.", "")
    titles = {outline.number: outline.title for outline in OUTLINES}
    for step, boxes in groupby(made.boxes, key=lambda one: one.step):
        yield from (f"## {step} {titles.get(step, '')}".rstrip(), "")
        for one in boxes:
            yield from item(one)
        yield ""


def item(one: Box) -> Iterator[str]:
    """Yield the lines of one box."""
    yield f"{MARKS[one.outcome]} {one.text}"
    is_open = one.outcome in {Outcome.NOT_APPLICABLE, Outcome.NOT_RUN}
    note = f"{one.outcome}: {one.reason}" if is_open else one.reason
    yield from (f"  {line}  " for line in note.splitlines())
    for seen in one.evidence:
        yield from folded(seen)


def folded(seen: Evidence) -> Iterator[str]:
    """Yield the lines of a piece of evidence, which a reader opens."""
    longest = max((len(run) for run in re.findall(r"`+", seen.output)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from ("", "  <details>", f"  <summary>{escaped(seen.command)} ({seen.seconds:g} s)</summary>", "")
    yield f"  {seen.started}"
    yield from ("", f"  {fence}text", *(f"  {line}" for line in seen.output.splitlines()), f"  {fence}")
    yield from ("", "  </details>", "")


def escaped(text: str) -> str:
    """Return a text as HTML shows it, on one line."""
    line = " ".join(text.split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
