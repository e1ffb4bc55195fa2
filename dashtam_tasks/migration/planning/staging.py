"""Staging: the project as it would be, so that it can be examined before a byte of it is changed."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dashtam_tasks.migration.operations import CopyVolume, FileOperation, Move, Operation, Write


@contextmanager
def staged(folder: Path, operations: Iterable[Operation]) -> Iterator[Path]:
    """Yield a private folder that looks like the project in `folder` after `operations`; it is gone afterwards.

    Only what operations touch is real, the rest are links, so that it costs little however large the project is.
    The folder has the project's own name, which Compose may go by.
    """
    with tempfile.TemporaryDirectory(prefix="dashtam-stage-") as parent:
        stage = Path(parent).resolve() / folder.resolve().name
        stage.mkdir()
        for entry in folder.iterdir():
            (stage / entry.name).symlink_to(entry.absolute())
        for one in operations:
            if not isinstance(one, CopyVolume):
                perform(one, stage)
        yield stage


def perform(operation: FileOperation, stage: Path) -> None:
    """Do an operation in the stage."""
    target = real(stage, operation.made)
    if isinstance(operation, Write):
        target.write_bytes(operation.data)
        target.chmod(operation.mode)
        return
    shutil.copyfile(stage / operation.source, target)
    target.chmod(operation.mode)
    if isinstance(operation, Move):
        real(stage, operation.source)


def real(stage: Path, path: str) -> Path:
    """Return a path in the stage at which nothing is, and above which no folder is a link."""
    *folders, name = Path(path).parts
    here = stage
    for folder in folders:
        here /= folder
        if here.is_symlink():
            unfold(here)
        here.mkdir(exist_ok=True)
    place = here / name
    if place.is_symlink():
        place.unlink()
    return place


def unfold(link: Path) -> None:
    """Replace a link to a folder by a folder of links to what is in it."""
    target = link.resolve()
    link.unlink()
    link.mkdir()
    for entry in target.iterdir():
        (link / entry.name).symlink_to(entry)
