"""The rules about how services run, together, on every shape that is to be migrated."""

from pathlib import Path

import pytest

from dashtam_tasks.migration.rules.data import TMPFS
from dashtam_tasks.migration.rules.health import HEALTH_CHECK
from dashtam_tasks.migration.rules.ports import LOOPBACK, PORT
from dashtam_tasks.migration.rules.services import ENDLESS_SLEEP, INIT, RESTART, SERVICE_HEALTHY
from tests.unit.migration.rules.stages import applied, migrated_shapes, shaped, unexplained

pytestmark = pytest.mark.shapes

# In the order of the migration: a health check looks at ports before CI loses them, and is waited for only then.
RULES = (ENDLESS_SLEEP, INIT, TMPFS, HEALTH_CHECK, SERVICE_HEALTHY, RESTART, PORT, LOOPBACK)
# Its HOME is a variable that no stand-in may be given for: Docker finds its plugins there.
SHAPES = [name for name in migrated_shapes() if name != "variable-paths"]


PUBLISHING = ("anchors", "long-ports", "ranged-ports", "udp-host-ip", "version-line", "x-fields")
CASES = [
    *((name, "dev", 0) for name in SHAPES),
    *((name, "test", 1) for name in SHAPES),
    *((name, "ci", 0) for name in PUBLISHING),
]


@pytest.mark.parametrize(("name", "environment", "offset"), CASES)
def test_a_shape_changes_as_declared_and_once(
    tmp_path: Path, name: str, environment: str, offset: int
) -> None:
    stage = shaped(tmp_path, name)
    after = applied(stage.draft(environment, offset=offset), *RULES)
    found = stage.differences(after)
    assert not list(unexplained(found, after.declared))
    assert applied(after, *RULES) == after
    # Where an env file sets a port, its default does not show.
    for rule in {one.rule for one in after.declared} - ({"port"} if stage.values else set()):
        others = [one for one in after.declared if one.rule != rule]
        assert list(unexplained(found, others)), f"nothing changed that only {rule} declares"
