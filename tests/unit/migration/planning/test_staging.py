from pathlib import Path

import pytest

from dashtam_tasks.migration.operations import Move, Operation, Write, diff, in_the_way, is_done
from dashtam_tasks.migration.planning.staging import staged

SECRET = "PASSWORD=made-up\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project with an env file, sources, and a file without a newline at its end."""
    folder = tmp_path / "shop"
    (folder / "src/deep").mkdir(parents=True)
    (folder / "src/deep/app.py").write_text("print()\n")
    (folder / ".env").write_text(SECRET)
    (folder / "notes.txt").write_text("one\ntwo")
    return folder


def listing(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


WRITE = Write(path="src/deep/new/made.yml", data=b"services: {}\n")
MOVE = Move(source=".env", target="envs/.env.dev")


def test_a_stage_looks_like_the_project_afterwards_and_the_project_is_as_before(shop: Path) -> None:
    before = listing(shop)
    with staged(shop, (WRITE, MOVE)) as stage:
        assert stage.name == "shop"
        assert (stage / WRITE.path).read_bytes() == WRITE.data
        assert (stage / "src/deep/app.py").read_text() == "print()\n"
        assert (stage / MOVE.target).read_text() == SECRET
        assert (stage / MOVE.target).stat().st_mode & 0o777 == 0o600
        assert not (stage / MOVE.source).exists()
        assert stage.parent.stat().st_mode & 0o777 == 0o700
    assert not stage.parent.exists()
    assert listing(shop) == before


def test_what_is_not_touched_is_not_copied(shop: Path) -> None:
    with staged(shop, (WRITE,)) as stage:
        assert (stage / ".env").is_symlink()
        assert (stage / "src/deep/app.py").is_symlink()
        assert not (stage / "src/deep").is_symlink()


def test_rewriting_a_file_in_the_stage_does_not_reach_through_its_link(shop: Path) -> None:
    with staged(shop, (Write(path="notes.txt", data=b"new"),)) as stage:
        assert (stage / "notes.txt").read_bytes() == b"new"
    assert (shop / "notes.txt").read_text() == "one\ntwo"


def test_a_diff_shows_what_is_written_and_never_what_is_moved(shop: Path) -> None:
    assert diff(Write(path="notes.txt", data=b"one\nthree"), shop) == (
        "--- notes.txt\n+++ notes.txt\n@@ -1,2 +1,2 @@\n one\n"
        "-two\n\\ No newline at end of file\n+three\n\\ No newline at end of file\n"
    )
    assert diff(WRITE, shop).splitlines()[:2] == ["--- /dev/null", "+++ src/deep/new/made.yml"]
    assert diff(MOVE, shop) == "move .env to envs/.env.dev\n"
    assert "(binary)" in diff(Write(path="notes.txt", data=b"\xff"), shop)


@pytest.mark.parametrize(
    ("operation", "way"),
    [
        (Write(path="notes.txt", data=b"other"), ("notes.txt",)),
        (Write(path="notes.txt", data=b"one\ntwo"), ()),
        (Write(path="new.txt", data=b""), ()),
        (Move(source=".env", target="notes.txt"), ("notes.txt",)),
        (Move(source=".env", target="envs/.env.dev"), ()),
        (Move(source="gone", target="notes.txt"), ()),
    ],
)
def test_what_a_person_has_there_is_in_the_way(
    shop: Path, operation: Operation, way: tuple[str, ...]
) -> None:
    assert in_the_way((operation,), shop) == way


def test_what_is_done_needs_not_be_done_again(shop: Path) -> None:
    assert not is_done(MOVE, shop)
    assert not is_done(Write(path="notes.txt", data=b"other"), shop)
    assert is_done(Write(path="notes.txt", data=b"one\ntwo"), shop)
    (shop / "envs").mkdir()
    (shop / ".env").rename(shop / MOVE.target)
    assert is_done(MOVE, shop)
