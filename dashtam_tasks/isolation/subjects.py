"""What is examined, and what comes of it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

from dashtam_tasks.compose import Model
from dashtam_tasks.findings import Finding
from dashtam_tasks.isolation.source import SourceFile


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One instance of an environment, as it would run.

    `name` is for people: `dev`, `test (feature-x)`. `model` is what Compose resolves `file` to. `jobs` are the
    services that the settings let end by themselves.
    """

    name: str
    file: Path
    model: Model
    jobs: frozenset[str] = frozenset()

    @cached_property
    def source(self) -> SourceFile:
        """The Compose file as it is written."""
        return SourceFile(self.file)


class Breach(NamedTuple):
    """A finding, and what it is about: the engine need not tell again what a file has told."""

    about: tuple[object, ...]
    finding: Finding

    @classmethod
    def of_service(
        cls, kind: str, *, project: str, service: str, where: str, message: str, hint: str
    ) -> Self:
        """Return the breach of a kind that a service has at most once, in its file or on the engine."""
        finding = Finding(kind=kind, where=where, message=message, hint=hint)
        return cls(about=(kind, project, service), finding=finding)
