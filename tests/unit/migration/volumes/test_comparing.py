import stat

import pytest

from dashtam_tasks.migration.containers.workbench import SOURCE, TARGET, Workbench
from dashtam_tasks.migration.volumes import comparing
from dashtam_tasks.migration.volumes.comparing import DIFFERENT, SAME, Bytewise
from dashtam_tasks.migration.volumes.manifest import Entry

FILE = Entry(mode=stat.S_IFREG | 0o600, uid=0, gid=0, size=1000 * 1024, mtime=0, inode=1)
PIPE = Entry(mode=stat.S_IFIFO | 0o600, uid=0, gid=0, size=0, mtime=0, inode=2)
ABOUT = b"diff (GNU diffutils) 3.10\nMemTotal:  9000 kB\nMemAvailable:  2000 kB\n"


@pytest.mark.parametrize(
    ("about", "found", "expected"),
    [
        (ABOUT, {b"./a": FILE}, True),
        (ABOUT, {b"./a": FILE, b"./b": FILE}, False),
        (ABOUT, {b"./a": PIPE}, False),
        (b"diff: unrecognized option '--version'\nMemAvailable: 9000 kB\n", {b"./a": FILE}, False),
        (b"diff (GNU diffutils) 3.10\n", {b"./a": FILE}, False),
        (b"", {b"./a": FILE}, False),
    ],
    ids=["fits", "too-large", "pipe", "BusyBox", "memory-unknown", "nothing-known"],
)
def test_what_memory_holds_is_compared_byte_by_byte_where_diff_is_gnus(
    about: bytes, found: dict[bytes, Entry], expected: bool
) -> None:
    assert comparing.is_quicker(Workbench(name="", about=about), found) is expected


def said(name: str, verb: str = "are identical", quote: str = "") -> bytes:
    """Return what diff says of two files."""
    return f"Files {quote}{SOURCE}/{name}{quote} and {quote}{TARGET}/{name}{quote} {verb}\n".encode()


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_what_is_the_same_is_reported_in_whatever_pieces_it_comes(size: int) -> None:
    reported: list[int] = []
    one = Bytewise(found={b"./a": FILE, b"./b c": FILE}, report=reported.append)
    text = said("a") + said("b c", quote="'")
    for at in range(0, len(text), size):
        one.feed(text[at : at + size])
    assert reported == [FILE.size, FILE.size]
    assert one.differences, "diff has not ended"
    one.end(SAME)
    assert one.differences == ()


def test_what_differs_is_named_and_the_exit_code_alone_decides() -> None:
    one = Bytewise(found={b"./a": FILE}, report=lambda _: None)
    one.feed(said("a") + said("b", "differ"))
    one.end(DIFFERENT)
    assert one.differences == (said("b", "differ").decode().strip(),)
    silent = Bytewise(found={}, report=lambda _: None)
    silent.end(DIFFERENT)
    assert silent.differences
