"""Instances: copies of an environment with names and host ports of their own, remembered until they are removed.

Each has a file in the user's state folder, named after its Compose project, which is unique on an engine. What is
done in that folder is done under one lock, so that two instances never get the same name or the same port.
https://specifications.freedesktop.org/basedir-spec/latest/
"""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from dashtam_tasks import files
from dashtam_tasks.compose import Compose, Model
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.instances import allocation

OWN_NAME_HINT = (
    "Give this copy a name of its own: --instance NAME, or DASHTAM_INSTANCE=NAME for every task. "
    "A linked git worktree has one by itself."
)


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One remembered copy of an environment.

    `project` is Compose's name for it, `name` is empty for the default one. `variables` are what it sets beside
    its env files, `ports` the host ports that it publishes. `shared` are the paths that other instances may
    write to as well. `prepared` names the data that was prepared last.
    """

    project: str
    environment: str
    name: str
    folder: str
    compose_file: str
    env_files: tuple[str, ...]
    variables: dict[str, str]
    ports: tuple[int, ...]
    made: datetime
    shared: tuple[str, ...] = ()
    prepared: str = ""

    @property
    def label(self) -> str:
        """The instance as a person calls it."""
        return f"{self.environment} ({self.name})" if self.name else self.environment

    @property
    def is_orphan(self) -> bool:
        """Whether the project's folder is gone."""
        return not Path(self.folder).exists()

    def describes(self, compose: Compose, model: Model) -> bool:
        """Return whether the instance is as its files say now: they may have been renamed, and given new ports."""
        files_hold = (self.compose_file, self.env_files) == resolved(compose)
        return files_hold and self.project == model.name and set(allocation.fixed(model)) <= set(self.ports)

    @property
    def compose(self) -> Compose:
        """Its Compose file, as it is resolved."""
        paths = tuple(map(Path, self.env_files))
        return Compose(file=Path(self.compose_file), env_files=paths, variables=self.variables)


def state_folder() -> Path:
    """Return the folder where instances are remembered, made private where it is missing.

    Raises DashtamError (CANNOT_CREATE) when it cannot be made.
    """
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    # The specification has a relative path ignored.
    folder = (base if base.is_absolute() else Path.home() / ".local/state") / "dashtam-tasks/instances"
    with files.explaining(folder, hint="Let XDG_STATE_HOME name a folder that you may write to."):
        for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
    return folder


def remembered() -> tuple[Instance, ...]:
    """Return every instance of this user on this machine, by Compose project.

    Raises DashtamError (DATA) for a file that is damaged.
    """
    paths = sorted(state_folder().glob("*.json"), key=lambda path: path.stem)
    return tuple(one for path in paths if (one := read(path)))


def read(path: Path) -> Instance | None:
    """Return the instance that a file describes, None when it was forgotten meanwhile.

    Raises DashtamError (DATA) when it describes none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Instance)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise DashtamError(
            f"{path} does not describe an instance: {error}",
            code=ExitCode.DATA,
            hint="Remove the file; containers and data stay, and the next `up` writes it anew.",
        ) from error


def of_folder(folder: Path) -> tuple[Instance, ...]:
    """Return the instances that the project in `folder` has."""
    return tuple(one for one in remembered() if one.folder == str(folder.resolve()))


def find(folder: Path, environment: str, name: str) -> Instance | None:
    """Return the instance of that name that the project in `folder` has of `environment`, None if it has none."""
    wanted = (environment, name)
    return next((one for one in of_folder(folder) if (one.environment, one.name) == wanted), None)


def claim(
    folder: Path,
    environment: str,
    name: str,
    *,
    compose: Compose,
    model: Model,
    ports: Mapping[str, int],
    shared: Iterable[Path] = (),
) -> Instance:
    """Remember an instance as its files say now, and return it.

    `compose` and `model` have its names already. A named one gets free host ports for the variables in `ports`,
    whose values are those of the default instance, and keeps those that it has; the default one has those in
    `model`. Raises DashtamError: BUSY when another folder has its Compose project, UNAVAILABLE when no ports
    are left.
    """
    with files.locked(state_folder()):
        require_unowned(model.name, folder)
        before = find(folder, environment, name)
        chosen = host_ports(compose, model.name, ports) if name else {}
        compose_file, env_files = resolved(compose)
        made = Instance(
            project=model.name,
            environment=environment,
            name=name,
            folder=str(folder.resolve()),
            compose_file=compose_file,
            env_files=env_files,
            variables={**compose.variables, **chosen} if name else {},
            ports=tuple(sorted(map(int, chosen.values()))) if name else allocation.fixed(model),
            made=before.made if before else datetime.now(UTC),
            shared=tuple(str(path.resolve()) for path in shared),
            prepared=before.prepared if before else "",
        )
        write(made)
    return made


def host_ports(compose: Compose, project: str, ports: Mapping[str, int]) -> dict[str, str]:
    """Return values for the variables in `ports`: those that an instance has, and free host ports for the rest.

    No other instance has these, be it up or not, nor the default one, whose ports the values of `ports` are.
    """
    kept = {variable: value for variable, value in compose.variables.items() if variable in ports}
    new = {variable: port for variable, port in ports.items() if variable not in kept}
    others = {port for one in remembered() if one.project != project for port in one.ports}
    return kept | allocation.allocate(new, others | set(map(int, kept.values())) | set(ports.values()))


def resolved(compose: Compose) -> tuple[str, tuple[str, ...]]:
    """Return the Compose file and the env files as they are remembered, by their real paths."""
    return str(compose.file.resolve()), tuple(str(path.resolve()) for path in compose.env_files)


def require_unowned(project: str, folder: Path) -> None:
    """Raise DashtamError (BUSY) when a folder other than `folder`, and still there, has the Compose project."""
    found = owner(project)
    if found not in {"", str(folder.resolve())}:
        raise DashtamError(
            f"Compose project {project} belongs to {found}.", code=ExitCode.BUSY, hint=OWN_NAME_HINT
        )


def owner(project: str) -> str:
    """Return the folder that has a Compose project and is still there, empty if none does."""
    owners = (one.folder for one in remembered() if one.project == project and not one.is_orphan)
    return next(owners, "")


def write(instance: Instance) -> None:
    """Remember an instance."""
    path = state_folder() / f"{instance.project}.json"
    files.write_atomically(path, msgspec.json.encode(instance), mode=files.PRIVATE)


def note_prepared(instance: Instance, data: str) -> None:
    """Remember that an instance's database was prepared in `data`."""
    with files.locked(state_folder()):
        write(msgspec.structs.replace(instance, prepared=data))


def forget(projects: Iterable[str]) -> None:
    """Remember these Compose projects no longer; one that is not remembered is no error."""
    with files.locked(state_folder()):
        for project in projects:
            (state_folder() / f"{project}.json").unlink(missing_ok=True)
