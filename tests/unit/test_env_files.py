import os
import stat
from pathlib import Path

import pytest
from dotenv import dotenv_values

from dashtam_tasks import env_files
from dashtam_tasks.errors import DashtamError, ExitCode
from dashtam_tasks.findings import Finding, Severity
from dashtam_tasks.ownership import User, container_user

SECRET = "hunter2-Zm9vYmFy"


pytestmark = pytest.mark.usefixtures("hostile_umask")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env.dev"


@pytest.fixture
def user(tmp_path: Path) -> User:
    return container_user(tmp_path)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, text: str, *, mode: int = 0o600) -> Path:
    path.write_bytes(text.encode())
    path.chmod(mode)
    return path


def test_read_returns_values_as_they_stand(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/not/this")
    text = "# a comment\n\nA=1\nexport B='x y'  # why\r\nC=\"tab\\there\"\nD=$HOME/${HOME:-x}\nE=\nF=a#b # c\nA=ü\n"
    assert env_files.read(write(path, text)) == {
        "A": "ü",
        "B": "x y",
        "C": "tab\there",
        "D": "$HOME/${HOME:-x}",
        "E": "",
        "F": "a#b",
    }


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        (f"A=1\nB='{SECRET}\nC=2\n", 2, "B"),
        (f'A=1\r\n\r\nB="{SECRET}" x\r\n', 3, "B"),
        (f"A=1\n{SECRET}\n", 2, None),
        (f"{SECRET} {SECRET}=1\n", 1, None),
        (f"\ufeff\n'A'={SECRET}\n", 2, None),
        (f"1A={SECRET}", 1, None),
        (f"A: {SECRET}", 1, None),
    ],
)
def test_a_malformed_line_is_named_without_its_value(
    path: Path, text: str, line: int, name: str | None
) -> None:
    with pytest.raises(DashtamError) as raised:
        env_files.read(write(path, text))
    assert raised.value.code == ExitCode.CONFIGURATION
    assert raised.value.reason.startswith(f"{path}:{line}: ")
    assert SECRET not in raised.value.reason + raised.value.hint + raised.value.details
    if name:
        assert f" {name} " in raised.value.reason


def test_lines_after_an_error_are_counted_right_with_crlf(path: Path) -> None:
    example = path.with_name("example")
    write(example, "A=1\n")
    write(path, "A='x\r\nB='y\r\nC z=1\r\nA=1\r\n")
    malformed = [found.where for found in env_files.compare(path, example) if found.kind == "malformed"]
    assert malformed == [f"{path}:1", f"{path}:3"]


def test_a_missing_file_says_how_to_make_it(path: Path) -> None:
    with pytest.raises(DashtamError, match="is missing") as raised:
        env_files.read(path)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert "inv setup" in raised.value.hint


def test_a_folder_in_place_of_the_file(path: Path) -> None:
    path.mkdir()
    with pytest.raises(DashtamError, match="is a folder") as raised:
        env_files.read(path)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert "Docker" in raised.value.hint


def test_bytes_that_are_no_text(path: Path) -> None:
    path.write_bytes(b"A=1\nB=\xff\xfe" + SECRET.encode())
    with pytest.raises(DashtamError, match="line 2") as raised:
        env_files.read(path)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert SECRET not in str(raised.value)


def test_a_file_that_may_not_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    write(path, "A=1\n")
    # Root may read everything, so no mode makes this happen for every user.
    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(DashtamError, match="Permission denied") as raised:
        env_files.read(path)
    assert raised.value.code == ExitCode.CONFIGURATION
    assert str(path) in raised.value.reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# X=1\nX=old\nY='x'  # y\n", "# X=1\nX=new\nY='x'  # y\n"),
        ("A=1\r\nX=old\r\nB=2\r\n", "A=1\r\nX=new\r\nB=2\r\n"),
        ("A=1\nX=old", "A=1\nX=new"),
        ("A=1\nX=", "A=1\nX=new"),
        ("X=old   # why\n", "X=new   # why\n"),
        ("X= # why\n", "X=new # why\n"),
        ("X=#old\n", "X=new\n"),
        ("X = old\n", "X = new\n"),
        ("\n\n  export   X='o\"l d' # 'q'\n", "\n\n  export   X='new' # 'q'\n"),
        ('X="o\\"ld"\n', 'X="new"\n'),
        ('A="two\nX=lines"\nX=old\n', 'A="two\nX=lines"\nX=new\n'),
        ("\ufeffX=old\nA=ü # 日本\n", "\ufeffX=new\nA=ü # 日本\n"),
        ("X=first\nX=second\n", "X=first\nX=new\n"),
        ("XX=1\nX=old\nX_X=2\n\n\n", "XX=1\nX=new\nX_X=2\n\n\n"),
        ("\tX=old\t\n", "\tX=new\t\n"),
    ],
)
def test_update_keeps_every_other_byte(path: Path, before: str, after: str) -> None:
    write(path, before)
    env_files.update(path, {"X": "new"})
    assert path.read_bytes() == after.encode()
    assert env_files.read(path)["X"] == "new"


@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        "a b",
        "$HOME",
        "#x",
        "a #b",
        'say "x"',
        "ü",
        "x=y==",
        " padded ",
        "`id`",
        "a;b|c&d",
        "-_~",
    ],
)
def test_what_is_written_is_what_is_read(path: Path, quote: str, value: str) -> None:
    write(path, f"A=1\nX={quote}old{quote} # why\nB=2\n")
    env_files.update(path, {"X": value})
    assert env_files.read(path) == {"A": "1", "X": value, "B": "2"}
    assert dotenv_values(path, interpolate=False) == {"A": "1", "X": value, "B": "2"}


@pytest.mark.parametrize("value", ["it's" + SECRET, "back\\slash" + SECRET, "two\nlines" + SECRET])
def test_a_value_that_parsers_disagree_about_is_refused(path: Path, value: str) -> None:
    write(path, "X=old\n")
    with pytest.raises(DashtamError, match="X: ") as raised:
        env_files.update(path, {"X": value})
    assert raised.value.code == ExitCode.DATA
    assert SECRET not in raised.value.reason + raised.value.hint
    assert path.read_bytes() == b"X=old\n"


def test_update_changes_several_names_at_once(path: Path) -> None:
    write(path, "A=1\nB=22222\nC=3\n")
    env_files.update(path, {"C": "long value", "A": "x" * 50, "B": ""})
    assert path.read_text() == f"A={'x' * 50}\nB=\nC='long value'\n"


def test_update_of_a_name_that_is_not_there_changes_nothing(path: Path) -> None:
    write(path, "A=1\n# B=2\n")
    with pytest.raises(DashtamError, match="does not set B") as raised:
        env_files.update(path, {"A": "2", "B": SECRET})
    assert raised.value.code == ExitCode.CONFIGURATION
    assert SECRET not in str(raised.value)
    assert path.read_bytes() == b"A=1\n# B=2\n"


def test_update_keeps_mode_owner_and_link(path: Path) -> None:
    target = write(path.with_name("target"), "X=old\n", mode=0o640)
    owner = (12345, 23456) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(target, *owner)
    path.symlink_to(target.name)
    env_files.update(path, {"X": "new"})
    present = target.stat()
    assert path.is_symlink()
    assert target.read_bytes() == b"X=new\n"
    assert (present.st_uid, present.st_gid) == owner
    assert stat.S_IMODE(present.st_mode) == 0o640
    assert entries(path.parent) == [".env.dev", "target"]


def test_create_copies_the_example_but_for_the_values(path: Path, user: User) -> None:
    example = write(
        path.with_name("example"), "# ü\r\nA=1\r\nexport UID='0' # who\r\n\r\nS=CHANGE_ME", mode=0o644
    )
    assert env_files.create(path, example, values={"UID": "1000"}, user=user) is True
    assert path.read_bytes() == "# ü\r\nA=1\r\nexport UID='1000' # who\r\n\r\nS=CHANGE_ME".encode()
    present = path.stat()
    assert stat.S_IMODE(present.st_mode) == 0o600
    assert (present.st_uid, present.st_gid) == tuple(user)


def test_create_leaves_what_is_there_alone(path: Path, user: User) -> None:
    example = write(path.with_name("example"), "A=1\n")
    write(path, "A=mine\n", mode=0o640)
    before = path.stat()
    assert env_files.create(path, example, values={"A": "2"}, user=user) is False
    after = path.stat()
    assert path.read_bytes() == b"A=mine\n"
    assert (after.st_mtime_ns, after.st_mode) == (before.st_mtime_ns, before.st_mode)


def test_create_never_replaces_a_file_that_appears_meanwhile(
    path: Path, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = write(path.with_name("example"), "A=1\n")
    real = os.fsync

    def fsync(descriptor: int) -> None:
        write(path, "A=theirs\n")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    assert env_files.create(path, example, values={}, user=user) is False
    assert path.read_bytes() == b"A=theirs\n"
    assert entries(path.parent) == [".env.dev", "example"]


def test_create_without_an_example_makes_nothing(path: Path, user: User) -> None:
    with pytest.raises(DashtamError, match="example is missing"):
        env_files.create(path, path.with_name("example"), values={}, user=user)
    assert not path.exists()


def kinds(found: tuple[Finding, ...]) -> list[tuple[str, str, Severity]]:
    return [(one.kind, one.where.rpartition("/")[2], one.severity) for one in found]


def test_compare_of_a_good_file_finds_nothing(path: Path) -> None:
    example = write(path.with_name("example"), "A=1\nS=CHANGE_ME\n# OPTIONAL=x\n", mode=0o644)
    write(path, f"S={SECRET}\nexport A=\nOPTIONAL=y\n")
    assert env_files.compare(path, example) == ()


def test_compare_finds_each_fault_and_shows_no_value(path: Path) -> None:
    example = write(path.with_name("example"), "A=1\nB=2\nC=3\nKEY=CHANGE_ME\n")
    write(
        path,
        f"A={SECRET}\nKEY=CHANGE_ME\nOTHER=<{SECRET}>\n\nA={SECRET}2\nC='{SECRET}\n{SECRET}\n",
        mode=0o644,
    )
    found = env_files.compare(path, example, generated={"KEY"})
    assert kinds(found) == [
        ("mode", ".env.dev", Severity.ERROR),
        ("placeholder", ".env.dev:3", Severity.WARNING),
        ("duplicate", ".env.dev:5", Severity.WARNING),
        ("malformed", ".env.dev:6", Severity.ERROR),
        ("malformed", ".env.dev:7", Severity.ERROR),
        ("missing", ".env.dev", Severity.ERROR),
        ("extra", ".env.dev:3", Severity.WARNING),
    ]
    assert SECRET not in repr(found)
    assert all(one.hint for one in found)
    assert found[5].message == "B is not set."
    assert "example:2" in found[5].hint


def test_compare_of_a_missing_or_unreadable_file(path: Path) -> None:
    example = write(path.with_name("example"), "A=1\n")
    assert kinds(env_files.compare(path, example)) == [("missing", ".env.dev", Severity.ERROR)]
    path.mkdir()
    assert kinds(env_files.compare(path, example)) == [("unreadable", ".env.dev", Severity.ERROR)]


@pytest.mark.parametrize("mode", [0o601, 0o610, 0o604, 0o640, 0o700, 0o4600])
def test_a_mode_wider_than_0600_is_found(path: Path, mode: int) -> None:
    example = write(path.with_name("example"), "A=1\n")
    write(path, "A=1\n", mode=mode)
    assert kinds(env_files.compare(path, example)) == [("mode", ".env.dev", Severity.ERROR)]


@pytest.mark.parametrize(
    "value",
    ["CHANGE_ME", "changeme", "Change-Me", "change_me_in_production", "<your token>", "your-key-here"],
)
def test_placeholders(value: str) -> None:
    assert env_files.is_placeholder(value)


@pytest.mark.parametrize("value", ["", "exchange_me", "a<b>c", "yours", "your-own-words", SECRET, "mock-key"])
def test_no_placeholders(value: str) -> None:
    assert not env_files.is_placeholder(value)
