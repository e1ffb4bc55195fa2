"""Records: which copies of volumes were begun and which are whole, in `.dashtam/volumes/`.

A copy counts as whole only when its record says so, which is written last; and a volume in the way is ours to
remove only when a record knows it by its id.
"""

from pathlib import Path
from typing import Literal

import msgspec

from dashtam_tasks import files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.migration.postgresql.counting import Rows

FOLDER = Path(".dashtam/volumes")
PRIVATE_FOLDER = 0o700


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A copy of a volume: begun, or whole.

    `id` is the label that the target has. `size` is in bytes. `counted` are the source's rows before its container
    `counted_in` was stopped, None where its server did not run; `rows` are those of the copy. `digest` is the
    copy's in manifest, `source_state` and `source_identity` the source's, `source_made` what the engine said of its
    making, and `control` the SHA-256 of PostgreSQL's control file, which every start of a server changes.
    `is_going` is whether the copy is being removed.
    """

    version: Literal[1] = 1
    source: str
    target: str
    id: str
    source_labels: dict[str, str] = {}
    is_complete: bool = False
    is_going: bool = False
    files: int = 0
    size: int = 0
    digest: str = ""
    source_state: str = ""
    source_identity: str = ""
    source_made: str = ""
    control: str = ""
    counted: tuple[Rows, ...] | None = None
    counted_in: str = ""
    rows: tuple[Rows, ...] | None = None


def path_of(project: Path, target: str) -> Path:
    """Return where the record of a copy is."""
    return project / FOLDER / f"{target}.json"


def read(project: Path, target: str) -> Record | None:
    """Return the record of a copy, None where none was begun.

    Raises DashtamError: DATA when it is damaged, IO when it cannot be read.
    """
    path = path_of(project, target)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DashtamError(
            f"{path} is damaged: {error}.",
            code=ExitCode.DATA,
            hint=f"Look into the volume {target} by hand: without the file it counts as one of your own.",
        ) from error
    except OSError as error:
        raise DashtamError(f"{path} cannot be read: {error.strerror}.", code=ExitCode.IO) from error


def write(project: Path, record: Record) -> Record:
    """Put a record onto the disk, and return it; raise DashtamError (CANNOT_CREATE) when that fails."""
    path = path_of(project, record.target)
    for folder in reversed((path.parent, path.parent.parent)):
        with files.explaining(folder):
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    data = msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
    files.write_atomically(path, data, mode=files.PRIVATE)
    return record


def remove(project: Path, target: str) -> None:
    """Forget a copy; raise DashtamError (CANNOT_CREATE) when the folder cannot be written."""
    path = path_of(project, target)
    with files.explaining(path):
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            files.sync_folder(path.parent)
