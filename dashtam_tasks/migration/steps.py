"""The steps of the migration, as people know them: numbers, titles, risks and priorities."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A step before anything is known of a project; `risk` and `priority` are low, medium, high or critical."""

    number: str
    title: str
    risk: str
    priority: str


def outline(number: str, title: str, risk: str, priority: str) -> Outline:
    """Return the outline of a step."""
    return Outline(number=number, title=title, risk=risk, priority=priority)


DEVELOPMENT_FILE = outline("1.2", "A standalone Compose file for development", "low", "critical")
DEVELOPMENT_ENV_FILE = outline("1.3", "Development's env file, among the others", "low", "critical")
TEST_FILE = outline("1.4", "A standalone Compose file for tests", "medium", "critical")
