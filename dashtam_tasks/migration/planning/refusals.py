"""Refusals: what of a project cannot be migrated, with the reason and what a person can do about it."""

from collections.abc import Iterable, Iterator, Sequence

from dashtam_tasks.findings import Finding
from dashtam_tasks.isolation.source import SourceFile
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.planning.standalone import Source

PROJECT_NAME = "COMPOSE_PROJECT_NAME"


def of_legacy(found: Legacy, chosen: Sequence[Source]) -> Iterator[Finding]:
    """Yield why a project cannot be migrated as it is; `chosen` is what its environments would be made from."""
    yield from host_networks(found)
    yield from linked_env_files(found, (one.env_file for one in chosen))
    yield from dict.fromkeys(named_projects(found, chosen))


def host_networks(found: Legacy) -> Iterator[Finding]:
    """Yield the refusal of each service on the host's own network, where two environments cannot be kept apart."""
    models = [(one.files[-1], one.model) for one in found.resolutions[:1] if one.model]
    for file, model in models:
        for name, service in model.services.items():
            if service.network_mode == "host":
                where = SourceFile(found.folder / file).line_of("services", name, "network_mode")
                yield Finding(
                    kind="host-network",
                    where=where,
                    message=f"Service {name} has `network_mode: host`, and so shares every port with all others.",
                    hint="Let it publish the ports that it needs, and migrate then.",
                )


def linked_env_files(found: Legacy, names: Iterable[str]) -> Iterator[Finding]:
    """Yield the refusal of each env file that is a link: moved it would lead nowhere, and a copy would go stale."""
    for name in dict.fromkeys(name for name in names if name):
        if (found.folder / name).is_symlink():
            target = (found.folder / name).readlink()
            yield Finding(
                kind="env-is-link",
                where=name,
                message=f"It is a link to {target}, which a migration can neither move nor copy.",
                hint=f"Put the file itself in its place: cp --remove-destination {target} {name}",
            )


def named_projects(found: Legacy, chosen: Iterable[Source]) -> Iterator[Finding]:
    """Yield the refusal of each env file that names the Compose project: it would win over the files' own names."""
    for source in chosen:
        name = source.values(found.folder).get(PROJECT_NAME)
        if name:
            yield Finding(
                kind="project-name-in-env-file",
                where=source.env_file,
                message=f"{PROJECT_NAME} is {name} there, which wins over the `name` of every Compose file: "
                "environments would be one project.",
                hint=f"Write `name: {name}` at the top of {source.files[0]} and take the line out of "
                f"{source.env_file}; volumes keep their names then.",
            )


def in_the_way(path: str) -> Finding:
    """Return the refusal to overwrite a person's own file."""
    return Finding(
        kind="in-the-way",
        where=path,
        message="A file of your own is there, and the migration needs its name.",
        hint="Give yours another name, or take it away.",
    )
