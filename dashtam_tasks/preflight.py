"""Preflight: what must hold before an environment's containers are started or removed."""

from collections.abc import Iterable
from pathlib import Path

from dashtam_tasks import engine, instances, keys
from dashtam_tasks.compose import Model
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.settings import Settings


def require_secrets(settings: Settings, env_file: Path) -> None:
    """Raise DashtamError (CONFIGURATION) when a generated secret is still a placeholder.

    PostgreSQL would keep it for as long as its volume lives.
    """
    pending = keys.due(settings, env_file)
    if pending:
        raise DashtamError(
            f"{env_file}: {', '.join(pending)} is still a placeholder.",
            code=ExitCode.CONFIGURATION,
            hint=f"`{keys.command_for(settings, env_file)}` writes real secrets, or says why it does not. "
            "Nothing was started.",
        )


def require_ours(model: Model, compose_file: Path, project_dir: Path) -> None:
    """Raise DashtamError (BUSY) when the Compose project belongs to another folder that is still there.

    Compose itself would replace or remove its containers: it knows a project by its name alone.
    """
    ours = compose_file.parent.resolve()
    for folder in map(Path, engine.project_folders(model.name)):
        if folder.resolve() != ours and folder.exists():
            raise DashtamError(
                f"The containers of Compose project {model.name} belong to {folder}.",
                code=ExitCode.BUSY,
                hint=f"Stop them there. {instances.OWN_NAME_HINT}",
            )
    instances.require_unowned(model.name, project_dir)


def require_alone(model: Model, services: Iterable[str]) -> None:
    """Raise DashtamError (BUSY) when another project's container runs on an external volume of these services.

    Two servers on one data directory destroy it, and PostgreSQL's own lock does not see across containers.
    """
    mounted = {
        mount.source for name in services for mount in model.services[name].volumes if mount.type == "volume"
    }
    external = [
        model.volume(one) for one in sorted(mounted & model.volumes.keys()) if model.volumes[one].external
    ]
    for volume in external:
        others = [
            one.name.lstrip("/")
            for one in engine.containers(f"volume={volume}")
            if one.is_running and one.project != model.name
        ]
        if others:
            raise DashtamError(
                f"Volume {volume} is in use by {', '.join(others)}: two servers on it would destroy the data.",
                code=ExitCode.BUSY,
                hint=f"Stop that first: docker stop {' '.join(others)}. Nothing was started.",
            )


def missing_bind_sources(model: Model, services: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return service and source of each bind mount that needs a file or folder that is not there.

    Where a Compose file does not forbid it, the engine makes a folder.
    """
    return tuple(
        (name, mount.source)
        for name in sorted(services)
        for mount in model.services[name].volumes
        if mount.type == "bind"
        and mount.bind.get("create_host_path") is False
        and not Path(mount.source).exists()
    )


def require_bind_sources(model: Model, services: Iterable[str]) -> None:
    """Raise DashtamError (CONFIGURATION) for bind mounts that need a file or folder that is not there."""
    missing = missing_bind_sources(model, services)
    if missing:
        raise DashtamError(
            "\n".join(f"{source} of service {name} does not exist." for name, source in missing),
            code=ExitCode.CONFIGURATION,
            hint="`inv setup` makes env files and certificates; other paths come from the Compose file and its env "
            "files. Nothing was started.",
        )
