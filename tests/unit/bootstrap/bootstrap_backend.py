"""Stand in for hatchling: build the editable wheel of a sandbox's project, offline and at once."""

import os
import zipfile
from pathlib import Path


def build_editable(
    wheel_directory: str, config_settings: object = None, metadata_directory: object = None
) -> str:
    """Write the wheel and return its name; wait for the reader's turn where a test asks for it."""
    del config_settings, metadata_directory
    if "BUILD_GATE" in os.environ:
        Path(os.environ["BUILD_GATE"]).read_bytes()
    name = "dashtam_tasks-1-py3-none-any.whl"
    info = "dashtam_tasks-1.dist-info"
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as wheel:
        wheel.writestr("dashtam_tasks.pth", f"{Path.cwd()}\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: dashtam-tasks\nVersion: 1\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
