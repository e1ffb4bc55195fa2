from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashtam_tasks.errors import DashtamError
from dashtam_tasks.migration.volumes import manifest
from dashtam_tasks.migration.volumes.manifest import Digests, Entry

FILE = Entry(mode=0o100640, uid=70, gid=999, size=5, mtime=10, inode=1)
FOLDER = Entry(mode=0o040755, uid=0, gid=0, size=4096, mtime=10, inode=2)
LINK = Entry(mode=0o120777, uid=0, gid=0, size=2, mtime=10, inode=3, target=b"to")
SHA = "0123456789abcdef" * 4
ESCAPES = {b"\\": b"\\\\", b"\n": b"\\n", b"\r": b"\\r"}

Chunks = list[int]


def gnu(name: bytes) -> bytes:
    """Return the line of GNU's sha256sum."""
    escaped = b"".join(ESCAPES.get(name[at : at + 1], name[at : at + 1]) for at in range(len(name)))
    return (b"\\" if escaped != name else b"") + f"{SHA}  ".encode() + escaped + b"\n"


def busybox(name: bytes) -> bytes:
    """Return the line of BusyBox' sha256sum, which may be several."""
    return f"{SHA}  ".encode() + name + b"\n"


NAMES = st.lists(
    st.binary(min_size=1).filter(lambda one: b"\0" not in one).map(lambda one: b"./" + one), max_size=8
)


@pytest.mark.parametrize("write", [gnu, busybox])
@given(names=NAMES, sizes=st.lists(st.integers(1, 90), min_size=1))
def test_hashes_are_read_whatever_the_names_and_however_they_come(
    write: object, names: list[bytes], sizes: Chunks
) -> None:
    assert callable(write)
    text, read = b"".join(map(write, names)), list[bytes]()
    digests = Digests(names, lambda name, sha256: read.append(name) if sha256 == SHA else None)
    while text:
        for size in sizes:
            digests.feed(text[:size])
            text = text[size:]
    assert read == names


def test_a_hash_of_another_file_is_an_error() -> None:
    with pytest.raises(DashtamError, match="another file"):
        Digests([b"./a", b"./b"], lambda *_: None).feed(gnu(b"./b") + gnu(b"./a"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"uid": 0}, "'./file' is"),
        ({"gid": 0}, "'./file' is"),
        ({"mode": 0o100600}, "'./file' is"),
        ({"size": 6}, "'./file' is"),
        ({"mtime": 11}, "'./file' is"),
    ],
)
def test_whatever_differs_in_a_copy_is_named(change: dict[str, int], words: str) -> None:
    source = {b"./file": FILE}
    (found,) = manifest.differences(source, {b"./file": replace(FILE, **change)})  # type: ignore[arg-type]
    assert found.startswith(words)


def test_what_a_file_system_decides_is_no_difference() -> None:
    source = {b".": FOLDER, b"./file": FILE, b"./link": LINK}
    target = {
        b".": replace(FOLDER, size=8192, inode=12),
        b"./file": replace(FILE, inode=13),
        b"./link": replace(LINK, mtime=99, inode=14),
    }
    assert list(manifest.differences(source, target)) == []


def test_missing_and_new_files_links_elsewhere_and_separate_hard_links_are_named() -> None:
    source = {b"./a": FILE, b"./b": FILE, b"./gone": FILE, b"./link": LINK}
    target = {
        b"./a": FILE,
        b"./b": replace(FILE, inode=9),
        b"./new": FILE,
        b"./link": replace(LINK, target=b""),
    }
    found = "\n".join(manifest.differences(source, target))
    for words in ("'./gone' is missing", "'./new' is in the copy only", "'./link' is", "hard links"):
        assert words in found


def test_contents_that_differ_or_were_not_read_are_named() -> None:
    listed = {b"folder": FOLDER, **dict.fromkeys((b"a", b"b", b"c", b"d"), FILE)}
    found = list(manifest.other_contents(listed, {b"a": "1", b"b": "2", b"c": "3"}, {b"a": "1", b"b": "0"}))
    assert found == [f"'{name}' has other contents in the copy" for name in "bcd"]


@given(sizes=st.lists(st.integers(0, 1000)), parts=st.integers(1, 5))
def test_files_are_divided_with_none_left_out(sizes: list[int], parts: int) -> None:
    found = {str(at).encode(): replace(FILE, size=size) for at, size in enumerate(sizes)} | {
        b"folder": FOLDER
    }
    shares = list(manifest.divided(found, parts))
    assert [name for share in shares for name in share] == [name for name in found if name != b"folder"]
    assert all(shares)
    assert len(shares) <= parts


def test_digest_tells_contents_modes_and_names_apart_and_not_times() -> None:
    found, hashes = {b"./file": FILE, b"./link": LINK}, {b"./file": SHA}
    same = {b"./link": LINK, b"./file": replace(FILE, mtime=99, inode=9)}
    assert manifest.digest(found, hashes) == manifest.digest(same, hashes)
    others = [
        manifest.digest(found, {b"./file": "f" * 64}),
        manifest.digest({**found, b"./file": replace(FILE, uid=1)}, hashes),
        manifest.digest({**found, b"./link": replace(LINK, target=b"else")}, hashes),
        manifest.digest({b"./other": FILE, b"./link": LINK}, {b"./other": SHA}),
    ]
    assert len({manifest.digest(found, hashes), *others}) == 5
