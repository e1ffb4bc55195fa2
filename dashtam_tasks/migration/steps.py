"""The steps of the migration, as people know them: numbers, titles, risks and priorities; and one for a project."""

from dataclasses import dataclass

from dashtam_tasks.migration.operations import Operation
from dashtam_tasks.migration.planning.equivalence import Declared, Difference


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A step before anything is known of a project; `risk` and `priority` are low, medium, high or critical."""

    number: str
    title: str
    risk: str
    priority: str

    @property
    def phase(self) -> int:
        """The phase that the step belongs to: 1 to 3."""
        return int(self.number.partition(".")[0])


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step for one project: what it does, what it changes on purpose, and what a person should know.

    `places` are those that `remarks` only count. `unproven` is what Compose would resolve differently and nothing
    declares; a step that has any is not to be taken.
    """

    outline: Outline
    operations: tuple[Operation, ...] = ()
    declared: tuple[Declared, ...] = ()
    remarks: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    unproven: tuple[Difference, ...] = ()


OUTLINES = tuple(
    Outline(number=number, title=title, risk=risk, priority=priority)
    for number, title, risk, priority in (
        ("1.1", "A backup, and what git and images leave out", "low", "critical"),
        ("1.2", "A standalone Compose file for development", "low", "critical"),
        ("1.3", "Development's env file, among the others", "low", "critical"),
        ("1.4", "A standalone Compose file for tests", "medium", "critical"),
        ("1.5", "Tasks in place of the Makefile", "medium", "critical"),
        ("1.6", "Development, verified alone", "low", "critical"),
        ("1.7", "Tests, verified alone", "medium", "critical"),
        ("1.8", "Both at once, verified", "high", "critical"),
        ("2.1", "Tests over HTTPS", "low", "high"),
        ("2.2", "A standalone Compose file for CI", "low", "high"),
        ("2.3", "CI's env file, of mocks", "low", "medium"),
        ("2.4", "Health checks, verified", "low", "medium"),
        ("2.5", "A workflow for GitHub Actions", "low", "low"),
        ("2.6", "Documents, and what else names the old files", "low", "high"),
        ("3.1", "The whole, verified end to end", "high", "critical"),
        ("3.2", "Old files set aside", "low", "medium"),
        ("3.3", "The way back, written down", "low", "medium"),
        ("3.4", "The final checklist", "critical", "critical"),
    )
)


def outline(number: str) -> Outline:
    """Return the outline of a step; raise KeyError for a number that no step has."""
    return {one.number: one for one in OUTLINES}[number]
