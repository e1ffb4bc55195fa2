"""Which user the app runs as, and who owns the files that it reads."""

import os
from pathlib import Path
from typing import NamedTuple

ROOT = 0


class User(NamedTuple):
    """A numeric user and group, as chown(2) takes them."""

    uid: int
    gid: int


# The first ordinary user of Debian and of most images (login.defs, UID_MIN).
ORDINARY_USER = User(1000, 1000)


def container_user(project_dir: Path) -> User:
    """Return the user that the app's container runs as; never root.

    It is whoever owns the files that we make, so that it can read the private ones: the caller. Root gives them
    to the owner of the project's folder, or to 1000:1000 where that is root too.
    """
    if os.geteuid() != ROOT:
        return User(os.geteuid(), os.getegid())
    folder = project_dir.stat()
    return ORDINARY_USER if folder.st_uid == ROOT else User(folder.st_uid, folder.st_gid)


def owner_for(user: User) -> User | None:
    """Return the owner to give a file that `user` must read, None to leave it to the caller.

    Only root can give files away, and only root's files need it.
    """
    return user if os.geteuid() == ROOT else None
