"""Doctor: what of a machine and a project needs a hand, found without starting or changing anything.

Each check sees what it can: an error that ends one becomes a finding, and the others go on.
"""

import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dashtam_tasks import __version__, certificates, engine
from dashtam_tasks.doctor import environments, machine, neighbours, project
from dashtam_tasks.doctor.base_images import images_seen
from dashtam_tasks.doctor.environments import Resolved
from dashtam_tasks.doctor.machine import Fact, Seen, attempt, guarded
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What is there, as pairs of a name and a phrase, and what is wrong with it, errors first."""

    facts: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...]


def examine(settings: Settings) -> Diagnosis:
    """Return what a machine and a project have, and what is wrong with them. No secret appears in it."""
    seen = tuple(look(settings))
    return Diagnosis(
        facts=tuple(one for one in seen if isinstance(one, Fact)),
        findings=tuple(sifted(one for one in seen if isinstance(one, Finding))),
    )


def look(settings: Settings) -> Iterator[Seen]:
    """Yield what every check sees; what needs an engine or Compose is left out where that is missing."""
    server = attempt(machine.find_server, kind="engine", where="Docker")
    plugin = attempt(engine.compose_version, kind="compose", where="Docker")
    yield Fact("dashtam-tasks", __version__)
    yield Fact("Python", platform.python_version())
    yield from machine.server_seen(server)
    yield from machine.plugin_seen(plugin)
    yield from machine.disk_seen(server, Path(settings.project_dir))
    yield from project.files_seen(settings)
    folder = str(settings.path(settings.certificates.directory))
    yield from guarded(partial(certificates.check, settings), kind="certificates", where=folder)
    answers = not isinstance(server, Finding)
    if not isinstance(plugin, Finding):
        yield from resolved_seen(settings, engine_answers=answers)


def resolved_seen(settings: Settings, *, engine_answers: bool) -> Iterator[Seen]:
    """Yield what is seen of the environments as Compose resolves them, alone and beside each other."""
    careful = partial(guarded, kind="environments", where=settings.project_dir)
    found = tuple(careful(partial(environments.resolved, settings)))
    yield from careful(partial(environments.environments_seen, found, engine_answers=engine_answers))
    if not engine_answers:
        return
    models = [one.model for one in found if isinstance(one, Resolved)]
    yield from guarded(partial(images_seen, settings, models), kind="images", where="images")
    if len(models) == len(found) and environments.is_set_up(settings):
        yield from neighbours.isolation_seen(settings)


def sifted(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield each fact once, errors first; two checks may word the hint for one fact differently."""
    first: dict[tuple[str, str], Finding] = {}
    for one in map(brief, findings):
        first.setdefault((one.where, one.message), one)
    absent = [Path(one.where) for one in first.values() if one.kind == "missing"]
    for one in sorted(first.values(), key=lambda found: found.severity is Severity.WARNING):
        if one.kind != "bind-source" or not any(path.is_relative_to(one.where) for path in absent):
            yield one


def brief(finding: Finding) -> Finding:
    """Return a finding whose message does not begin with where it is."""
    rest = finding.message.removeprefix(f"{finding.where} ")
    return finding if rest == finding.message else replace(finding, message=f"It {rest}")
