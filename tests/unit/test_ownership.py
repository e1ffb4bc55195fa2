import os
from pathlib import Path

import pytest

from dashtam_tasks import ownership
from dashtam_tasks.ownership import User


class Folder:
    """A project's folder that belongs to someone."""

    def __init__(self, uid: int, gid: int) -> None:
        self.st_uid, self.st_gid = uid, gid

    def stat(self) -> "Folder":
        return self


def become(monkeypatch: pytest.MonkeyPatch, uid: int, gid: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(os, "getegid", lambda: gid)


@pytest.mark.parametrize(
    ("caller", "folder", "expected"),
    [
        ((0, 0), (0, 0), (1000, 1000)),
        ((0, 0), (501, 20), (501, 20)),
        ((501, 20), (501, 20), (501, 20)),
        ((1001, 1001), (0, 0), (1001, 1001)),
        ((1001, 1001), (501, 20), (1001, 1001)),
    ],
)
def test_container_user_can_read_what_the_caller_makes_and_is_never_root(
    monkeypatch: pytest.MonkeyPatch,
    caller: tuple[int, int],
    folder: tuple[int, int],
    expected: tuple[int, int],
) -> None:
    become(monkeypatch, *caller)
    user = ownership.container_user(Folder(*folder))  # type: ignore[arg-type]
    assert user == User(*expected)
    assert user.uid != 0
    assert ownership.owner_for(user) == (user if caller[0] == 0 else None)


def test_a_real_folder(tmp_path: Path) -> None:
    user = ownership.container_user(tmp_path)
    assert user == (User(1000, 1000) if os.geteuid() == 0 else User(os.geteuid(), os.getegid()))
