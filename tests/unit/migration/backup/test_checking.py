import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dashtam_tasks.findings import Severity
from dashtam_tasks.migration import backup
from dashtam_tasks.migration.backup import Backup
from tests.cases import CountCases
from tests.unit.migration.backup.trees import NAME, SHOP, TODAY, as_nobody, shop, write

Damage = Callable[[Path], object]


@pytest.fixture
def taken(tmp_path: Path) -> Backup:
    """A backup with a dump, contents that were kept later, and a file that was set aside."""
    project = shop(tmp_path)
    made = backup.take(project, SHOP, today=TODAY)
    backup.keep(made, write(project, "later", b"later"))
    dump = write(project / "backups", "finished", b"a dump")
    made = backup.add_dump(
        made, dump, volume="v", service="postgres", database="shop", objects=3, server_version="17.6"
    )
    write(made.folder, "set-aside/mine/of any mode", mode=0o777)
    return made


def found(made: Backup) -> set[tuple[str, str]]:
    findings = backup.verified(made)
    assert all(one.severity is Severity.ERROR and one.message and one.hint for one in findings)
    return {(one.kind, one.where.removeprefix(f"backups/{NAME}/")) for one in findings}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def linked(path: Path) -> None:
    other = path.rename(path.parent.parent.parent / "elsewhere")
    path.symlink_to(other)


def swapped_for_folder(path: Path) -> None:
    path.unlink()
    path.mkdir(0o700)


def test_a_sound_backup_has_no_findings(taken: Backup) -> None:
    assert found(taken) == set()


@pytest.mark.parametrize(
    ("path", "damage", "kind"),
    [
        (".env", flip, "wrong-contents"),
        ("scripts/run me.sh", lambda path: path.write_bytes(b""), "wrong-contents"),
        ("scripts/run me.sh", Path.unlink, "missing"),
        ("docker-compose.yml", lambda path: path.chmod(0o644), "wrong-mode"),
        ("docker-compose.yml", linked, "wrong-kind"),
        (".env", swapped_for_folder, "wrong-kind"),
        ("scripts", lambda path: path.chmod(0o755), "wrong-mode"),
        ("manifest.json", lambda path: path.chmod(0o640), "wrong-mode"),
        ("manifest.json", linked, "wrong-kind"),
        ("manifest.json", flip, "manifest-damaged"),
        ("manifest.json", Path.unlink, "manifest-damaged"),
        ("manifest.json", swapped_for_folder, "manifest-damaged"),
        ("scripts/another", lambda path: write(path.parent, path.name, mode=0o600), "unexpected"),
        ("Makefile", lambda path: path.symlink_to("nowhere"), "unexpected"),
        ("empty", Path.mkdir, "unexpected"),
        ("kept/notes", lambda path: write(path.parent, path.name, mode=0o600), "unexpected"),
        ("kept/" + "0" * 64, lambda path: write(path.parent, path.name, mode=0o600), "wrong-contents"),
        ("dumps/v.shop.dump", lambda path: write(path.parent, path.name, mode=0o600), "unexpected"),
        ("dumps", shutil.rmtree, "missing"),
    ],
)
def test_whatever_is_wrong_is_named(taken: Backup, path: str, damage: Damage, kind: str) -> None:
    damage(taken.folder / path)
    assert (kind, path) in found(taken)
    dumped = {("missing", f"dumps/{taken.dumps[0].name}")} if path == "dumps" else set()
    assert found(taken) - {(kind, path)} == dumped


def test_a_dump_and_what_was_kept_later_are_verified_too(taken: Backup) -> None:
    dump, kept = taken.dump_file(taken.dumps[0]), next((taken.folder / "kept").iterdir())
    for path in (dump, kept):
        flip(path)
    assert found(taken) == {("wrong-contents", f"{path.parent.name}/{path.name}") for path in (dump, kept)}


def test_each_of_several_damages_is_named(taken: Backup) -> None:
    flip(taken.folder / ".env")
    (taken.folder / "docker-compose.yml").unlink()
    taken.folder.chmod(0o755)
    assert found(taken) == {
        ("wrong-contents", ".env"),
        ("missing", "docker-compose.yml"),
        ("wrong-mode", f"backups/{NAME}"),
    }


def test_a_backup_that_is_gone_is_not_sound(taken: Backup) -> None:
    shutil.rmtree(taken.folder)
    assert found(taken) == {("manifest-damaged", "manifest.json")}


def test_a_manifest_cut_at_any_byte_is_damaged(taken: Backup, count_cases: CountCases) -> None:
    path = taken.folder / "manifest.json"
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert found(taken) == {("manifest-damaged", "manifest.json")}, length
    count_cases(len(data))


def test_a_manifest_with_any_bit_flipped_is_damaged(taken: Backup, count_cases: CountCases) -> None:
    path = taken.folder / "manifest.json"
    data = path.read_bytes()
    for bit in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        assert found(taken) == {("manifest-damaged", "manifest.json")}, bit
    count_cases(len(data) * 8)


def test_a_damaged_backup_is_listed_with_what_is_known_of_it(taken: Backup, tmp_path: Path) -> None:
    flip(taken.folder / "manifest.json")
    (listed,) = backup.existing(tmp_path)
    assert (listed.name, listed.taken.date(), listed.entries) == (NAME, TODAY, {})
    assert listed.problem.startswith("It is damaged, or another version wrote it: ")


def test_a_folder_that_may_not_be_looked_into_is_named_with_what_is_missing_from_it() -> None:
    with as_nobody() as folder:
        made = backup.take(shop(folder), SHOP, today=TODAY)
        (made.folder / "scripts").chmod(0)
        assert found(made) == {("wrong-mode", "scripts"), ("missing", "scripts/run me.sh")}
        (made.folder / "scripts").chmod(0o700)


def test_a_name_that_no_terminal_shows_is_written_as_in_the_manifest(tmp_path: Path) -> None:
    name = os.fsdecode(b"two\nlines\xff")
    write(tmp_path, name)
    made = backup.take(tmp_path, (name,), today=TODAY)
    flip(made.folder / name)
    assert [one.where for one in backup.verified(made)] == [f"backups/{NAME}/two%0Alines%FF"]
