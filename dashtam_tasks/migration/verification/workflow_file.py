"""What the plan asks of the workflow: that it runs the tests when it should, and keeps what they measure."""

import re
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from dashtam_tasks.migration.verification.evidence import looked
from dashtam_tasks.migration.verification.subject import CI, Subject
from dashtam_tasks.migration.verification.ticking import (
    Line,
    Verdict,
    failed,
    holds,
    not_applicable,
    passed,
)

UPLOADS = re.compile(r"(?:actions/upload-artifact|codecov/codecov-action|coverallsapp/github-action)@.+")
EVENTS = ("push", "pull_request")


def lines(subject: Subject) -> tuple[Line, ...]:
    """Return the list of step 2.5."""
    return (
        ("Workflow file is valid YAML", partial(is_yaml, subject)),
        ("Tests run on push/PR", partial(runs_on_events, subject)),
        ("Coverage uploaded if configured", partial(uploads_coverage, subject)),
    )


def is_yaml(subject: Subject) -> Verdict:
    """Decide whether the workflow is YAML with jobs in it."""
    path = subject.settings.path(subject.settings.workflow.path)
    if not subject.has(CI):
        return not_applicable("The project has no environment for CI.")
    data = loaded(path)
    jobs = data.get("jobs") if isinstance(data, dict) else None
    seen = looked(subject, f"cat {path}", f"jobs: {', '.join(jobs) if isinstance(jobs, dict) else 'none'}")
    return passed(seen) if isinstance(jobs, dict) and jobs else failed(f"{path.name} has no jobs.", seen)


def loaded(path: Path) -> Any:  # noqa: ANN401 - whatever YAML holds
    """Return the data of a YAML file, None for one that is no YAML."""
    try:
        return yaml.safe_load(path.read_bytes())
    except yaml.YAMLError:
        return None


def jobs_of(subject: Subject) -> tuple[frozenset[str], tuple[dict[str, Any], ...]]:
    """Return the events that start the workflow, and the steps of all its jobs."""
    data = loaded(subject.settings.path(subject.settings.workflow.path))
    mapping = data if isinstance(data, dict) else {}
    # YAML 1.1 takes an `on` without quotes for a boolean.
    events = mapping.get("on", mapping.get(True)) or ()
    jobs = mapping.get("jobs")
    steps = [
        step for job in (jobs.values() if isinstance(jobs, dict) else ()) for step in job.get("steps") or ()
    ]
    return frozenset([events] if isinstance(events, str) else events), tuple(steps)


def runs_on_events(subject: Subject) -> Verdict:
    """Decide whether a push and a pull request start the workflow, and whether it runs the tests."""
    if not subject.has(CI):
        return not_applicable("The project has no environment for CI.")
    events, steps = jobs_of(subject)
    command = subject.settings.workflow.run
    ran = [line for step in steps for line in str(step.get("run", "")).splitlines()]
    seen = looked(subject, f"cat {subject.settings.workflow.path}", "\n".join((*sorted(events), *ran)))
    missing = [f"Nothing runs on {event}." for event in EVENTS if event not in events]
    if not any(words(line)[: len(command)] == command for line in ran):
        missing.append(f"No step runs `{shlex.join(command)}`.")
    return holds(missing, seen)


def words(line: str) -> tuple[str, ...]:
    """Return the words of a line of shell; one with an open quote has none."""
    try:
        return tuple(shlex.split(line))
    except ValueError:
        return ()


def uploads_coverage(subject: Subject) -> Verdict:
    """Decide whether the workflow keeps the reports; one that does not is not configured to."""
    if not subject.has(CI):
        return not_applicable("The project has no environment for CI.")
    uses = [str(step.get("uses", "")) for step in jobs_of(subject)[1]]
    uploads = [one for one in uses if UPLOADS.fullmatch(one)]
    seen = looked(subject, f"cat {subject.settings.workflow.path}", "\n".join(uploads))
    return (
        passed(seen) if uploads else not_applicable("The workflow has no step that uploads anything.", seen)
    )
