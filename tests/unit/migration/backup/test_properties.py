"""Whatever a project's files are like, a backup of them is sound, and any damage to it is named."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dashtam_tasks.migration import backup, snapshots
from dashtam_tasks.migration.backup import Backup
from dashtam_tasks.migration.snapshots import Kind
from tests.unit.migration.backup.trees import TODAY, write

names = st.one_of(
    st.sampled_from(["manifest.json", "kept", "dumps", "set-aside", "backups", ".gitignore", "a"]),
    st.binary(min_size=1, max_size=30)
    .filter(lambda name: not {0, ord("/")} & set(name) and name not in {b".", b".."})
    .map(os.fsdecode),
)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
files = st.tuples(st.binary(max_size=50), st.integers(0, 0o7777), st.integers(-(2**60), 2**62))
links = st.binary(min_size=1, max_size=30).filter(lambda name: 0 not in name).map(os.fsdecode)
trees = st.dictionaries(paths, st.one_of(files, links), min_size=1, max_size=6)
Tree = dict[str, tuple[bytes, int, int] | str]


@contextmanager
def project(tree: Tree) -> Iterator[tuple[Path, list[str]]]:
    """Yield a project with as much of a tree as fits into it, and the paths in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = [path for path, what in sorted(tree.items()) if make(folder, path, what)]
        assume(made)
        # Modes come last: only root could go below a folder of any.
        for path in made:
            what = tree[path]
            if not isinstance(what, str):
                (folder / path).chmod(what[1] | stat.S_IRUSR)
        yield folder, made


def make(folder: Path, path: str, what: tuple[bytes, int, int] | str) -> bool:
    """Make a file or a link, unless something is in its way."""
    target = folder / path
    parents = [one for one in target.parents if folder in one.parents]
    is_ours = path.split("/", maxsplit=1)[0] == "backups"
    in_the_way = is_ours or any(one.is_symlink() or one.is_file() for one in parents)
    if in_the_way or os.path.lexists(target):
        return False
    if isinstance(what, str):
        target.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(what, target)  # noqa: PTH211 - a Path would tidy it
    else:
        write(folder, path, what[0], mtime=what[2])
    return True


def damage(made: Backup, place: Path, how: str, index: int) -> str:
    """Damage a backup at a place, and return the path that has to be named, relative to the backup."""
    if how == "add":
        place = (place if place.is_dir() else place.parent) / f"extra{index}"
        write(made.folder, str(place.relative_to(made.folder)), mode=0o600)
    elif how == "mode":
        place.chmod(stat.S_IMODE(place.stat().st_mode) ^ 1 << index % 12)
    elif place.is_dir():
        shutil.rmtree(place)
    elif how == "flip" and (data := bytearray(place.read_bytes())):
        data[index % len(data)] ^= 1 << index % 8
        place.write_bytes(data)
    elif how == "link":
        place.rename(made.folder.parent / "elsewhere")
        place.symlink_to(made.folder.parent / "elsewhere")
    else:
        place.unlink()
    return str(place.relative_to(made.folder))


@settings(deadline=None, max_examples=200)
@given(trees, st.data())
def test_a_backup_is_sound_until_it_is_damaged_and_then_the_damage_is_named(
    tree: Tree, data: st.DataObject
) -> None:
    with project(tree) as (folder, made):
        taken = backup.take(folder, [*made, "absent"], today=TODAY)
        assert taken.entries == {path: snapshots.of(folder / path) for path in (*made, "absent")}
        assert backup.verified(taken) == ()
        places = sorted((taken.folder, *taken.folder.rglob("*")))
        how = data.draw(st.sampled_from(["flip", "add", "remove", "mode", "link"]))
        place = data.draw(st.sampled_from(places))
        damaged = damage(taken, place, how, data.draw(st.integers(0, 2**16)))
        lost = place == taken.folder and how in {"remove", "flip", "link"}
        wanted = "manifest.json" if lost else damaged
        named = {one.where for one in backup.verified(taken)}
        where = Path("backups", taken.name, wanted)
        assert snapshots.shown(str(where)) in named


@settings(deadline=None, max_examples=200)
@given(trees, st.sampled_from(["remove", "edit"]))
def test_what_is_put_back_is_exactly_what_was_there(tree: Tree, how: str) -> None:
    with project(tree) as (folder, made):
        taken = backup.take(folder, made, today=TODAY)
        for path in made:
            target, snapshot = folder / path, taken.entries[path]
            target.unlink()
            if how == "edit":
                write(folder, path, b"edited")
            source = taken.file(path) if snapshot.kind is Kind.FILE else folder
            backup.put_back(source, target, snapshot)
        assert {path: snapshots.of(folder / path) for path in made} == dict(taken.entries)
