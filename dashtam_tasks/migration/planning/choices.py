"""Choices: what a person decides about a migration, and what each environment is made from then."""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from dashtam_tasks.findings import Finding
from dashtam_tasks.migration.legacy import Legacy, Role, TestFile
from dashtam_tasks.migration.planning import apartness
from dashtam_tasks.migration.planning.standalone import Source

DEVELOPMENT, TESTS, CI = "dev", "test", "ci"
DEFAULT_ENV_FILE = ".env"
UNDECIDED = "test-file-undecided"


class Volumes(enum.StrEnum):
    """What becomes of development's data: a copy, the old volume under a new name, or nothing."""

    COPY = "copy"
    ADOPT = "adopt"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a person decided: what names begin with (empty: as they do now), what the test file is, and the data.

    `volumes` is None where nobody said what becomes of the data; then they are copied.
    """

    project: str = ""
    test_file: Role | None = None
    volumes: Volumes | None = None

    @property
    def data(self) -> Volumes:
        """What becomes of development's data."""
        return self.volumes or Volumes.COPY

    def as_data(self) -> dict[str, str]:
        """Return the choices as plain text, by their names."""
        role = self.test_file.value if self.test_file else ""
        return {"project": self.project, "test_file": role, "volumes": self.data.value}

    def given(self) -> dict[str, str]:
        """Return as plain text those choices that a person made, by their names."""
        made = {"project": self.project, "test_file": self.test_file, "volumes": self.volumes}
        return {name: value for name, value in self.as_data().items() if made[name]}

    @staticmethod
    def of(data: Mapping[str, str]) -> "Choices":
        """Return the choices that `as_data` has told."""
        role, volumes = data.get("test_file"), data.get("volumes")
        return Choices(
            project=data.get("project", ""),
            test_file=Role(role) if role else None,
            volumes=Volumes(volumes) if volumes else None,
        )

    def answer(self, finding: Finding) -> bool:
        """Return whether a choice settles what a finding asks."""
        return finding.kind == UNDECIDED and self.test_file is not None


def sources(found: Legacy, choices: Choices) -> Iterator[Source]:
    """Yield what each environment is made from: development, and tests where the project has a file for them."""
    project = choices.project or prefix(found)
    plain = found.development.files
    known = {one.file for one in found.env_files}
    here = [DEFAULT_ENV_FILE] if found.development.found else []
    beside = str(PurePosixPath(plain[0]).parent / DEFAULT_ENV_FILE)
    default = next((name for name in (*found.development.env_files, beside, *here) if name in known), "")
    yield Source(environment=DEVELOPMENT, project=project, files=plain, env_file=default)
    if found.tests:
        test = found.tests[0]
        own = next((one for one in test.env_files if one in known), "")
        files = files_of(test, choices)
        models = {one.files: one.model for one in found.resolutions}
        offset = apartness.offset(models.get(plain), models.get(files))
        yield Source(
            environment=TESTS,
            project=project,
            files=files,
            env_file=own or default,
            offset=offset,
            shares_env_file=own in {"", default},
        )


def files_of(test: TestFile, choices: Choices) -> tuple[str, ...]:
    """Return the Compose files that tests use together."""
    role = choices.test_file or test.role
    return test.standalone if role is Role.STANDALONE else test.overlay


def prefix(found: Legacy) -> str:
    """Return what the project's names begin with now: what all container names share, else the project's name."""
    named = [
        service.container_name
        for resolution in found.resolutions[:1]
        if resolution.model
        for service in resolution.model.services.values()
        if service.container_name
    ]
    first = {name.partition("-")[0] for name in named if "-" in name}
    return first.pop() if len(first) == 1 and len(named) > 1 else found.project.name
