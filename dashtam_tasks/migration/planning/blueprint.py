"""Blueprint: a project as its steps will leave it, known before any of them is taken."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dashtam_tasks.compose import Model
from dashtam_tasks.migration.facts import Facts
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.planning.standalone import Source
from dashtam_tasks.migration.rules.draft import Draft


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What was found, and each environment by its name: what it is made from, its file, and what Compose sees.

    `models` hold values of env files and are not for showing. A project without test files has `dev` alone.
    """

    found: Legacy
    facts: Facts
    sources: Mapping[str, Source]
    drafts: Mapping[str, Draft]
    models: Mapping[str, Model] = field(repr=False)
