"""Volumes: a legacy project's data under the new names, copied and proven, or the old volume itself adopted.

Docker cannot rename a volume. The old one is only ever read, and only `remove_old` removes it.
"""

from dashtam_tasks.migration.volumes.adoption import adopted
from dashtam_tasks.migration.volumes.checking import problems
from dashtam_tasks.migration.volumes.copying import Copied, copy, is_complete
from dashtam_tasks.migration.volumes.freshness import is_outdated
from dashtam_tasks.migration.volumes.inspection import holder_names
from dashtam_tasks.migration.volumes.planning import NOTHING_KEPT, Mode, planned
from dashtam_tasks.migration.volumes.removing import Removal, removal, remove_old
from dashtam_tasks.migration.volumes.returning import TakenBack, take_back

__all__ = [
    "NOTHING_KEPT",
    "Copied",
    "Mode",
    "Removal",
    "TakenBack",
    "adopted",
    "copy",
    "holder_names",
    "is_complete",
    "is_outdated",
    "planned",
    "problems",
    "removal",
    "remove_old",
    "take_back",
]
