"""The other files that a migration looks at: Dockerfiles, ignore files, devcontainers, scripts, documents."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from dashtam_tasks.compose import Model
from dashtam_tasks.migration.legacy.lines import is_document, is_script, is_workflow
from dashtam_tasks.migration.legacy.makefile import NAMES as MAKEFILE_NAMES
from dashtam_tasks.migration.legacy.tree import Tree

RUNNER_FILES = re.compile(r"\.?justfile|[Tt]askfile(?:\.dist)?\.ya?ml|package\.json", re.IGNORECASE)
DOCKERFILE = re.compile(r"(?:Docker|Container)file(?:[._-].+)?|.+\.Dockerfile", re.IGNORECASE)
JSON_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')


@dataclass(frozen=True, kw_only=True)
class Build:
    """What a service is built from, in `context`; paths outside of the project start with `..`."""

    service: str
    context: str
    dockerfile: str
    target: str = ""


@dataclass(frozen=True, kw_only=True)
class Devcontainer:
    """A devcontainer's file, the Compose files that it names and the service that people work in."""

    file: str
    compose_files: tuple[str, ...]
    service: str


@dataclass(frozen=True, kw_only=True)
class OtherFiles:
    """Files by what they are; all names are relative to the project's folder."""

    makefiles: tuple[str, ...]
    runners: tuple[str, ...]
    dockerfiles: tuple[str, ...]
    docker_ignores: tuple[str, ...]
    git_ignores: tuple[str, ...]
    devcontainers: tuple[Devcontainer, ...]
    workflows: tuple[str, ...]
    scripts: tuple[str, ...]
    documents: tuple[str, ...]


def find(tree: Tree) -> OtherFiles:
    """Return the other files of a project."""
    return OtherFiles(
        makefiles=tuple(name for name in MAKEFILE_NAMES if name in tree.files),
        runners=tree.matching(lambda path: RUNNER_FILES.fullmatch(path.name) is not None),
        dockerfiles=tree.matching(is_dockerfile),
        docker_ignores=tree.matching(lambda path: path.name.endswith(".dockerignore")),
        git_ignores=tree.matching(lambda path: path.name == ".gitignore"),
        devcontainers=tuple(devcontainers(tree)),
        workflows=tree.matching(is_workflow),
        scripts=tree.matching(lambda path: is_script(tree, path)),
        documents=tree.matching(is_document),
    )


def is_dockerfile(path: PurePosixPath) -> bool:
    """Return whether a file is called as Dockerfiles are."""
    return DOCKERFILE.fullmatch(path.name) is not None and not path.name.endswith(".dockerignore")


def devcontainers(tree: Tree) -> Iterator[Devcontainer]:
    """Yield each devcontainer that can be read (https://containers.dev/implementors/spec/#devcontainerjson)."""
    for name in tree.matching(lambda path: path.name in {".devcontainer.json", "devcontainer.json"}):
        said = relaxed_json(tree.text(name))
        files = said.get("dockerComposeFile", [])
        names = [files] if isinstance(files, str) else files
        folder = str(PurePosixPath(name).parent)
        yield Devcontainer(
            file=name,
            compose_files=tuple(tree.relative(one, folder) for one in names if isinstance(one, str)),
            service=str(said.get("service", "")),
        )


def relaxed_json(text: str) -> Mapping[str, Any]:
    """Return an object of JSON with comments and trailing commas, an empty one for what is none."""
    plain = JSON_COMMENT.sub(lambda found: found[1] or "", text)
    try:
        said = json.loads(TRAILING_COMMA.sub(lambda found: found[1] or "", plain))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def builds(folder: Path, models: Iterable[Model]) -> tuple[Build, ...]:
    """Return what the services of models are built from, each once."""
    found = {
        Build(
            service=name,
            context=relative(str(service.build.get("context", ".")), folder),
            dockerfile=str(service.build.get("dockerfile", "Dockerfile")),
            target=str(service.build.get("target", "")),
        ): None
        for model in models
        for name, service in model.services.items()
        if service.build is not None
    }
    return tuple(found)


def relative(path: str, folder: Path) -> str:
    """Return a path from `folder` on; an address stays as it is."""
    return Path(os.path.relpath(path, folder)).as_posix() if path.startswith("/") else path
