"""The task tree."""

from pathlib import Path

from dashtam_tasks.namespaces import task_tree

namespace = task_tree(Path(__file__).parent)
