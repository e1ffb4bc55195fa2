"""Facts: what has to be known of a project when its legacy files are gone, without a secret in it."""

import msgspec


class EnvironmentFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An environment of the migrated project: its files, and the legacy ones that it is made from.

    `legacy_files` are Compose files in their order; `legacy_env_file` is empty where there was none.
    """

    name: str
    compose_file: str
    env_file: str
    legacy_files: tuple[str, ...]
    legacy_env_file: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """A project, before and after: names of files are relative to its folder.

    `project` is what the names of its environments begin with, `legacy_project` Compose's name for it before.
    `moved` says where each file that was moved is now, and `folders` which folders the migration makes. `app` is
    empty where no service is known to be the application.
    """

    project: str
    legacy_project: str
    environments: tuple[EnvironmentFacts, ...]
    app: str = ""
    databases: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    moved: dict[str, str] = {}
    folders: tuple[str, ...] = ()

    def environment(self, name: str) -> EnvironmentFacts | None:
        """Return the environment of this name, None where the project has none."""
        return next((one for one in self.environments if one.name == name), None)
