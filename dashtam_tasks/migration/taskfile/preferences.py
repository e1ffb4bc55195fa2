"""Preferences: what invoke.yaml of a migrated project says, which is what differs from our defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import yaml

from dashtam_tasks import settings
from dashtam_tasks.migration.planning import standalone
from dashtam_tasks.migration.planning.blueprint import Blueprint
from dashtam_tasks.migration.taskfile import calls, installation, security, suites, surroundings
from dashtam_tasks.migration.taskfile.suite_defaults import NO_SUCH_TESTS
from dashtam_tasks.migration.taskfile.suites import Suites
from dashtam_tasks.settings import Record, Settings, Suite

HEADER = "# Settings of this project, where they differ from those that dashtam-tasks has by default.\n"
WORKFLOW_FOLDER = ".github/workflows"
OTHER_WORKFLOW = f"{WORKFLOW_FOLDER}/dashtam-tests.yml"
LINE_WIDTH = 110
ABSENT = {"compose_file": ""}


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """The settings that a migrated project has, the part of them that is written down, and what to know of them.

    `workflow_remarks` are about what the workflow does by them.
    """

    written: Mapping[str, Any]
    settings: Settings
    suites: Suites
    remarks: tuple[str, ...] = ()
    workflow_remarks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text of invoke.yaml."""
        body = yaml.safe_dump(
            {settings.KEY: dict(self.written)},
            sort_keys=False,
            default_flow_style=None,
            allow_unicode=True,
            width=LINE_WIDTH,
        )
        return HEADER + body


def read(blueprint: Blueprint) -> Preferences:
    """Return the preferences of a project."""
    known = suites.read(blueprint)
    trust = security.read(blueprint)
    installed = installation.read(blueprint.found.folder)
    wanted = {
        "project": blueprint.facts.project,
        "environments": environments(blueprint, known),
        "services": services(blueprint),
        "readiness": {"probes": security.probes(blueprint, trust)},
        "suites": {name: plain(one) for name, one in known.named.items()},
        "lint": linter(blueprint),
        "workflow": {
            "path": workflow_path(blueprint),
            "branches": branches(blueprint),
            "install": [list(installed.command)],
        },
        "isolation": {"shared": list(surroundings.shared(blueprint))},
        "shell": shell(blueprint),
        "alembic": calls.alembic(blueprint),
        "migrations": surroundings.revisions(blueprint),
        "keys": surroundings.passwords(blueprint),
        "certificates": trust.certificates,
        "images": {"base": surroundings.base_images(blueprint)},
    }
    defaults = plain(Settings(project_dir="."))
    written = different(wanted, defaults) | {"project": wanted["project"]}
    written = {name: written[name] for name in wanted if name in written}
    return Preferences(
        written=written,
        settings=settings.of(merged(defaults, written)),
        suites=known,
        remarks=(*known.remarks, *trust.remarks),
        workflow_remarks=installed.remarks,
    )


def plain(record: Record) -> dict[str, Any]:
    """Return a record of settings as the plain data that YAML has."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record))
    return found


def different(wanted: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of `wanted` is not a default, mappings key by key; None is no wish."""
    result: dict[str, Any] = {}
    for name, value in wanted.items():
        default = defaults.get(name)
        if isinstance(value, dict):
            beneath = default if isinstance(default, dict) else plain(Suite()) if is_suite(value) else {}
            rest = different(value, beneath)
            if rest or (default is None and not beneath):
                result[name] = rest
            elif default is None:
                # A suite that is as all are by default is one all the same.
                result[name] = {"command": value["command"]}
        elif value != default and (value is not None or name == "needs"):
            result[name] = value
    return result


def is_suite(value: Mapping[str, Any]) -> bool:
    """Return whether plain data are those of a suite."""
    return value.keys() == plain(Suite()).keys()


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return two mappings as Invoke merges them."""
    both = {
        name: merged(below[name], value)
        if isinstance(value, dict) and isinstance(below.get(name), dict)
        else value
        for name, value in above.items()
    }
    return {**below, **both}


def environments(blueprint: Blueprint, known: Suites) -> dict[str, Any]:
    """Return what is to be said of the environments, also of those that the project does not have."""
    tests = blueprint.sources.get("test")
    job = standalone.ci_job(tests, blueprint.found) if tests else None
    said = {"test": {"prepare": list(known.prepare)}, "ci": {"job": job.service if job else None}}
    return {name: said[name] if name in blueprint.sources else ABSENT for name in said}


def services(blueprint: Blueprint) -> dict[str, Any]:
    """Return the names of the services; a role that no service has keeps its default."""
    facts = blueprint.facts
    return {
        "app": facts.app or None,
        "database": next(iter(facts.databases), None),
        "cache": next(iter(facts.caches), None),
    }


def linter(blueprint: Blueprint) -> list[str]:
    """Return the linter's command, or one that says that none is known."""
    said = "No linter here: see dashtam.lint in invoke.yaml."
    return list(calls.linter(blueprint)) or ["sh", "-c", f"echo '{said}' >&2; exit {NO_SUCH_TESTS}"]


def shell(blueprint: Blueprint) -> list[str] | None:
    """Return the shell that people opened in the app, None for none."""
    return list(calls.shell(blueprint)) or None


def workflow_path(blueprint: Blueprint) -> str:
    """Return where the workflow goes: not where a person's own is."""
    default = settings.Workflow().path
    return OTHER_WORKFLOW if (blueprint.found.folder / default).exists() else default


def branches(blueprint: Blueprint) -> list[str]:
    """Return the branches that CI tests: our defaults, with the main one called as it is here."""
    default = list(settings.Workflow().branches)
    main = [one for one in (blueprint.found.git.branch,) if one in {"master", "trunk"}]
    return [*main, *(one for one in default if one != "main")] if main else default
