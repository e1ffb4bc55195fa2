"""Surroundings: what a project's own files say that settings have to say as well."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from dashtam_tasks import settings
from dashtam_tasks.compose import Model
from dashtam_tasks.migration.planning.blueprint import Blueprint

# By these variables official images take the password that their data is made with.
PASSWORDS = frozenset(
    "POSTGRES_PASSWORD MYSQL_PASSWORD MYSQL_ROOT_PASSWORD MARIADB_PASSWORD MARIADB_ROOT_PASSWORD"
    " MONGO_INITDB_ROOT_PASSWORD".split()
)
VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")


def shared(blueprint: Blueprint) -> Iterator[str]:
    """Yield the sources that several environments mount and one of them writes to, as they were mounted before."""
    folder = blueprint.found.folder
    env_files = {one.file for one in blueprint.found.env_files}
    mounts: dict[str, list[bool]] = {}
    for name, source in blueprint.sources.items():
        model = legacy_model(blueprint, source.files)
        for path, read_only in sorted(binds(model, folder)) if model else ():
            if path not in env_files and name != "ci":
                mounts.setdefault(path, []).append(read_only)
    found = [path for path, seen in mounts.items() if len(seen) > 1 and not all(seen)]
    yield from sorted(found, key=settings_order)


def settings_order(path: str) -> tuple[int, str]:
    """Return what paths are sorted by: those of our defaults first, in their order."""
    default = settings.Isolation().shared
    return (default.index(path) if path in default else len(default), path)


def legacy_model(blueprint: Blueprint, files: tuple[str, ...]) -> Model | None:
    """Return what Compose made of legacy files."""
    return next((one.model for one in blueprint.found.resolutions if one.files == files), None)


def binds(model: Model, folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield each path of the project that services mount, and whether all of them only read it."""
    found: dict[str, bool] = {}
    for service in model.services.values():
        for mount in service.volumes:
            path = Path(mount.source)
            if mount.type == "bind" and path.is_relative_to(folder):
                name = path.relative_to(folder).as_posix()
                found[name] = found.get(name, True) and mount.read_only
    yield from found.items()


def revisions(blueprint: Blueprint) -> str | None:
    """Return where Alembic's revisions are, as its own file says."""
    for path in (blueprint.found.folder / "alembic.ini",):
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        if found := re.search(r"^script_location\s*=\s*(?:%\(here\)s/)?(\S+)\s*$", text, re.MULTILINE):
            return str(PurePosixPath(found[1], "versions"))
    return None


def passwords(blueprint: Blueprint) -> dict[str, str]:
    """Return the variables of env files that databases take their passwords from."""
    names = {name for one in blueprint.found.env_files for name in one.names}
    return {
        name: "password"
        for draft in blueprint.drafts.values()
        for service in blueprint.facts.databases
        for value in written_passwords(draft.document.get(("services", service, "environment")))
        for name in VARIABLE.findall(value)[:1]
        if name in names
    }


def written_passwords(environment: object) -> Iterator[str]:
    """Yield the passwords in a service's environment as its file writes them, be it a mapping or a list."""
    if isinstance(environment, dict):
        pairs = [(str(name), str(value)) for name, value in environment.items()]
    else:
        items = environment if isinstance(environment, list) else []
        pairs = [(name, value) for name, _, value in (str(one).partition("=") for one in items)]
    yield from (value for name, value in pairs if name in PASSWORDS)


def base_images(blueprint: Blueprint) -> dict[str, Any]:
    """Return the base images that Compose files name by our variables, with what they pull by default."""
    texts = "\n".join(one.document.text for one in blueprint.drafts.values())
    return {name: {"reference": image_reference(texts, name)} for name in settings.Images().base}


def image_reference(text: str, variable: str) -> str | None:
    """Return the default of an image's variable, empty where nothing names it, None where it has none."""
    found = re.search(rf"\$\{{{variable}(?::?-(?P<default>[^}}$]*))?", text)
    return (found["default"] or None) if found else ""
