"""Drafts: an environment's Compose file on its way from a legacy one, and what rules have changed on purpose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from dashtam_tasks.migration.document import Document
from dashtam_tasks.migration.planning.equivalence import Declared, Place

# Where the finished files stand, seen from the project's folder, and where env files do.
COMPOSE_FOLDER, ENV_FOLDER = "compose", "envs"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A Compose file in the making; each rule turns one into another.

    `environment` is dev, test or ci, and `project` what its names begin with. `origin` is the folder of the file
    that it was made from and `env_files` say where env files go, both relative to the project's folder. `offset` is
    what host ports are moved by, and `shared` what an env file sets that development has as well. `base` is the
    file that development uses, for a test file that was an overlay over it. `declared` is what was changed on
    purpose, `remarks` what a person should know.
    """

    document: Document
    environment: str
    project: str
    origin: str = "."
    env_files: Mapping[str, str] = field(default_factory=dict)
    offset: int = 0
    shared: Mapping[str, str] = field(default_factory=dict)
    base: Document | None = None
    declared: tuple[Declared, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the services, in the order of the file."""
        return tuple(map(str, self.document.keys(("services",))))

    @property
    def prefix(self) -> str:
        """What the environment's names begin with: `shop-dev`."""
        return f"{self.project}-{self.environment}"

    def edited(self, document: Document) -> "Draft":
        """Return the draft with another document; what that changes in the model is declared by itself."""
        return replace(self, document=document)

    def declare(self, rule: str, place: Place, why: str) -> "Draft":
        """Return the draft with one more change that is on purpose."""
        return replace(self, declared=(*self.declared, Declared(rule=rule, place=place, why=why)))

    def remark(self, text: str) -> "Draft":
        """Return the draft with one more thing that a person should know."""
        return replace(self, remarks=(*self.remarks, text))


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One way in which a standalone file differs from a legacy one; the plan prints its name and what it is for."""

    name: str
    purpose: str
    apply: Callable[[Draft], Draft]
