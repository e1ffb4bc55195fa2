"""Drafting: every Compose file that a project gets, before any of it is written or proven."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dashtam_tasks.migration import volumes
from dashtam_tasks.migration.legacy import Legacy
from dashtam_tasks.migration.planning import standalone
from dashtam_tasks.migration.planning.choices import CI, DEVELOPMENT, TESTS, Choices, Volumes, sources
from dashtam_tasks.migration.planning.equivalence import Difference
from dashtam_tasks.migration.planning.standalone import Source
from dashtam_tasks.migration.rules.draft import Draft

NO_SUITE = "no suite runs in a service of the tests' files, so that there is nothing that CI could run."


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """The files of a project's environments, by name; `over_http` is the tests' before their HTTPS twins.

    `moved` says where each env file goes. A project without test files has development alone, one without a suite
    in a container no CI.
    """

    found: Legacy
    sources: Mapping[str, Source]
    drafts: Mapping[str, Draft]
    over_http: Draft | None
    moved: Mapping[str, str]

    @property
    def has_tls(self) -> bool:
        """Whether tests have services over HTTPS."""
        http = self.over_http
        return http is not None and self.drafts[TESTS].document.text != http.document.text

    def unproven(self, stage: Path) -> dict[str, tuple[Difference, ...]]:
        """Return, for each step that writes a Compose file, what differs there and is not declared.

        `stage` is the project as it would be. Raises DashtamError (DATA) when a file cannot be resolved.
        """
        return dict(self.proofs(stage))

    def proofs(self, stage: Path) -> Iterator[tuple[str, tuple[Difference, ...]]]:
        """Yield the number of each step that writes a Compose file, with what is not proven."""
        folder = self.found.folder
        yield (
            "1.2",
            standalone.unproven(
                self.sources[DEVELOPMENT], self.drafts[DEVELOPMENT], folder=folder, stage=stage
            ),
        )
        if self.over_http:
            tests = self.sources[TESTS]
            last = self.drafts[TESTS]
            yield "2.1", standalone.unproven_between(tests, self.over_http, last, folder=folder, stage=stage)
            (stage / tests.compose_file).write_bytes(self.over_http.document.text.encode())
            yield "1.4", standalone.unproven(tests, self.over_http, folder=folder, stage=stage)
            (stage / tests.compose_file).write_bytes(last.document.text.encode())
        if CI in self.sources:
            yield "2.2", standalone.unproven(self.sources[CI], self.drafts[CI], folder=folder, stage=stage)


def draft(found: Legacy, choices: Choices) -> Drafted:
    """Return the files that a project gets.

    Raises DashtamError (DATA), naming file and line, for what cannot be read, merged or changed.
    """
    chosen = {one.environment: one for one in sources(found, choices)}
    moved = {one.env_file: one.new_env_file for one in reversed(chosen.values()) if one.env_file}
    drafts = {name: standalone.draft(one, found, moved=moved) for name, one in chosen.items()}
    drafts[DEVELOPMENT] = with_volumes(drafts[DEVELOPMENT], found, choices)
    over_http = drafts.get(TESTS)
    if over_http:
        drafts[TESTS] = standalone.with_tls(over_http, found)
        job = standalone.ci_job(chosen[TESTS], found)
        if job:
            chosen[CI] = standalone.for_ci(chosen[TESTS])
            drafts[CI] = standalone.ci_draft(chosen[TESTS], found, job, moved=moved)
    return Drafted(found=found, sources=chosen, drafts=drafts, over_http=over_http, moved=moved)


def with_volumes(made: Draft, found: Legacy, choices: Choices) -> Draft:
    """Return development's draft with what a person decided about its data."""
    match choices.data:
        case Volumes.ADOPT:
            return volumes.adopted(made, found)
        case Volumes.NONE if found.engine.volumes:
            return made.remark(volumes.NOTHING_KEPT)
    return made
